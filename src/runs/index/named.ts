import type { RunField, RunRow, RunRows } from '../run-query.ts';
import { CHUNK } from './columns.ts';
import { boundsOf } from './ends.ts';
import { IndexValues } from './marks.ts';
import { isNamed } from './scanned-index.ts';
import type { IndexTables } from './tables.ts';
import { markOf } from './values.ts';

const DISPLAY: RunField = { of: 'run', name: 'display' };
/** What ids are written in. */
const DIGITS = /^[0-9a-f-]{1,36}$/;
/** Comes after all that ids are written in. */
const AFTER = 'g';

/** Answers from the tables as {@link namedRows} does from rows. */
export function namedInTables(tables: IndexTables, text: string, limit: number): RunRows {
  const wanted = text.toLowerCase();
  const ids = exactly(tables, wanted) ?? [...beginningOrEnding(tables, wanted), ...displayed(tables, text)];
  const distinct = [...new Set(ids)].sort().reverse();
  const rows = distinct.slice(0, limit).map((id) => {
    const { row } = tables.get<{ row: string }>('SELECT row FROM runs WHERE id = ?', id)!;
    return JSON.parse(row) as RunRow;
  });
  return { rows, total: distinct.length };
}

function exactly(tables: IndexTables, id: string): string[] | undefined {
  return tables.get('SELECT 1 FROM runs WHERE id = ?', id) === undefined ? undefined : [id];
}

/** Of two looks the one at beginnings is at a part of the ids only, and the other at all of them. */
function beginningOrEnding(tables: IndexTables, text: string): string[] {
  if (!DIGITS.test(text)) return [];
  const ids = (sql: string, ...values: (string | number)[]) =>
    tables.all<{ id: string }>(sql, ...values).map(({ id }) => id);
  return [
    ...ids('SELECT id FROM runs WHERE id >= ? AND id < ?', text, text + AFTER),
    ...ids('SELECT id FROM runs WHERE substr(id, ?) = ?', -text.length, text),
  ];
}

function displayed(tables: IndexTables, text: string): string[] {
  const mark = markOf(text);
  const found: string[] = [];
  for (const { number, ends, use } of new IndexValues(tables).chunks(DISPLAY)) {
    const [least, most] = ends ? boundsOf(ends) : [];
    if (least === undefined || most === undefined || mark < least || mark > most) continue;
    use(({ values, indexes }) => {
      for (let n = 0; n < CHUNK; n++) {
        if (values.numbers[indexes ? indexes[n]! : n] !== mark) continue;
        const { row } = tables.get<{ row: string }>('SELECT row FROM runs WHERE n = ?', number * CHUNK + n)!;
        const run: RunRow = JSON.parse(row);
        if (isNamed(run, text)) found.push(run.id);
      }
    });
  }
  return found;
}
