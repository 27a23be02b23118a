import { SameError } from '../errors/same-error.ts';
import type { StoredRun } from '../runs/run-store.ts';
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
  const wanted = id.toLowerCase();
  const exact = runs.filter(({ record }) => record.id === wanted);
  const found =
    exact.length > 0
      ? exact
      : runs.filter(
          ({ record }) => record.id.startsWith(wanted) || record.id.endsWith(wanted) || record.display === id,
        );
  if (found.length === 1 && id !== '') return found[0]!;
  throw new SameError({
    code: 'SAME1608',
    message:
      found.length === 0 || id === ''
        ? `there is no run "${id}"`
        : `"${id}" names ${found.length} runs: ${found
            .slice(0, 4)
            .map(({ record }) => record.id)
            .join(', ')}`,
    hint: 'list them with: same list runs',
  });
}
