import { foldName } from '../program/name.ts';
import { parseReference } from '../program/reference.ts';
import type { StoredRun } from '../runs/run-store.ts';
import type { Ports } from './ports.ts';
import { storedRuns } from './stored-runs.ts';

/** A run in a listing. */
export type ListedRun = StoredRun;

/**
 * The runs of this home and those that came along with bundles, newest first.
 * @param options.name only runs of this program: NAME or NAME:VERSION
 */
export async function listRuns(ports: Ports, options: { name?: string }): Promise<ListedRun[]> {
  const own = ports.runs.list();
  const foreign = await foreignRuns(ports);
  for (const { record } of own) foreign.delete(record.id);
  const all = [...own, ...foreign.values()].sort((a, b) => (a.record.id < b.record.id ? 1 : -1));
  if (options.name === undefined) return all;
  const { name, version, digest } = parseReference(options.name);
  return all.filter(
    ({ record: { program } }) =>
      foldName(program.name) === foldName(name) &&
      (version === undefined || program.version === version) &&
      (digest === undefined || program.digest === digest),
  );
}

/** Runs of others, by id: records that travel with stored programs, read-only. */
export async function foreignRuns(ports: Ports): Promise<Map<string, StoredRun>> {
  const found = new Map<string, StoredRun>();
  for (const subject of ports.referrers.subjects())
    for (const { record } of await storedRuns(ports, subject)) found.set(record.id, { record, own: false });
  return found;
}
