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
  const ids = found.slice(0, NAMED).map(({ record }) => record.id);
  return notOne(text, { ids, total: text === '' ? 0 : found.length });
}

/** Most runs that are named where a text names several. */
export const NAMED = 4;

/** What is wrong where a text names no run, or several (SAME1608). @param ids the first of them */
export function notOne(text: string, { ids, total }: { ids: readonly string[]; total: number }): Finding {
  return {
    code: 'SAME1608',
    message: total === 0 ? `there is no run "${text}"` : `"${text}" names ${total} runs: ${ids.join(', ')}`,
    hint: 'list them with: same list runs',
  };
}
