import type { LocalContentStore } from '../../content/content-store.ts';
import { SameError } from '../../errors/same-error.ts';
import { now } from '../../host/clock.ts';
import { dirname, fromErrno, join } from '../../host/files.ts';
import { findCommand } from '../../host/processes.ts';
import { fillCommand, renderCommand, wordOf } from '../../pipeline/command.ts';
import { conclude } from '../attempt/conclusion.ts';
import { openLogging } from '../attempt/logging.ts';
import type { AttemptEnd, EndedAttempt, Finished, StepAttempt, Workspace } from '../attempt/step-attempt.ts';
import { stepVariables } from '../attempt/variables.ts';
import { closeWorkspace, openWorkspace } from '../attempt/workspace.ts';
import type { AttemptNews, Attempts } from '../attempts.ts';
import { runAttempt } from './attempt.ts';
import { takeReads, traced } from './file-trace.ts';

/** Runs attempts as process groups of this machine. */
export function openLocalAttempts(content: LocalContentStore): Attempts {
  return { content, run: runLocally };
}

async function runLocally(task: StepAttempt, tell: (news: AttemptNews) => void): Promise<Finished> {
  const { step, cell, attempt, context } = task;
  const { name } = cell;
  const { workspace, placed } = await openWorkspace(task);
  const intake = await openLogging(task, workspace);
  try {
    const logs = context.logPaths(name, attempt);
    const env = { ...stepVariables(task, workspace), ...intake?.variables };
    const command = renderCommand(step, cell.matrix);
    const trace = context.trace && join(context.trace.directory, `${name}.${attempt}`);
    const argv = argvOf(task, workspace, env);
    let end: AttemptEnd;
    try {
      end = await runAttempt({
        argv: trace === undefined ? argv : traced(argv, trace),
        cwd: workspace.workdir,
        env,
        logs,
        ...(step.timeoutMs === undefined ? {} : { timeoutMs: step.timeoutMs }),
        cancel: task.cancel,
        kill: task.kill,
        ...(context.graceMs === undefined ? {} : { graceMs: context.graceMs }),
        onStart: (process) =>
          tell({ type: 'step-started', step: name, attempt, at: now(), command, ...process }),
        onLines: (lines) =>
          tell({ type: 'step-output', step: name, attempt, lines: lines.map(context.mask) }),
      });
    } catch (error) {
      throw fromErrno(error, `running step ${name}`);
    }
    if (trace !== undefined) {
      const given = [
        workspace.berth,
        workspace.scratch,
        ...task.environment.path.map((path) => dirname(path)),
      ];
      tell({ type: 'step-traced', step: name, attempt, reads: takeReads(trace, given) });
    }
    const logged = intake?.close();
    return await storeEnd({ ...task, workspace, placed, logs, end, ...(logged ? { logged } : {}) });
  } finally {
    intake?.close();
    await closeWorkspace(workspace);
  }
}

async function storeEnd(ended: EndedAttempt): Promise<Finished> {
  try {
    return await conclude(ended);
  } catch (error) {
    // Ctrl-C while the outputs were hashed: what is not all stored did not succeed.
    if (error instanceof SameError && error.code === 'SAME1903')
      return await conclude({ ...ended, end: { ...ended.end, status: 'canceled' } });
    throw fromErrno(error, `storing the outputs of step ${ended.cell.name}`);
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
