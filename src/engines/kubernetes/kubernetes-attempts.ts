import type { LocalContentStore } from '../../content/content-store.ts';
import { storeEnd } from '../attempt/conclusion.ts';
import { type RunningCommand, runCommand } from '../attempt/running-command.ts';
import type { AttemptEnd, Finished, StepAttempt, Workspace } from '../attempt/step-attempt.ts';
import { closeWorkspace, openEmptyWorkspace } from '../attempt/workspace.ts';
import type { AttemptNews } from '../attempts.ts';
import type { ClusterRun } from './cluster-run.ts';
import { type Collected, collect, withoutLogs } from './collection.ts';
import { attemptEnd, lostFor } from './exit-record.ts';
import { type JobEnd, RunningJob } from './running-job.ts';
import { claim } from './submission.ts';

/** How often an attempt is made again that the cluster lost: that is no failure of the program's. */
const MORE_TRIES = 2;
/** A place in which nothing has ever been, as attempts have it. */
const OWN_PLACE = /-[0-9a-f]{8}$/;

/** What attempts of one run share. */
export interface AttemptsOptions {
  content: LocalContentStore;
  platform: string;
  /** Makes what was told so far durable: before anything is submitted (spec SAME-RUN-014). */
  settle(): void;
}

/** Runs one attempt as a Job, or takes over the Job of a client that died. */
export async function runInCluster(
  run: ClusterRun,
  options: AttemptsOptions,
  task: StepAttempt,
  tell: (news: AttemptNews) => void,
): Promise<Finished> {
  const workspace = openEmptyWorkspace(task);
  try {
    let keep: string | undefined;
    let shimError = '';
    const { logs, end } = await runCommand(task, tell, async (how) => {
      const ran = await untilItEnds(run, options, task, workspace, how);
      ({ keep, shimError } = ran);
      return ran.end;
    });
    const finished = await storeEnd({ ...task, workspace, placed: [], logs, end });
    if (finished.status === 'succeeded' && shimError !== '') return refusedByShim(finished, shimError);
    if (finished.status === 'succeeded' && keep !== undefined)
      for (const [name, artifact] of Object.entries(finished.outputs))
        run.given.know(artifact, `${keep}/${name}`);
    return finished;
  } finally {
    await closeWorkspace(workspace);
  }
}

/** What the shim says of outputs counts, also where nothing is wrong with what came back. */
export function refusedByShim(finished: Finished, shimError: string): Finished {
  const isStray = shimError === 'SAME1604';
  const problem = {
    code: isStray ? ('SAME1604' as const) : ('SAME1611' as const),
    message: `step ${finished.step} left ${isStray ? 'something where it may not write' : 'an output that cannot be taken'} (${shimError})`,
  };
  return { ...finished, status: 'failed', outputs: {}, problems: [problem] };
}

/** Waits for the end of a Job and takes what came of it, from wherever that is known first. */
async function ended(
  running: RunningJob,
  take: (carrier: JobEnd['account']) => Promise<Collected>,
): Promise<JobEnd & Collected> {
  let collected: Collected | undefined;
  try {
    const end = await running.end();
    collected = await take(end.account);
    return { ...end, ...collected };
  } finally {
    await running.close(collected?.exit !== undefined);
  }
}

/** Makes tries until one ends by itself. */
async function untilItEnds(
  run: ClusterRun,
  options: AttemptsOptions,
  task: StepAttempt,
  workspace: Workspace,
  how: RunningCommand,
): Promise<{ end: AttemptEnd; keep?: string; shimError: string }> {
  for (let again = 0; ; again++) {
    const submitted = await claim(run, options, task, again);
    if ('end' in submitted) {
      withoutLogs(how.logs);
      how.onStart({});
      return { end: submitted.end, shimError: '' };
    }
    const { job, keep } = submitted;
    run.mine(task.cell.name, task.attempt, job);
    const running = new RunningJob(run, task, job, how, () =>
      // Where a version before this one has it, something may have been before.
      OWN_PLACE.test(keep) ? run.carrier.await(keep) : undefined,
    );
    const { pod, problem, isCanceled, exit, isSealed, hasNoBash } = await ended(running, (carrier) =>
      collect(carrier ?? run.carrier, task, workspace, keep, how.logs),
    );
    const end: ReturnType<typeof attemptEnd> = problem
      ? { status: isCanceled ? 'canceled' : 'failed', durationMs: 0, ...(isCanceled ? {} : { problem }) }
      : attemptEnd(exit, pod, {
          isCanceled,
          isKilled: how.kill.aborted,
          hasTimeout: task.step.timeoutMs !== undefined,
        });
    const hasBash = { hasBash: !(hasNoBash || running.saidNoBash) };
    const shimError = exit?.error ?? '';
    if (!('lost' in end)) return { end: { ...end, ...hasBash }, shimError, ...(isSealed ? { keep } : {}) };
    const name = task.cell.name;
    if (how.cancel.aborted) return { end: { status: 'canceled', durationMs: 0 }, shimError };
    if (again === MORE_TRIES) {
      const lost = lostFor(name, again + 1, end);
      return { end: { status: 'failed', durationMs: 0, problem: lost, ...hasBash }, shimError };
    }
    run.say(`step ${name} is made again: ${end.lost}`);
  }
}
