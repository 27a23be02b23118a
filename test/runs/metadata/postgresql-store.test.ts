import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { canonicalJson } from '../../../src/bundle/canonical-json.ts';
import { openPostgresqlIndex } from '../../../src/runs/metadata/postgresql-index.ts';
import { type Postgresql, startPostgresql, unavailable } from '../../components/postgresql.ts';
import { begun, digest } from '../record.ts';
import { counts, ended, openStore, point, surroundings, told } from './postgresql-lab.ts';

const skip = unavailable() ?? false;

describe('runs that PostgreSQL is told', { skip }, () => {
  let server: Postgresql;
  before(async () => {
    server = await startPostgresql();
  });
  after(() => server.dispose());

  it('are read back equal by another client, with figures, series, tags and outputs in tables', async () => {
    await using store = openStore(server, server.database('equal'));
    const run = told(
      {
        record: ended({
          parameters: {
            lr: { value: 0.1, source: '--set' },
            opt: { value: "Ada'm \\ \u{1f600}", source: '--set' },
            layers: { value: [1, { b: 2, a: null }], source: '--set' },
          },
        }),
        note: 'good',
        artifacts: [
          {
            path: 'model/weights',
            artifact: { digest: digest('c'), sizeBytes: 12, executable: true },
            async *body() {},
          },
        ],
      },
      [point(1, 0.5), point(2, Number.NaN), point(2.5, Number.POSITIVE_INFINITY)],
    );
    await store.tellProgram({
      name: 'study',
      version: '1.0',
      digest: digest('a'),
      createdAt: '2026-01-31T09:00:00Z',
    });
    assert.deepEqual(await store.tellRun(run), { notes: [] });
    const read = JSON.parse(server.psql('equal', 'SELECT record FROM same.runs'));
    assert.equal(canonicalJson(read), canonicalJson(run.record));
    assert.equal(
      server.psql('equal', 'SELECT name, value, number, text, other FROM same.parameters ORDER BY name'),
      [
        'layers|[1, {"a": null, "b": 2}]|||[1,{"a":null,"b":2}]',
        'lr|0.1|0.1||',
        'opt|"Ada\'m \\\\ \u{1f600}"||Ada\'m \\ \u{1f600}|',
      ].join('\n'),
    );
    assert.equal(
      server.psql('equal', 'SELECT name, of_step, step, at, value FROM same.points ORDER BY n'),
      [1, 2, 2.5]
        .map((step, n) => `loss|one|${step}|2026-01-01 00:00:00+00|${['0.5', 'NaN', 'Infinity'][n]}`)
        .join('\n'),
    );
    assert.equal(
      server.psql(
        'equal',
        'SELECT name, value FROM same.metrics UNION ALL SELECT path, size_bytes FROM same.outputs',
      ),
      'acc|0.9\nmodel/weights|12',
    );
    assert.equal(
      server.psql('equal', 'SELECT started_at, duration_ms, note, version FROM same.runs'),
      server.psql('equal', `SELECT '${run.record.startedAt}'::timestamptz, 1500.5, 'good', '1.0'`),
    );
    assert.equal(server.psql('equal', 'SELECT name, version FROM same.programs'), 'study|1.0');
  });

  it('are told twice without anything being written, and said once more where something was said of them', async () => {
    await using store = openStore(server, server.database('twice'));
    const run = told({}, [point(1, 0.5), point(2, 0.25)]);
    await store.tellRun(run);
    const written = () =>
      server.psql(
        'twice',
        'SELECT xmin FROM same.runs UNION ALL SELECT xmin FROM same.points UNION ALL SELECT xmin FROM same.tags',
      );
    const before = written();
    await store.tellRun(run);
    assert.equal(written(), before);
    await store.tellRun({ ...run, tags: { kept: 'no', by: 'ann' }, note: 'hm' });
    assert.equal(counts(server, 'twice'), '1|1|1|2|2|0');
    assert.equal(server.psql('twice', 'SELECT name, value FROM same.tags ORDER BY name'), 'by|ann\nkept|no');
  });

  it('stand in the tables and columns that the specification names', async () => {
    await using store = openStore(server, server.database('columns'));
    await store.check();
    const chapter = readFileSync(new URL('../../../spec/v1/run-record.md', import.meta.url), 'utf8');
    const [, rows] = /\n\| table \| columns \|\n\|---\|---\|\n((?:\|.*\n)+)/.exec(chapter)!;
    const named = rows!
      .trim()
      .split('\n')
      .map((line) => [...line.matchAll(/`([a-z_]+)`/g)].map(([, name]) => name!))
      .map(([table, ...columns]) => `${table}: ${columns.join(', ')}`);
    const there = server.psql(
      'columns',
      `SELECT table_name || ': ' || string_agg(column_name, ', ' ORDER BY ordinal_position)
        FROM information_schema.columns WHERE table_schema = 'same' GROUP BY table_name`,
    );
    assert.deepEqual(named.toSorted(), there.split('\n').toSorted());
  });

  it('come from many writers at once, who also make the tables at once', async () => {
    const address = server.database('many');
    const same = told({}, [point(1, 1)]);
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        await using store = openStore(server, address);
        await Promise.all([store.tellRun(same)]);
        await store.tellRun(told({}, [point(1, 1), point(2, 2)]));
      }),
    );
    assert.equal(counts(server, 'many'), '7|7|7|13|7|0');
    assert.equal(server.psql('many', 'SELECT version FROM same.version'), '1');
  });

  it('may hold what no database can: it is told as near as can be, and said', async () => {
    await using store = openStore(server, server.database('text'));
    const odd = ended({ parameters: { a: { value: 'x\0y\ud800', source: '--set' } } });
    const { notes } = await store.tellRun(told({ record: odd }, [point(1, 1, 1e18)]));
    assert.deepEqual(notes, [
      'record.parameters.a.value: a character that PostgreSQL cannot hold is told as U+FFFD',
      '1 points of series have no time that a calendar knows',
    ]);
    assert.equal(server.psql('text', 'SELECT text FROM same.parameters'), 'x\ufffdy\ufffd');
  });

  it('may have names longer than an index takes: those are cut in the tables, said, and found all the same', async () => {
    const address = server.database('long');
    await using store = openStore(server, address);
    // Nothing that a database could make shorter; two that differ at their very end.
    const name = `é${randomBytes(9000).toString('base64')}`;
    const [one, two] = [`${name}1`, `${name}2`];
    const run = told(
      {
        record: ended({
          parameters: { [one]: { value: 1, source: '--set' }, [two]: { value: 2, source: '--set' } },
          metrics: [{ name: one, step: 'one', value: 0.9 }],
        }),
        tags: { [two]: 'x' },
        artifacts: [
          { path: one, artifact: { digest: digest('c'), sizeBytes: 1 }, async *body() {} },
          { path: two, artifact: { digest: digest('d'), sizeBytes: 1 }, async *body() {} },
        ],
      },
      [{ ...point(1, 0.5), name: one }],
    );
    const { notes } = await store.tellRun(run);
    assert.deepEqual(
      notes.map((note) => /^(\w+) "é.{59}"… is cut in the tables/.exec(note)?.[1]),
      ['tag', 'parameter', 'parameter', 'figure', 'file', 'file'],
    );
    assert.equal(counts(server, 'long'), '1|2|1|1|1|2');
    assert.equal(
      server.psql('long', 'SELECT max(octet_length(name)) FROM same.parameters'),
      server.psql('long', 'SELECT octet_length(name) FROM same.points JOIN same.metrics USING (run, name)'),
    );
    const index = openPostgresqlIndex({ kind: 'postgresql', address }, surroundings(server), {
      has: () => true,
      ids: () => [],
    });
    await using _ = index;
    const field = { of: 'parameters', name: two } as const;
    const found = await index.search({
      where: { field, operator: '=', value: 2 },
      sort: [{ field, descending: true }],
    });
    assert.deepEqual(Object.keys(found.rows[0]?.parameters ?? {}).toSorted(), [one, two]);
  });

  it('are read by others of the team, with the same answers and their records', async () => {
    const address = server.database('team');
    await using store = openStore(server, address);
    const [mine, theirs] = [told({ note: 'mine' }), told({ tags: {} })];
    const index = openPostgresqlIndex({ kind: 'postgresql', address }, surroundings(server), {
      has: (id) => id === mine.record.id,
      ids: () => [mine.record.id],
    });
    await using _ = index;
    assert.deepEqual(await index.search({}), { rows: [], total: 0 });
    await store.tellRun(mine);
    await store.tellRun(theirs);
    server.psql(
      'team',
      "CREATE ROLE reader LOGIN PASSWORD 'correct horse'; GRANT USAGE ON SCHEMA same TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA same TO reader",
    );
    const readers = { kind: 'postgresql', address: address.replace('admin@', 'reader@') } as const;
    await using reading = openPostgresqlIndex(readers, surroundings(server), {
      has: () => false,
      ids: () => [],
    });
    assert.equal((await reading.search({ limit: 1 })).total, 2);
    const { rows, total } = await index.search({
      where: { field: { of: 'run', name: 'own' }, operator: '=', value: true },
    });
    assert.deepEqual([rows.map(({ id, own }) => [id, own]), total], [[[mine.record.id, true]], 1]);
    const ids = [mine.record.id, theirs.record.id, begun().id];
    assert.deepEqual(await index.records(ids), [
      { record: mine.record, own: true, tags: { kept: 'yes' }, note: 'mine' },
      { record: theirs.record, own: false, tags: {} },
    ]);
  });
});
