import type { Finding } from '../errors/same-error.ts';
import type { RunRecord } from '../runs/run-record.ts';

/**
 * The one run that a text names: its id, a unique part of the id's beginning or end, or its display id.
 * @returns the run, or what is wrong (SAME1608)
 */
export function findRun<T extends { record: RunRecord }>(runs: readonly T[], text: string): T | Finding {
  const wanted = text.toLowerCase();
  const exact = runs.filter(({ record }) => record.id === wanted);
  const found =
    exact.length > 0
      ? exact
      : runs.filter(
          ({ record }) =>
            record.id.startsWith(wanted) || record.id.endsWith(wanted) || record.display === text,
        );
  if (found.length === 1 && text !== '') return found[0]!;
  return {
    code: 'SAME1608',
    message:
      found.length === 0 || text === ''
        ? `there is no run "${text}"`
        : `"${text}" names ${found.length} runs: ${found
            .slice(0, 4)
            .map(({ record }) => record.id)
            .join(', ')}`,
    hint: 'list them with: same list runs',
  };
}
