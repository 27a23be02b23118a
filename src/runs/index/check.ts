import type { JsonValue } from '../../program/json.ts';
import { stableText } from '../../program/json.ts';
import type { RunField, RunRow } from '../run-query.ts';
import { CHUNK, Column, type FieldChunk } from './columns.ts';
import { encodeEnds } from './ends.ts';
import type { IndexTables } from './tables.ts';
import { valuesOf } from './values.ts';

/** What the columns have of some runs, each value taken away once it was found. */
interface Part {
  column: Column;
  /** What stands for each code, as text. */
  texts: Map<number, string>;
}

/**
 * Ids of runs of which the columns do not have what their rows have, neither more nor less; one that is empty where the
 * columns have something of no run, ends of a part are not those of its numbers, or the count is another.
 */
export function oddRuns(tables: IndexTables): string[] {
  const odd = new Set<string>();
  const fields = tables.all<RunField>('SELECT of, name FROM fields');
  const held = new Map(fields.map((field) => [field, tables.chunks(field)]));
  let last = tables.length();
  for (const chunks of held.values()) for (const { number } of chunks) last = Math.max(last, number * CHUNK);
  for (let number = 0; number * CHUNK <= last; number++) {
    const parts = new Map<string, Part>();
    for (const [field, chunks] of held) {
      const chunk = chunks.find((one) => one.number === number);
      if (!chunk) continue;
      const column = new Column(CHUNK);
      column.place(0, tables.chunk(chunk)!);
      if (!hasItsEnds(column, chunk)) odd.add('');
      const dictionary = [...tables.dictionary(field)].map(
        ([code, value]) => [code, stableText(value)] as const,
      );
      parts.set(`${field.of}.${field.name}`, { column, texts: new Map(dictionary) });
    }
    const rows = 'SELECT n, row FROM runs WHERE n >= ? AND n < ?';
    for (const { n, row } of tables.each<{ n: number; row: string }>(
      rows,
      number * CHUNK,
      (number + 1) * CHUNK,
    )) {
      const run: RunRow = JSON.parse(row);
      for (const [of, name, value] of valuesOf(run))
        if (!isTaken(parts.get(`${of}.${name}`), n % CHUNK, value)) odd.add(run.id);
    }
    for (const { column } of parts.values())
      for (let n = 0; n < CHUNK; n++) if (column.has(n)) odd.add(idOf(tables, number * CHUNK + n));
  }
  if (tables.get<{ count: number }>('SELECT count(*) AS count FROM runs')!.count !== tables.count())
    odd.add('');
  return [...odd];
}

function hasItsEnds({ numbers }: Column, { ends }: FieldChunk): boolean {
  const expected = encodeEnds(numbers);
  return ends && expected ? Buffer.compare(ends, expected) === 0 : ends === expected;
}

function isTaken(part: Part | undefined, at: number, value: JsonValue): boolean {
  if (!part) return false;
  const { column, texts } = part;
  const isSame =
    typeof value === 'number'
      ? column.numbers[at] === value
      : column.code(at) !== 0 && texts.get(column.code(at)) === stableText(value);
  if (isSame) column.clear(at);
  return isSame;
}

function idOf(tables: IndexTables, n: number): string {
  return tables.get<{ id: string }>('SELECT id FROM runs WHERE n = ?', n)?.id ?? '';
}
