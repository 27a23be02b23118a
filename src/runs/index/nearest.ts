import type { RunField, RunRow } from '../run-query.ts';
import { CHUNK } from './columns.ts';
import { ENDS, endsOf } from './ends.ts';
import type { Order } from './order.ts';
import type { IndexTables } from './tables.ts';

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
  const { values, numbers, bar } = candidates(tables, field, descending);
  const inOrder = values.filter((value) => value < bar).sort();
  if (inOrder.length < limit) return undefined;
  const found: { n: number; value: number; row: RunRow }[] = [];
  let lookedAt = 0;
  let below = Number.NEGATIVE_INFINITY;
  // Few of them are wanted, as a rule: only those are put into order together with their places.
  for (let wanted = 2 * limit; below < inOrder.at(-1)!; wanted *= 4) {
    const edge = inOrder[Math.min(wanted, inOrder.length) - 1]!;
    const some: number[] = [];
    for (let index = 0; index < values.length; index++) {
      const value = values[index]!;
      if (value > below && value <= edge) some.push(index);
    }
    some.sort((a, b) => values[a]! - values[b]!);
    for (const index of some) {
      const value = values[index]!;
      // Those that are equal to the last of them may come before it.
      if (found.length >= limit && value > found[limit - 1]!.value) return ordered(found, limit, ofEqual);
      if (++lookedAt > LOOKED_AT) return undefined;
      const n = numbers[index]!;
      const row = rowOf(tables, n);
      if (isMeant(row)) found.push({ n, value, row });
    }
    below = edge;
  }
  return undefined;
}

/**
 * Numbers at the ends of a field's chunks, their signs such that the least come first, and the runs that have them.
 * @returns bar: of those that are not below it there may be more
 */
function candidates(tables: IndexTables, field: RunField, descending: boolean) {
  const chunks = tables.chunks(field);
  const values = new Float64Array(chunks.length * ENDS);
  const numbers = new Uint32Array(values.length);
  let bar = Number.POSITIVE_INFINITY;
  let count = 0;
  for (const { number, ends } of chunks) {
    if (!ends) continue;
    const { values: own, places, isCut } = endsOf(ends, descending);
    for (let index = 0; index < own.length; index++, count++) {
      values[count] = descending ? -own[index]! : own[index]!;
      numbers[count] = number * CHUNK + places[index]!;
    }
    if (isCut) bar = Math.min(bar, values[count - 1]!);
  }
  return { values: values.subarray(0, count), numbers, bar };
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
