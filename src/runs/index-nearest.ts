import { CHUNK } from './index-columns.ts';
import type { Order } from './index-order.ts';
import type { IndexTables } from './index-tables.ts';
import type { RunField, RunRow } from './run-query.ts';

/** Of fewer runs all are looked at: that is as fast, and then they are counted. */
export const MANY = 100_000;
/** Rows that are looked at before it is given up. */
const LOOKED_AT = 1000;

/**
 * The first runs in the order of a field's numbers, found among those at the ends of its chunks.
 * @param isMeant which runs are asked for
 * @param ofEqual which comes first of two that have the same number
 * @returns nothing where they cannot be found so
 */
export function nearestEnds(
  tables: IndexTables,
  { field, descending }: { field: RunField; descending: boolean },
  limit: number,
  isMeant: (row: RunRow) => boolean,
  ofEqual: Order,
): RunRow[] | undefined {
  if (limit === 0) return undefined;
  const sign = descending ? -1 : 1;
  const candidates: { n: number; value: number }[] = [];
  // What is beyond this is not known.
  let bar = Number.POSITIVE_INFINITY;
  for (const { number, ends } of tables.ends(field, descending)) {
    for (const { at, value } of ends.ends) candidates.push({ n: number * CHUNK + at, value: sign * value });
    if (ends.isCut) bar = Math.min(bar, sign * ends.ends.at(-1)!.value);
  }
  const known = candidates.filter(({ value }) => value < bar).sort((a, b) => a.value - b.value);
  const found: { n: number; value: number; row: RunRow }[] = [];
  for (const [index, { n, value }] of known.entries()) {
    // Those that are equal to the last of them may come before it.
    if (found.length >= limit && value > found[limit - 1]!.value) return ordered(found, limit, ofEqual);
    if (index === LOOKED_AT) return undefined;
    const row = rowOf(tables, n);
    if (isMeant(row)) found.push({ n, value, row });
  }
  return undefined;
}

/** The newest of the runs that are meant; nothing where they are not among the newest of all. */
export function nearestNewest(
  tables: IndexTables,
  limit: number,
  isMeant: (row: RunRow) => boolean,
): RunRow[] | undefined {
  if (limit === 0) return undefined;
  const found: RunRow[] = [];
  const newest = 'SELECT row FROM runs ORDER BY id DESC LIMIT ?';
  for (const { row: text } of tables.each<{ row: string }>(newest, LOOKED_AT)) {
    const row: RunRow = JSON.parse(text);
    if (isMeant(row)) found.push(row);
    if (found.length === limit) return found;
  }
  return undefined;
}

function ordered(
  found: { n: number; value: number; row: RunRow }[],
  limit: number,
  ofEqual: Order,
): RunRow[] {
  found.sort((a, b) => a.value - b.value || ofEqual(a.n, b.n));
  return found.slice(0, limit).map(({ row }) => row);
}

function rowOf(tables: IndexTables, n: number): RunRow {
  return JSON.parse(tables.get<{ row: string }>('SELECT row FROM runs WHERE n = ?', n)!.row) as RunRow;
}
