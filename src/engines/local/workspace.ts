import { createHash } from 'node:crypto';
import { parseTreeList } from '../../bundle/tree.ts';
import type { LocalContentStore } from '../../content/content-store.ts';
import type { ReadyEnvironment } from '../../environments/environment.ts';
import { type Finding, SameError } from '../../errors/same-error.ts';
import {
  basename,
  createReadStream,
  dirname,
  fromErrno,
  isErrno,
  join,
  lstatSync,
  makeDirectories,
  mkdtempSync,
  namesIn,
  realpathSync,
  removeTree,
  resolve,
  sep,
  statSync,
  writeFileSync,
} from '../../host/files.ts';
import type { PlannedCell, PlannedStep } from '../../pipeline/plan.ts';
import type { StepKey } from '../../pipeline/step-key.ts';
import type { Artifact, EngineContext } from '../engine.ts';

/** One attempt of a step, with everything that it is given. */
export interface StepAttempt {
  step: PlannedStep;
  cell: PlannedCell;
  key: StepKey;
  attempt: number;
  inputs: Record<string, Artifact>;
  environment: ReadyEnvironment;
  context: EngineContext;
  content: LocalContentStore;
}

/** The directories of one step attempt (spec chapter step-contract). */
export interface Workspace {
  /** Everything below is this attempt's own. */
  root: string;
  /** The program's files; the step's `workdir` is below it. */
  work: string;
  /** Where the command starts. */
  workdir: string;
  in: string;
  out: string;
  home: string;
  temporary: string;
  scratch: string;
  parameters: string;
}

/** A file the engine put into the workspace, as it was when the step began. */
export interface PlacedInput {
  input: string;
  /** Where the whole input is: the file itself, or the directory it is in. */
  root: string;
  path: string;
  digest: string;
  linked: boolean;
  ino: bigint;
  ctimeNs: bigint;
}

/** Makes the directories of an attempt and fills them with code, inputs and parameters. */
export async function openWorkspace({
  step,
  attempt,
  inputs,
  environment,
  context,
  content,
}: StepAttempt): Promise<{ workspace: Workspace; placed: PlacedInput[] }> {
  let root: string;
  try {
    makeDirectories(context.workDirectory);
    // Created exclusively under a name that no earlier step could know, so that none can have put files into it.
    root = mkdtempSync(join(context.workDirectory, `${step.name}-${attempt}-`));
  } catch (error) {
    throw fromErrno(error, `preparing step ${step.name}`);
  }
  const work = join(root, 'work');
  const workspace: Workspace = {
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
  try {
    for (const directory of [
      work,
      workspace.in,
      workspace.out,
      workspace.home,
      workspace.temporary,
      workspace.scratch,
    ]) {
      makeDirectories(directory);
    }
    await context.placeCode(step, work);
    makeDirectories(workspace.workdir);
    removeStale(step, workspace);
    const placed: PlacedInput[] = [];
    for (const [name, input] of Object.entries(step.inputs)) {
      const path = input.at === undefined ? join(workspace.in, name) : resolve(workspace.workdir, input.at);
      placed.push(...(await placeArtifact(inputs[name]!, path, name, input.mode, content)));
    }
    for (const output of Object.values(step.outputs)) {
      if (output.path !== undefined) makeDirectories(dirname(resolve(workspace.workdir, output.path)));
    }
    writeFileSync(workspace.parameters, `${JSON.stringify(step.parameters)}\n`);
    return { workspace, placed };
  } catch (error) {
    throw fromErrno(error, `preparing step ${step.name}`);
  }
}

/** What the code already holds at an output's or report's path is no result of this attempt (spec SAME-STP-018). */
function removeStale(step: PlannedStep, workspace: Workspace): void {
  const written = Object.values(step.outputs).flatMap(({ path }) => path ?? []);
  for (const path of [...written, 'metrics.json', 'metrics.jsonl'])
    removeTree(resolve(workspace.workdir, path));
}

async function placeArtifact(
  artifact: Artifact,
  path: string,
  input: string,
  mode: 'link' | 'copy',
  content: LocalContentStore,
): Promise<PlacedInput[]> {
  const files = artifact.digest.startsWith('tree:')
    ? parseTreeList(await content.read(artifact.digest.slice('tree:'.length), 256 * 1024 * 1024)).map(
        (file) => ({
          path: join(path, file.path),
          digest: file.digest,
          executable: file.executable,
        }),
      )
    : [{ path, digest: artifact.digest, executable: artifact.executable ?? false }];
  // What the program has there gives way to the input (spec SAME-PIP-006).
  removeTree(path);
  return files.map((file) => {
    makeDirectories(dirname(file.path));
    content.place(file.digest, file.path, mode, file.executable);
    const { ino, ctimeNs } = statSync(file.path, { bigint: true });
    return { input, root: path, path: file.path, digest: file.digest, linked: mode === 'link', ino, ctimeNs };
  });
}

/**
 * Finds inputs that the step changed: a link that is gone, replaced or rewritten. A rewritten blob is moved out of the
 * store. Inputs in mode copy are the step's own.
 */
export async function changedInputs(
  placed: readonly PlacedInput[],
  content: LocalContentStore,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const changed = (file: PlacedInput, how: string) =>
    findings.push({
      code: 'SAME1605',
      message: `input "${file.input}" was ${how} by the step`,
      place: file.path,
      hint: 'inputs are read-only: write to an output, or declare the input with mode: copy',
    });
  for (const file of placed) {
    if (!file.linked) continue;
    try {
      const stat = lstatSync(file.path, { bigint: true, throwIfNoEntry: false });
      if (!stat) changed(file, 'removed');
      else if (stat.ino !== file.ino) changed(file, 'replaced');
      else if (stat.ctimeNs !== file.ctimeNs && !(await isWhole(file, content))) changed(file, 'changed');
    } catch (error) {
      if (isUnreadable(error, file.path)) changed(file, 'made unreadable');
      else if (isErrno(error, 'ELOOP')) changed(file, 'replaced');
      else throw error;
    }
  }
  for (const [root, files] of Map.groupBy(placed, ({ root }) => root)) {
    const known = new Set(files.map(({ path }) => path));
    const first = files[0]!;
    if (!first.linked) continue;
    try {
      const added = filesBelow(root).find((path) => !known.has(path));
      if (added !== undefined) changed({ ...first, path: added }, 'added to');
    } catch (error) {
      if (!isUnreadable(error, root) && !isErrno(error, 'ELOOP')) throw error;
      // Said of each file of it already, unless a directory was added.
      if (findings.length === 0) changed({ ...first, path: root }, 'made unreadable');
    }
  }
  return findings;
}

/** Whether a step took away the right to read or move what it left there; the cause is what an adapter wraps. */
function isUnreadable(error: unknown, root: string): boolean {
  const cause = error instanceof SameError ? error.cause : error;
  return isErrno(cause, 'EACCES', 'EPERM') && ((cause as NodeJS.ErrnoException).path ?? '').startsWith(root);
}

/** Everything at or below a path that is no directory. */
function filesBelow(path: string): string[] {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return [];
  return stat.isDirectory() ? namesIn(path).flatMap((name) => filesBelow(join(path, name))) : [path];
}

/** A link is rechecked in the store, which takes a rewritten blob out; a copy (an executable, another disk) by itself. */
async function isWhole({ path, digest, ino }: PlacedInput, content: LocalContentStore): Promise<boolean> {
  const blob = statSync(content.pathOf(digest), { bigint: true, throwIfNoEntry: false });
  if (blob?.ino === ino) return content.recheck(digest);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return `sha256:${hash.digest('hex')}` === digest;
}

/** Entries a step left beside its own directories: it wrote where it may not. */
export function strayEntries(workspace: Workspace, step: PlannedStep, context: EngineContext): Finding[] {
  const own = ['work', 'in', 'out', 'home', 'tmp', 'params.json'];
  const expected: [string, (name: string) => boolean][] = [
    [workspace.root, (name) => own.includes(name)],
    [context.workDirectory, (name) => name === basename(workspace.root)],
    [workspace.in, (name) => step.inputs[name]?.at === undefined && name in step.inputs],
    [workspace.out, (name) => name in step.outputs && step.outputs[name]!.path === undefined],
  ];
  return expected.flatMap(([directory, allowed]) =>
    namesIn(directory)
      .filter((name) => !allowed(name))
      .map((name) => ({
        code: 'SAME1604' as const,
        message: `step ${step.name} wrote "${join(directory, name).slice(context.workDirectory.length + 1)}", which is no declared output`,
        place: join(directory, name),
        hint: 'declare it under outputs, or write temporary files to $TMPDIR',
      })),
  );
}

/** Takes a declared output into the store. @returns the artifact, or why it cannot be one. */
export async function takeOutput(
  name: string,
  step: PlannedStep,
  workspace: Workspace,
  content: LocalContentStore,
  tree: (directory: string) => Promise<Artifact | Finding>,
): Promise<Artifact | Finding> {
  const declared = step.outputs[name]!.path;
  const path = declared === undefined ? join(workspace.out, name) : resolve(workspace.workdir, declared);
  const taken = await takePath(path, `output "${name}"`, workspace, content, tree);
  return (
    taken ?? {
      code: 'SAME1603',
      message: `step ${step.name} did not write its output "${name}" (${declared ?? `$SAME_OUT/${name}`})`,
      place: path,
      hint:
        declared === undefined
          ? `write it to {{outputs.${name}}}`
          : "paths are relative to the step's workdir",
    }
  );
}

/**
 * Takes what a step left at a path into the store, if the path leads into the attempt's own directories.
 * @param tree takes a directory; without it none is wanted
 * @returns the artifact, why it cannot be one, or undefined when nothing is there
 */
export async function takePath(
  path: string,
  what: string,
  workspace: Workspace,
  content: LocalContentStore,
  tree?: (directory: string) => Promise<Artifact | Finding>,
): Promise<Artifact | Finding | undefined> {
  try {
    const stat = lstatSync(path);
    if (!stat.isSymbolicLink() && !realpathSync(path).startsWith(realpathSync(workspace.root) + sep)) {
      return { code: 'SAME1604', message: `${what} lies outside the step's directory`, place: path };
    }
    if (stat.isDirectory() && tree) return await tree(path);
    if (!stat.isFile()) {
      const wanted = tree ? 'a regular file or directory' : 'a regular file';
      return { code: 'SAME1611', message: `${what} is not ${wanted}`, place: path };
    }
    const executable = (stat.mode & 0o100) !== 0;
    const { digest, sizeBytes } = await content.adopt(path);
    return executable ? { digest, sizeBytes, executable } : { digest, sizeBytes };
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    if (!isUnreadable(error, path)) throw error;
    return {
      code: 'SAME1611',
      message: `${what} cannot be read or moved (its permissions)`,
      place: path,
      hint: 'leave what is to be kept readable and writable for its owner',
    };
  }
}
