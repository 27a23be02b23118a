import type { RunElsewhere } from './run-elsewhere.ts';

/** As MLflow's file store numbers them, and as its other stores spell them. */
export const STATUSES: Record<string, RunElsewhere['status']> = {
  '1': 'going',
  '2': 'going',
  '3': 'succeeded',
  '4': 'failed',
  '5': 'canceled',
  RUNNING: 'going',
  SCHEDULED: 'going',
  FINISHED: 'succeeded',
  FAILED: 'failed',
  KILLED: 'canceled',
};

/** What MLflow's own tags say, and the user's; who ran it, and where it lay, is nobody's business (SAME-RUN-010). */
export function saidBy(
  all: Record<string, string>,
  runName: string,
): Pick<RunElsewhere, 'name' | 'parent' | 'note' | 'revision' | 'tags'> {
  const name = all['mlflow.runName'] || runName;
  const parent = all['mlflow.parentRunId'];
  const note = all['mlflow.note.content'];
  const revision = all['mlflow.source.git.commit'];
  return {
    ...(name ? { name } : {}),
    ...(parent ? { parent } : {}),
    ...(note ? { note } : {}),
    ...(revision && /^[0-9a-f]{40}$/.test(revision) ? { revision } : {}),
    tags: Object.fromEntries(Object.entries(all).filter(([tag]) => !tag.startsWith('mlflow.'))),
  };
}

/** Milliseconds since 1970, as far as records can tell them. */
export function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value < 2 ** 47;
}
