import { now } from '../../host/clock.ts';
import { fromErrno, join } from '../../host/files.ts';
import { fillCommand, renderCommand, wordOf } from '../../pipeline/command.ts';
import type { AttemptNews } from '../attempts.ts';
import type { AttemptEnd, StepAttempt, Workspace } from './step-attempt.ts';

/** How a command is run, whatever runs it: where its output goes, what ends it, and who is told. */
export interface RunningCommand {
  logs: { stdout: string; stderr: string };
  timeoutMs?: number;
  /** Aborted: it is to stop politely. */
  cancel: AbortSignal;
  /** Aborted: it is killed. */
  kill: AbortSignal;
  graceMs?: number;
  /** Told as soon as it runs, also of what cannot be started. */
  onStart(process: { pid?: number; pidStart?: string }): void;
  onLines(lines: string[]): void;
}

/**
 * Runs the command of an attempt and tells of it.
 * @param run what runs it to its end
 * @throws what makes going on impossible, in the product's words
 */
export async function runCommand(
  { step, cell, attempt, context, cancel, kill }: StepAttempt,
  tell: (news: AttemptNews) => void,
  run: (how: RunningCommand) => Promise<AttemptEnd>,
): Promise<Pick<RunningCommand, 'logs'> & { end: AttemptEnd }> {
  const { name } = cell;
  const logs = context.logPaths(name, attempt);
  const command = renderCommand(step, cell.matrix);
  try {
    const end = await run({
      logs,
      ...(step.timeoutMs === undefined ? {} : { timeoutMs: step.timeoutMs }),
      cancel,
      kill,
      ...(context.graceMs === undefined ? {} : { graceMs: context.graceMs }),
      onStart: (process) =>
        tell({ type: 'step-started', step: name, attempt, at: now(), command, ...process }),
      onLines: (lines) => tell({ type: 'step-output', step: name, attempt, lines: lines.map(context.mask) }),
    });
    return { logs, end };
  } catch (error) {
    throw fromErrno(error, `running step ${name}`);
  }
}

/** The command of an attempt with the places of its workspace and the values of its cell. */
export function filledCommand({ step, cell }: StepAttempt, workspace: Workspace) {
  return fillCommand(step.command, {
    input: (name) => step.inputs[name]!.at ?? join(workspace.in, name),
    output: (name) => step.outputs[name]!.path ?? join(workspace.out, name),
    matrix: (name) => wordOf(cell.matrix[name] ?? null),
    scratch: () => workspace.scratch,
  });
}
