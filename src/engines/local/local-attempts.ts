import type { LocalContentStore } from '../../content/content-store.ts';
import { dirname, join } from '../../host/files.ts';
import { findCommand } from '../../host/processes.ts';
import { storeEnd } from '../attempt/conclusion.ts';
import { openLogging } from '../attempt/logging.ts';
import { filledCommand, runCommand } from '../attempt/running-command.ts';
import type { Finished, StepAttempt, Workspace } from '../attempt/step-attempt.ts';
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
  const {
    cell: { name },
    attempt,
    context,
  } = task;
  const { workspace, placed } = await openWorkspace(task);
  const intake = await openLogging(task, workspace);
  try {
    const env = { ...stepVariables(task, workspace), ...intake?.variables };
    const trace = context.trace && join(context.trace.directory, `${name}.${attempt}`);
    const argv = argvOf(task, workspace, env);
    const { logs, end } = await runCommand(task, tell, (how) =>
      runAttempt({
        ...how,
        argv: trace === undefined ? argv : traced(argv, trace),
        cwd: workspace.workdir,
        env,
      }),
    );
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

function argvOf(task: StepAttempt, workspace: Workspace, env: Record<string, string>): string[] {
  const filled = filledCommand(task, workspace);
  if ('exec' in filled) return filled.exec;
  const bash = findCommand('bash', env.PATH);
  return bash ? [bash, '-o', 'pipefail', '-c', filled.shell] : ['sh', '-c', filled.shell];
}
