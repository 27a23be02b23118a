import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { canonicalJson } from '../../../src/bundle/canonical-json.ts';
import { SameError } from '../../../src/errors/same-error.ts';
import type { MetricPoint } from '../../../src/runs/elsewhere.ts';
import type { MetadataStore, ToldRun } from '../../../src/runs/metadata/metadata-store.ts';
import { openPostgresqlIndex } from '../../../src/runs/metadata/postgresql-index.ts';
import { openPostgresqlStore } from '../../../src/runs/metadata/postgresql-store.ts';
import type { RunRecord } from '../../../src/runs/run-record.ts';
import { type Postgresql, startPostgresql, unavailable } from '../../components/postgresql.ts';
import { begun, digest } from '../record.ts';

const skip = unavailable() ?? false;

describe('runs that PostgreSQL is told', { skip }, () => {
  let server: Postgresql;
  before(async () => {
    server = await startPostgresql({ tls: true });
  });
  after(() => server.dispose());

  const surroundings = (variables: Record<string, string> = {}) => ({
    variables: { PGPASSWORD: server.password, HOME: '/nowhere', ...variables },
    signal: new AbortController().signal,
    isPatient: false,
    progress: () => {},
  });
  const open = (address: string, variables: Record<string, string> = {}): MetadataStore =>
    openPostgresqlStore({ kind: 'postgresql', address }, surroundings(variables));
  const record = (more: Partial<RunRecord> = {}): RunRecord =>
    begun({
      status: 'succeeded',
      finishedAt: '2026-01-31T10:00:00.000Z',
      usage: { durationMs: 1500.5 },
      metrics: [{ name: 'acc', step: 'one', value: 0.9 }],
      ...more,
    });
  const told = (more: Partial<ToldRun> = {}, points: (MetricPoint & { of: string })[] = []): ToldRun => ({
    record: record(),
    tags: { kept: 'yes' },
    async *series() {
      yield* points;
    },
    artifacts: [],
    ...more,
  });
  const point = (step: number, value: number, atMs = 1_767_225_600_000) => ({
    name: 'loss',
    of: 'one',
    step,
    value,
    atMs,
  });
  const refused = async (
    doing: Promise<unknown>,
  ): Promise<{ code: string; message: string; hint: string }> => {
    const error = await doing.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof SameError, `threw ${error}`);
    assert.doesNotMatch(JSON.stringify(error.findings), /correct horse/);
    const { code, message, hint } = error.findings[0]!;
    return { code, message, hint: hint ?? '' };
  };
  const counts = (database: string): string =>
    server.psql(
      database,
      `SELECT (SELECT count(*) FROM same.runs), (SELECT count(*) FROM same.parameters), (SELECT count(*) FROM same.metrics),
        (SELECT count(*) FROM same.points), (SELECT count(*) FROM same.tags), (SELECT count(*) FROM same.outputs)`,
    );

  it('are read back equal by another client, with figures, series, tags and outputs in tables', async () => {
    await using store = open(server.database('equal'));
    const run = told(
      {
        record: record({
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
    await using store = open(server.database('twice'));
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
    assert.equal(counts('twice'), '1|1|1|2|2|0');
    assert.equal(server.psql('twice', 'SELECT name, value FROM same.tags ORDER BY name'), 'by|ann\nkept|no');
  });

  it('stand in the tables and columns that the specification names', async () => {
    await using store = open(server.database('columns'));
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
        await using store = open(address);
        await Promise.all([store.tellRun(same)]);
        await store.tellRun(told({}, [point(1, 1), point(2, 2)]));
      }),
    );
    assert.equal(counts('many'), '7|7|7|13|7|0');
    assert.equal(server.psql('many', 'SELECT version FROM same.version'), '1');
  });

  it('are there whole or not at all, where the connection is cut while they are told', async () => {
    await using store = open(server.database('cut'));
    await store.check();
    let cuts = 0;
    const points = Array.from({ length: 6_000 }, (_, step) => point(step, step));
    const run = told();
    const ends = (most: number): ToldRun => ({
      ...run,
      async *series() {
        yield* points;
        if (++cuts > most) return;
        server.psql(
          'cut',
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'same'",
        );
      },
    });
    assert.deepEqual(await store.tellRun(ends(1)), { notes: [] });
    assert.equal(counts('cut'), '1|1|1|6000|1|0');
    assert.equal(cuts, 2);
    cuts = 0;
    server.psql('cut', 'DELETE FROM same.runs');
    const { code, message } = await refused(store.tellRun(ends(99)));
    assert.equal(code, 'SAME1811');
    assert.match(message, /the connection was cut|terminating connection/);
    assert.equal(counts('cut'), '0|0|0|0|0|0');
  });

  it('may hold what no database can: it is told as near as can be, and said', async () => {
    await using store = open(server.database('text'));
    const odd = record({ parameters: { a: { value: 'x\0y\ud800', source: '--set' } } });
    const { notes } = await store.tellRun(told({ record: odd }, [point(1, 1, 1e18)]));
    assert.deepEqual(notes, [
      'record.parameters.a.value: a character that PostgreSQL cannot hold is told as U+FFFD',
      '1 points of series have no time that a calendar knows',
    ]);
    assert.equal(server.psql('text', 'SELECT text FROM same.parameters'), 'x\ufffdy\ufffd');
  });

  it('are kept from a database that is away, locked, foreign or newer, which says why and what to do', async () => {
    const address = server.database('trouble');
    const none = await refused(open(address.replace(`:${server.port}`, ':1')).check());
    assert.deepEqual([none.code, /cannot be reached.*ECONNREFUSED/.test(none.message)], ['SAME1811', true]);
    assert.match(none.hint, /same deliver/);
    const missing = await refused(open(address.replace(/trouble$/, 'nowhere')).check());
    assert.deepEqual([missing.code, missing.hint.includes('createdb nowhere')], ['SAME1811', true]);
    const wrong = await refused(open(address, { PGPASSWORD: 'wrong' }).check());
    assert.deepEqual([wrong.code, /PGPASSWORD/.test(wrong.hint)], ['SAME1812', true]);
    const silent = await refused(open(address, { PGPASSWORD: '' }).check());
    assert.deepEqual([silent.code, /none is said/.test(silent.message)], ['SAME1812', true]);

    server.psql('trouble', "CREATE ROLE guest LOGIN PASSWORD 'correct horse'");
    const guest = address.replace('admin@', 'guest@');
    const lacking = await refused(open(guest).check());
    assert.deepEqual(
      [lacking.code, /permission denied for database/.test(lacking.message)],
      ['SAME1812', true],
    );
    await using store = open(address);
    await store.check();
    const shut = await refused(open(guest).check());
    assert.deepEqual([shut.code, /permission denied for schema/.test(shut.message)], ['SAME1812', true]);
    server.psql(
      'trouble',
      'GRANT USAGE ON SCHEMA same TO guest; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA same TO guest; REVOKE DELETE ON same.tags FROM guest',
    );
    const few = await refused(open(guest).check());
    assert.deepEqual([few.code, /guest may not delete tags$/.test(few.message)], ['SAME1812', true]);
    server.psql('trouble', 'GRANT DELETE ON same.tags TO guest');
    await using other = open(guest);
    await other.check();
    await other.tellRun(told());

    server.psql('trouble', 'UPDATE same.version SET version = 2');
    const newer = await refused(open(address).check());
    assert.deepEqual(
      [newer.code, /version 2, and this .* version 1/.test(newer.message)],
      ['SAME1811', true],
    );

    server.psql('postgres', "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    const latin = await refused(open(address.replace(/trouble$/, 'latin')).check());
    assert.deepEqual([latin.code, /kept as LATIN1/.test(latin.message)], ['SAME1811', true]);
    server.psql('trouble', 'ALTER DATABASE trouble SET default_transaction_read_only = on');
    const copy = await refused(open(address).tellRun(told()));
    assert.deepEqual(
      [copy.code, copy.message.includes('25006') || copy.message.includes('version 2')],
      ['SAME1811', true],
    );
  });

  it('are read by others of the team, with the same answers and their records', async () => {
    const address = server.database('team');
    await using store = open(address);
    const [mine, theirs] = [told({ note: 'mine' }), told({ tags: {} })];
    const index = openPostgresqlIndex({ kind: 'postgresql', address }, surroundings(), {
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
    await using reading = openPostgresqlIndex(readers, surroundings(), { has: () => false, ids: () => [] });
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

  it('go over TLS where the server speaks it, and its certificate is checked where that is asked for', async () => {
    const address = server.database('tls');
    const named = address.replace('127.0.0.1', 'localhost');
    const used = () =>
      server.psql(
        'tls',
        "SELECT ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE datname = 'tls' AND application_name = 'same' ORDER BY backend_start DESC LIMIT 1",
      );
    for (const [at, variables, expected] of [
      [address, {}, 't'],
      [address, { PGSSLMODE: 'disable' }, 'f'],
      [`${address}?sslmode=allow`, { PGSSLMODE: 'verify-full' }, 'f'],
      [named, { PGSSLMODE: 'verify-full', PGSSLROOTCERT: server.caFile }, 't'],
      [named, { PGSSLMODE: 'require', PGSSLROOTCERT: server.caFile }, 't'],
    ] as const) {
      await using store = open(at, variables);
      await store.check();
      assert.equal(used(), expected, at);
    }
    const unknown = await refused(open(named, { PGSSLMODE: 'verify-full' }).check());
    assert.deepEqual([unknown.code, /not trusted/.test(unknown.message)], ['SAME1811', true]);
    assert.match(unknown.hint, /PGSSLROOTCERT/);
    const mode = await refused((async () => open(named, { PGSSLMODE: 'maybe' }))());
    assert.equal(mode.code, 'SAME1814');
  });

  it('are told to a server that is busy as soon as it is not, where the caller has time', async () => {
    const address = server.database('busy').replace('admin@', 'one@');
    server.psql(
      'busy',
      "CREATE ROLE one LOGIN CONNECTION LIMIT 1 PASSWORD 'correct horse'; GRANT CREATE ON DATABASE busy TO one",
    );
    await using first = open(address);
    await first.check();
    const hurried = await refused(open(address).check());
    assert.deepEqual([hurried.code, /too many connections.*53300/.test(hurried.message)], ['SAME1811', true]);
    const said: string[] = [];
    await using patient = openPostgresqlStore(
      { kind: 'postgresql', address },
      {
        ...surroundings(),
        isPatient: true,
        progress(line) {
          said.push(line);
          void first[Symbol.asyncDispose]();
        },
      },
    );
    await patient.check();
    assert.match(said[0]!, /is busy; waiting for it$/);
  });

  it('are not told at all where what they name cannot be read, which is said as it is', async () => {
    await using store = open(server.database('gone'));
    const gone = new Error('a blob is gone');
    const run = told({
      async *series() {
        yield point(1, 1);
        throw gone;
      },
    });
    await assert.rejects(store.tellRun(run), gone);
    assert.equal(counts('gone'), '0|0|0|0|0|0');
    await store.tellRun(told());
    assert.equal(counts('gone'), '1|1|1|0|1|0');
  });

  it('are told within the time that a caller gives', async () => {
    await using store = open(server.database('slow'));
    await store.check();
    const stop = new AbortController();
    await using held = openPostgresqlStore(
      { kind: 'postgresql', address: `postgresql://admin@127.0.0.1:${server.port}/slow` },
      { ...surroundings(), signal: stop.signal },
    );
    const run = told({
      async *series() {
        yield point(1, 1);
        stop.abort();
      },
    });
    const { code } = await refused(held.tellRun(run));
    assert.equal(code, 'SAME1903');
    assert.equal(counts('slow'), '0|0|0|0|0|0');
  });
});
