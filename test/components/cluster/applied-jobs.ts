import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Json, Namespace } from './namespace.ts';

/** How the Jobs of a compiled program ended, by their steps. */
export type JobEnds = Record<string, 'Complete' | 'Failed'>;

const LIMIT_MS = 240_000;

/**
 * Does what the head of compiled Jobs tells who applies them: creates all objects, and lets a Job that waits go on when
 * those that it reads from are complete, and those of `finally` when all others have ended.
 */
export async function applyJobs(namespace: Namespace, objects: Json[]): Promise<JobEnds> {
  await namespace.create(objects);
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const jobs = await namespace.list('jobs');
    const ends = endsOf(jobs);
    const waiting = jobs.filter(({ spec }) => spec.suspend);
    const ready = waiting.filter((job) => mayGoOn(job, jobs, ends));
    for (const { metadata } of ready)
      await namespace.kubectl([
        'patch',
        'job',
        metadata.name,
        '--type=merge',
        '-p',
        '{"spec":{"suspend":false}}',
      ]);
    const left = jobs.filter((job) => !(stepOf(job) in ends) && !waiting.includes(job));
    if (left.length === 0 && ready.length === 0) return ends;
    assert.ok(Date.now() < deadline, `Jobs go on after ${LIMIT_MS} ms: ${JSON.stringify(left.map(stepOf))}`);
    await pause(300);
  }
}

function endsOf(jobs: Json[]): JobEnds {
  const ended = jobs.flatMap((job): [string, 'Complete' | 'Failed'][] =>
    (job.status.conditions ?? [])
      .filter(({ type, status }: Json) => status === 'True' && (type === 'Complete' || type === 'Failed'))
      .map(({ type }: Json) => [stepOf(job), type]),
  );
  return Object.fromEntries(ended);
}

function mayGoOn({ metadata: { annotations } }: Json, jobs: Json[], ends: JobEnds): boolean {
  const after: string[] = annotations['same.dev/after']?.split(' ') ?? [];
  const isLast = annotations['same.dev/finally'] === 'true';
  const others = jobs.filter((job) => job.metadata.annotations['same.dev/finally'] !== 'true');
  if (isLast && others.some((job) => !job.spec.suspend && !(stepOf(job) in ends))) return false;
  return after.every((step) => ends[step] === 'Complete');
}

function stepOf(job: Json): string {
  return job.metadata.annotations['same.dev/step'];
}
