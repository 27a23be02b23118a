import { SameError } from '../errors/same-error.ts';
import type { StoredRun } from '../runs/run-store.ts';
import { findRun } from './find-run.ts';
import { listRuns } from './list-runs.ts';
import type { Ports } from './ports.ts';

/**
 * One run, by id, a unique part of its beginning or end, its display id, or `latest`: the newest that ran here, and
 * only where none did the newest that came with a bundle, whose id its author chose.
 * @throws SAME1608
 */
export async function showRun(ports: Ports, id: string): Promise<StoredRun> {
  const runs = await listRuns(ports, {});
  const latest = runs.find(({ own }) => own) ?? runs[0];
  if (id === 'latest' && latest) return latest;
  const found = findRun(runs, id);
  if ('record' in found) return found;
  throw new SameError(found);
}
