import {
  dirname,
  existsSync,
  fromErrno,
  isErrno,
  join,
  makeDirectories,
  mkdirSync,
  mkdtempSync,
  removeDirectory,
  removeFile,
  removeTree,
  resolve,
  writeFileSync,
} from '../../host/files.ts';
import type { PlannedStep } from '../../pipeline/plan.ts';
import { placeInput } from './inputs.ts';
import type { PlacedInput, StepAttempt, Workspace } from './step-attempt.ts';

/** Makes the directories of an attempt and fills them with code, inputs and parameters. */
export async function openWorkspace(
  task: StepAttempt,
): Promise<{ workspace: Workspace; placed: PlacedInput[] }> {
  const { step, cell, inputs, context, content } = task;
  const workspace = openEmptyWorkspace(task);
  const { work } = workspace;
  try {
    if (!existsSync(workspace.scratch)) makeDirectories(workspace.scratch);
    await context.placeCode(step, work);
    if (!existsSync(workspace.workdir)) makeDirectories(workspace.workdir);
    removeStale(step, workspace);
    const placed: PlacedInput[] = [];
    for (const [name, input] of Object.entries(step.inputs)) {
      const path = input.at === undefined ? join(workspace.in, name) : resolve(workspace.workdir, input.at);
      // A spread of more files than the stack holds would end the run.
      for (const file of await placeInput(inputs[name]!, path, name, input.mode, content)) placed.push(file);
    }
    for (const output of Object.values(step.outputs)) {
      if (output.path !== undefined) makeDirectories(dirname(resolve(workspace.workdir, output.path)));
    }
    writeFileSync(workspace.parameters, `${JSON.stringify(step.parameters)}\n`);
    return { workspace, placed };
  } catch (error) {
    throw fromErrno(error, `preparing step ${cell.name}`);
  }
}

/** Makes the directories of an attempt: of one that runs elsewhere, what it left is put into them. */
export function openEmptyWorkspace({ step, cell, attempt, environment, context }: StepAttempt): Workspace {
  try {
    // Created exclusively under a name that no earlier step could know, so that none can have put files into it.
    const berth = temporaryDirectory(context.workDirectory, `${cell.name}-${attempt}-`);
    const root = join(berth, 'attempt');
    const work = join(root, 'work');
    const workspace: Workspace = {
      berth,
      root,
      work,
      workdir: resolve(work, step.workdir),
      in: join(root, 'in'),
      out: join(root, 'out'),
      home: join(root, 'home'),
      temporary: join(root, 'tmp'),
      scratch: context.scratch(environment.key),
      parameters: join(root, 'params.json'),
    };
    for (const directory of [root, work, workspace.in, workspace.out, workspace.home, workspace.temporary]) {
      mkdirSync(directory);
    }
    return workspace;
  } catch (error) {
    throw fromErrno(error, `preparing step ${cell.name}`);
  }
}

/** Removes all directories of an attempt: one by one where nothing is left in them, which is the rule. */
export async function closeWorkspace({ berth, root, parameters, ...places }: Workspace): Promise<void> {
  const mostlyEmpty = [places.home, places.temporary, places.in, places.out, places.work];
  // All of them have to be over before anything is removed another way.
  await Promise.allSettled([
    removeFile(parameters),
    ...mostlyEmpty.map((directory) => removeDirectory(directory)),
  ]);
  try {
    await removeDirectory(root);
    await removeDirectory(berth);
  } catch {
    removeTree(berth);
  }
}

function temporaryDirectory(parent: string, prefix: string): string {
  try {
    return mkdtempSync(join(parent, prefix));
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
    makeDirectories(parent);
    return mkdtempSync(join(parent, prefix));
  }
}

/** What the code already holds at an output's or report's path is no result of this attempt (spec SAME-STP-018). */
function removeStale(step: PlannedStep, workspace: Workspace): void {
  const written = Object.values(step.outputs).flatMap(({ path }) => path ?? []);
  for (const path of [...written, 'metrics.json', 'metrics.jsonl'])
    removeTree(resolve(workspace.workdir, path));
}
