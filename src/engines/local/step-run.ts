import { SameError } from '../../errors/same-error.ts';
import { now } from '../../host/clock.ts';
import { fromErrno, join, removeTree } from '../../host/files.ts';
import { findCommand } from '../../host/processes.ts';
import { fillCommand, renderCommand, wordOf } from '../../pipeline/command.ts';
import { conclude } from '../attempt/conclusion.ts';
import type { AttemptEnd, Finished, StepAttempt, Workspace } from '../attempt/step-attempt.ts';
import { stepVariables } from '../attempt/variables.ts';
import { openWorkspace } from '../attempt/workspace.ts';
import type { EngineEvent } from '../engine.ts';
import { runAttempt } from './attempt.ts';

/** Runs one attempt of a step: workspace, command, outputs. The last event is returned, for the caller to judge. */
export async function* runOnce(task: StepAttempt): AsyncGenerator<EngineEvent, Finished> {
  const { step, attempt, context } = task;
  const { workspace, placed } = await openWorkspace(task);
  const logs = context.logPaths(step.name, attempt);
  const env = stepVariables(task, workspace);
  yield {
    type: 'step-started',
    step: step.name,
    attempt,
    at: now(),
    command: renderCommand(step, task.cell.matrix),
  };
  const queue: string[][] = [];
  let wake: () => void = () => {};
  const running = runAttempt({
    argv: argvOf(task, workspace, env),
    cwd: workspace.workdir,
    env,
    logs,
    ...(step.timeoutMs === undefined ? {} : { timeoutMs: step.timeoutMs }),
    cancel: context.cancel,
    kill: context.kill,
    ...(context.graceMs === undefined ? {} : { graceMs: context.graceMs }),
    onLines(lines) {
      queue.push(lines.map(context.mask));
      wake();
    },
  });
  let end: AttemptEnd | undefined;
  let failure: unknown;
  const over = running.then(
    (value) => {
      end = value;
      wake();
    },
    (error: unknown) => {
      failure = error;
      wake();
    },
  );
  while (end === undefined && failure === undefined) {
    const lines = queue.shift();
    if (lines) yield { type: 'step-output', step: step.name, attempt, lines };
    else
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  }
  await over;
  for (const lines of queue) yield { type: 'step-output', step: step.name, attempt, lines };
  if (!end) throw fromErrno(failure, `running step ${step.name}`);
  const ended = { ...task, workspace, placed, logs, end };
  try {
    return await conclude(ended);
  } catch (error) {
    // Ctrl-C while the outputs were hashed: what is not all stored did not succeed.
    if (error instanceof SameError && error.code === 'SAME1903')
      return await conclude({ ...ended, end: { ...end, status: 'canceled' } });
    throw fromErrno(error, `storing the outputs of step ${step.name}`);
  } finally {
    // All of it: what a step that failed put beside its own directories is not for the next attempt to answer for.
    removeTree(context.workDirectory);
  }
}

function argvOf(task: StepAttempt, workspace: Workspace, env: Record<string, string>): string[] {
  const { step } = task;
  const filled = fillCommand(step.command, {
    input: (name) => step.inputs[name]!.at ?? join(workspace.in, name),
    output: (name) => step.outputs[name]!.path ?? join(workspace.out, name),
    matrix: (name) => wordOf(task.cell.matrix[name] ?? null),
    scratch: () => workspace.scratch,
  });
  if ('exec' in filled) return filled.exec;
  const bash = findCommand('bash', env.PATH);
  return bash ? [bash, '-o', 'pipefail', '-c', filled.shell] : ['sh', '-c', filled.shell];
}
