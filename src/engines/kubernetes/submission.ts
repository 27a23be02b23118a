import type { AttemptEnd, StepAttempt } from '../attempt/step-attempt.ts';
import { attemptJob, CELL, cellLabel, KEY, tryOf } from './attempt-job.ts';
import { JOBS, SECRETS, type StoredObject, whyOf } from './cluster.ts';
import type { ClusterRun } from './cluster-run.ts';
import type { AttemptsOptions } from './kubernetes-attempts.ts';
import { labelsOf } from './run-names.ts';

/** A Job that is there, and where it leaves what it makes. */
export interface Submitted {
  job: StoredObject;
  keep: string;
}

const taken = new WeakMap<ClusterRun, Set<string>>();

/**
 * Submits a try at an attempt, once: what is there under its name is it. Of a run that is gone on with, what its client
 * left of the cell is taken over, whatever its number.
 * @throws what the cluster answers
 */
export async function claim(
  run: ClusterRun,
  options: AttemptsOptions,
  task: StepAttempt,
  again: number,
): Promise<Submitted | { end: AttemptEnd }> {
  const { cluster, names, jobs } = run;
  const own = taken.get(run) ?? new Set<string>();
  taken.set(run, own);
  const left = leftOf(run, task, own);
  if (left) {
    own.add(left.metadata.uid);
    run.say(`step ${task.cell.name} goes on in the cluster: Job ${left.metadata.name}`);
    await release(run, task, left);
    return { job: left, keep: keepOf(left) };
  }
  let wanted = tryOf(names, task, again);
  let body = await attemptJob(task, wanted, { names, given: run.given, platform: options.platform });
  if (task.cancel.aborted || task.kill.aborted) return { end: { status: 'canceled', durationMs: 0 } };
  options.settle();
  for (;;) {
    try {
      const job = await cluster.create(JOBS, body);
      own.add(job.metadata.uid);
      jobs.add(job);
      await release(run, task, job);
      return { job, keep: wanted.keep };
    } catch (error) {
      if (whyOf(error) !== 'exists') throw error;
    }
    const there = await cluster.get(JOBS, wanted.name);
    if (!there) continue;
    const { uid, annotations, deletionTimestamp } = there.metadata;
    if (annotations?.[KEY] === task.key.key && !deletionTimestamp && !own.has(uid)) {
      own.add(uid);
      jobs.add(there);
      await release(run, task, there);
      return { job: there, keep: keepOf(there) };
    }
    // What was tried before under this name, and has been told of.
    jobs.add(there);
    await cluster.delete(JOBS, wanted.name, { propagation: 'Foreground', uid });
    await jobs.until(
      () => (jobs.objects.get(wanted.name)?.metadata.uid === uid ? undefined : true),
      task.kill,
    );
    if (task.kill.aborted) return { end: { status: 'canceled', durationMs: 0 } };
    // In a place of its own: the one that was there may have been this client's, whose answer was lost.
    wanted = tryOf(names, task, again);
    body = await attemptJob(task, wanted, { names, given: run.given, platform: options.platform });
  }
}

/** What a client that died left of a cell: the last of its Jobs. */
function leftOf({ jobs, names }: ClusterRun, task: StepAttempt, own: Set<string>): StoredObject | undefined {
  const label = cellLabel(names, task);
  const left = [...jobs.objects.values()].filter(
    ({ metadata: { labels, annotations, uid, deletionTimestamp } }) =>
      labels?.[CELL] === label && annotations?.[KEY] === task.key.key && !own.has(uid) && !deletionTimestamp,
  );
  const age = ({ metadata }: StoredObject) => metadata.creationTimestamp ?? '';
  return left.sort((a, b) => (age(a) < age(b) ? 1 : -1))[0];
}

function keepOf({ metadata }: StoredObject): string {
  return metadata.annotations?.['same.dev/keep'] ?? '';
}

/** Gives a Job the secrets that it waits for, which are its own and go with it. */
async function release(run: ClusterRun, task: StepAttempt, job: StoredObject): Promise<void> {
  const { name, uid } = job.metadata;
  if ((job.spec as { suspend?: boolean } | undefined)?.suspend !== true) return;
  const { step, context } = task;
  const data = Object.fromEntries(
    step.secrets.flatMap((each) => {
      const value = context.secrets[each];
      return value === undefined ? [] : [[each, Buffer.from(value).toString('base64')]];
    }),
  );
  try {
    await run.cluster.create(SECRETS, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name,
        labels: labelsOf(run.names),
        ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name, uid }],
      },
      immutable: true,
      type: 'Opaque',
      data,
    });
  } catch (error) {
    if (whyOf(error) !== 'exists') throw error;
  }
  await run.cluster.patch(JOBS, name, { spec: { suspend: false } });
}
