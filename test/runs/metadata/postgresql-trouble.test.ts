import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ToldRun } from '../../../src/runs/metadata/metadata-store.ts';
import { openPostgresqlStore } from '../../../src/runs/metadata/postgresql-store.ts';
import { type Postgresql, startPostgresql, unavailable } from '../../components/postgresql.ts';
import { counts, openStore, point, refused, surroundings, told } from './postgresql-lab.ts';

const skip = unavailable() ?? false;

describe('runs that PostgreSQL in trouble is told', { skip }, () => {
  let server: Postgresql;
  before(async () => {
    server = await startPostgresql({ tls: true });
  });
  after(() => server.dispose());

  it('are there whole or not at all, where the connection is cut while they are told', async () => {
    await using store = openStore(server, server.database('cut'));
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
    assert.equal(counts(server, 'cut'), '1|1|1|6000|1|0');
    assert.equal(cuts, 2);
    cuts = 0;
    server.psql('cut', 'DELETE FROM same.runs');
    const { code, message } = await refused(store.tellRun(ends(99)));
    assert.equal(code, 'SAME1811');
    assert.match(message, /the connection was cut|terminating connection/);
    assert.equal(counts(server, 'cut'), '0|0|0|0|0|0');
  });

  it('are kept from a database that is away, locked, foreign or newer, which says why and what to do', async () => {
    const address = server.database('trouble');
    const none = await refused(openStore(server, address.replace(`:${server.port}`, ':1')).check());
    assert.deepEqual([none.code, /cannot be reached.*ECONNREFUSED/.test(none.message)], ['SAME1811', true]);
    assert.match(none.hint, /same deliver/);
    const missing = await refused(openStore(server, address.replace(/trouble$/, 'nowhere')).check());
    assert.deepEqual([missing.code, missing.hint.includes('createdb nowhere')], ['SAME1811', true]);
    const wrong = await refused(openStore(server, address, { PGPASSWORD: 'wrong' }).check());
    assert.deepEqual([wrong.code, /PGPASSWORD/.test(wrong.hint)], ['SAME1812', true]);
    const silent = await refused(openStore(server, address, { PGPASSWORD: '' }).check());
    assert.deepEqual([silent.code, /none is said/.test(silent.message)], ['SAME1812', true]);

    server.psql('trouble', "CREATE ROLE guest LOGIN PASSWORD 'correct horse'");
    const guest = address.replace('admin@', 'guest@');
    const lacking = await refused(openStore(server, guest).check());
    assert.deepEqual(
      [lacking.code, /permission denied for database/.test(lacking.message)],
      ['SAME1812', true],
    );
    await using store = openStore(server, address);
    await store.check();
    const shut = await refused(openStore(server, guest).check());
    assert.deepEqual([shut.code, /permission denied for schema/.test(shut.message)], ['SAME1812', true]);
    server.psql(
      'trouble',
      'GRANT USAGE ON SCHEMA same TO guest; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA same TO guest; REVOKE DELETE ON same.tags FROM guest',
    );
    const few = await refused(openStore(server, guest).check());
    assert.deepEqual([few.code, /guest may not delete tags$/.test(few.message)], ['SAME1812', true]);
    server.psql('trouble', 'GRANT DELETE ON same.tags TO guest');
    await using other = openStore(server, guest);
    await other.check();
    await other.tellRun(told());

    server.psql('trouble', 'UPDATE same.version SET version = 2');
    const newer = await refused(openStore(server, address).check());
    assert.deepEqual(
      [newer.code, /version 2, and this .* version 1/.test(newer.message)],
      ['SAME1811', true],
    );

    server.psql('postgres', "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    const latin = await refused(openStore(server, address.replace(/trouble$/, 'latin')).check());
    assert.deepEqual([latin.code, /kept as LATIN1/.test(latin.message)], ['SAME1811', true]);
    server.psql('trouble', 'ALTER DATABASE trouble SET default_transaction_read_only = on');
    const copy = await refused(openStore(server, address).tellRun(told()));
    assert.deepEqual(
      [copy.code, copy.message.includes('25006') || copy.message.includes('version 2')],
      ['SAME1811', true],
    );
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
      await using store = openStore(server, at, variables);
      await store.check();
      assert.equal(used(), expected, at);
    }
    const unknown = await refused(openStore(server, named, { PGSSLMODE: 'verify-full' }).check());
    assert.deepEqual([unknown.code, /not trusted/.test(unknown.message)], ['SAME1811', true]);
    assert.match(unknown.hint, /PGSSLROOTCERT/);
    const mode = await refused((async () => openStore(server, named, { PGSSLMODE: 'maybe' }))());
    assert.equal(mode.code, 'SAME1814');
  });

  it('are told to a server that is busy as soon as it is not, where the caller has time', async () => {
    const address = server.database('busy').replace('admin@', 'one@');
    server.psql(
      'busy',
      "CREATE ROLE one LOGIN CONNECTION LIMIT 1 PASSWORD 'correct horse'; GRANT CREATE ON DATABASE busy TO one",
    );
    await using first = openStore(server, address);
    await first.check();
    const hurried = await refused(openStore(server, address).check());
    assert.deepEqual([hurried.code, /too many connections.*53300/.test(hurried.message)], ['SAME1811', true]);
    const said: string[] = [];
    await using patient = openPostgresqlStore(
      { kind: 'postgresql', address },
      {
        ...surroundings(server),
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
    await using store = openStore(server, server.database('gone'));
    const gone = new Error('a blob is gone');
    const run = told({
      async *series() {
        yield point(1, 1);
        throw gone;
      },
    });
    await assert.rejects(store.tellRun(run), gone);
    assert.equal(counts(server, 'gone'), '0|0|0|0|0|0');
    await store.tellRun(told());
    assert.equal(counts(server, 'gone'), '1|1|1|0|1|0');
  });

  it('are told within the time that a caller gives', async () => {
    await using store = openStore(server, server.database('slow'));
    await store.check();
    const stop = new AbortController();
    await using held = openPostgresqlStore(
      { kind: 'postgresql', address: `postgresql://admin@127.0.0.1:${server.port}/slow` },
      { ...surroundings(server), signal: stop.signal },
    );
    const run = told({
      async *series() {
        yield point(1, 1);
        stop.abort();
      },
    });
    const { code } = await refused(held.tellRun(run));
    assert.equal(code, 'SAME1903');
    assert.equal(counts(server, 'slow'), '0|0|0|0|0|0');
  });
});
