import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Database, openDatabase } from '../../../src/host/database.ts';
import { oddRuns } from '../../../src/runs/index/check.ts';
import { searchRows } from '../../../src/runs/index/scanned-index.ts';
import { searchTables } from '../../../src/runs/index/search.ts';
import { IndexTables } from '../../../src/runs/index/tables.ts';
import { parseRunField, parseRunFilter } from '../../../src/runs/run-filter.ts';
import type { RunQuery, RunRow } from '../../../src/runs/run-query.ts';
import { rowOf } from '../../../src/runs/run-row.ts';
import { begun } from '../record.ts';

/** Of three chunks and a part of a fourth. */
const MANY = 13_000;
/** Figures that hardly repeat, parameters that do, and what few have. */
function rowAt(number: number): RunRow {
  const noise = ((number * 2654435761) % 2 ** 32) / 2 ** 32;
  const tail = number.toString(16).padStart(12, '0');
  const row = rowOf({ record: begun({ id: `019a0000-0000-7000-8000-${tail}` }), own: number % 3 > 0 });
  return {
    ...row,
    id: `019a${number.toString(16).padStart(4, '0')}-0000-7000-8000-${tail}`,
    program: `Study-${number % 7}`,
    status: number % 50 === 0 ? 'failed' : 'succeeded',
    startedAt: new Date(Date.UTC(2026, 0, 1) + number * 10_000).toISOString(),
    parameters: {
      lr: [0.1, 0.03, 0.01, 0.003, 0.001][number % 5]!,
      depth: number % 300,
      ...(number % 4 === 0 ? { odd: number % 8 === 0 ? 'text' : noise } : {}),
      ...(number % 1000 === 7 ? { rare: number } : {}),
    },
    metrics: number % 50 === 0 ? {} : { acc: noise, grows: number, same: 1 },
    tags: number % 4096 < 3 ? { first: 'yes' } : {},
  };
}

const numberOf = (id: string): number => Number.parseInt(id.slice(-12), 16);

describe('a search among more runs than a chunk holds', () => {
  const directory = mkdtempSync(join(tmpdir(), 'same-search-'));
  let database: Database;
  let tables: IndexTables;
  let rows: RunRow[];
  before(() => {
    database = openDatabase(join(directory, 'index.sqlite'));
    tables = new IndexTables(database);
    database.exec('BEGIN');
    tables.clear();
    for (let number = 0; number < MANY; number++)
      tables.put(rowAt(number), { month: '2026/01', dir: true, pack: null });
    tables.flush();
    // Chunks are changed where they lie: some runs are gone, some are others now.
    rows = [];
    for (let number = 0; number < MANY; number++) {
      const row = rowAt(number);
      if (number % 11 === 5) {
        tables.remove(row.id);
        continue;
      }
      if (number % 13 === 5) row.metrics = { acc: 2 + number };
      if (number % 13 === 5) tables.put(row, { month: '2026/01', dir: true, pack: null });
      rows.push(row);
    }
    tables.flush();
    database.exec('COMMIT');
  });
  after(() => {
    database.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const asked = (where?: string, sort?: string, limit?: number): RunQuery => {
    const read = where === undefined ? undefined : parseRunFilter(where);
    if (read && 'problems' in read) throw new Error(read.problems[0]!.message);
    const fields = sort?.split(',').map((text) => {
      const field = parseRunField(text.replace('-', ''));
      if ('problem' in field) throw new Error(field.problem.message);
      return { field: field.field, descending: text.startsWith('-') };
    });
    return {
      ...(read ? { where: read.condition } : {}),
      ...(fields ? { sort: fields } : {}),
      ...(limit === undefined ? {} : { limit }),
    };
  };

  it('has in its columns what is in its rows, and is odd where it has not', () => {
    assert.deepEqual(oddRuns(tables), []);
    const { field } = tables.get<{ field: number }>('SELECT field FROM fields WHERE name = ?', 'acc')!;
    const at = field * 2 ** 20;
    const ids = (first: number, last: number) =>
      rows.filter(
        ({ id, metrics }) => metrics.acc !== undefined && first <= numberOf(id) && numberOf(id) < last,
      );
    for (const [change, expected] of [
      [`UPDATE columns SET ends = zeroblob(length(ends)) WHERE at = ${at}`, ['']],
      [`UPDATE columns SET ends = NULL WHERE at = ${at}`, ['']],
      ["UPDATE meta SET value = value + 1 WHERE key = 'count'", ['']],
      [`DELETE FROM columns WHERE at = ${at}`, ids(0, 4095).map(({ id }) => id)],
      [
        `UPDATE runs SET row = replace(row, '"rare":7}', '"rare":8}')`,
        [rows.find(({ parameters }) => parameters.rare === 7)!.id],
      ],
      [`DELETE FROM runs WHERE n = 1`, ['']],
    ] as const) {
      database.exec('BEGIN');
      database.exec(change);
      assert.deepEqual(oddRuns(tables).sort(), [...expected].sort(), change);
      database.exec('ROLLBACK');
    }
    assert.deepEqual(oddRuns(tables), []);
  });

  const filters = [
    undefined,
    'parameters.lr < 0.01 and metrics.acc > 0.9',
    'parameters.depth >= 299 or parameters.rare > 0',
    'not metrics.acc > 0',
    "parameters.odd = text and not tags.first = 'yes'",
    'status = failed and not parameters.depth = 100',
    "startedAt > '2026-01-02' and own = false",
    "id like '%ff'",
    'parameters.nothing = 1',
    'parameters.rare in (7, 1007, 4007)',
  ];
  const orders = [
    undefined,
    '-metrics.acc',
    'metrics.acc',
    '-metrics.grows,id',
    'parameters.lr',
    '-parameters.odd',
    '-metrics.same',
    'parameters.rare,-id',
    'id',
    '-id',
    'program',
    '-startedAt',
  ];
  it('finds among the first of each chunk what a look at every run finds, and says when it did not count', () => {
    let uncounted = 0;
    for (const where of filters)
      for (const sort of orders)
        for (const limit of [1, 10, 50]) {
          const query = asked(where, sort, limit);
          const expected = searchRows(rows, query);
          const found = searchTables(tables, { ...query, uncounted: true }, 0);
          assert.deepEqual(found.rows, expected.rows, `${where} ${sort} ${limit}`);
          if (found.uncounted) uncounted++;
          assert.equal(
            found.total,
            found.uncounted ? limit + 1 : expected.total,
            `${where} ${sort} ${limit}`,
          );
          const all = searchTables(tables, query, 0);
          assert.deepEqual([all.rows.length, all.total], [expected.rows.length, expected.total]);
        }
    assert.ok(uncounted > 30, `${uncounted}`);
  });

  for (const where of filters)
    it(`finds what a look at every run finds: ${where ?? 'all'}`, () => {
      for (const sort of orders)
        for (const limit of [50, undefined])
          for (const program of limit === 50
            ? [undefined, { name: 'study-3', version: '1.0' }]
            : [undefined]) {
            const query = { ...asked(where, sort, limit), ...(program ? { program } : {}) };
            const [found, expected] = [searchTables(tables, query), searchRows(rows, query)];
            assert.equal(found.total, expected.total);
            assert.deepEqual(
              found.rows.map(({ id }) => id),
              expected.rows.map(({ id }) => id),
              `${where} ${sort} ${limit}`,
            );
          }
    });
});
