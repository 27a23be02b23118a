import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, existsSync, globSync, readFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { canonicalJson } from '../../src/bundle/canonical-json.ts';
import { type Postgresql, startPostgresql, unavailable } from '../components/postgresql.ts';
import { type Ended, manifest, openRig, type Rig } from '../e2e/rig.ts';

const skip = unavailable() ?? false;

/** A program of one step with a parameter, a series and an output. */
const STUDY = manifest(
  `run: 'for i in 1 2 3; do echo "{\\"step\\": $i, \\"loss\\": 0.$i}" >> metrics.jsonl; done; echo {{parameters.lr}} > {{outputs.model}}'
outputs: {model: {}}`,
  'parameters: {lr: {type: number, default: 0.1}}\noutputs: {model: {from: main.model}}',
);

describe('a home whose runs are told to PostgreSQL', { skip }, () => {
  let server: Postgresql;
  const rigs: Rig[] = [];
  before(async () => {
    server = await startPostgresql();
  });
  after(() => {
    for (const rig of rigs) rig[Symbol.dispose]();
    server.dispose();
  });

  const open = (): Rig => {
    const rig = openRig();
    rig.write({ 'study/same.yaml': STUDY });
    rigs.push(rig);
    return rig;
  };
  const asked = (rig: Rig, words: string[], env: Record<string, string> = {}): Promise<Ended> =>
    rig.same(words, { env: { PGPASSWORD: server.password, ...env } });
  const works = async (rig: Rig, words: string[]): Promise<Ended> => {
    const ended = await asked(rig, words);
    assert.equal(ended.code, 0, `same ${words.join(' ')}\n${ended.stderr}`);
    return ended;
  };
  const told = async (rig: Rig, address: string): Promise<void> => {
    await works(rig, ['set', 'store', 'postgresql', address]);
    await works(rig, ['create', 'program', '-f', 'study']);
  };
  const run = async (rig: Rig, lr: string): Promise<string> =>
    (await works(rig, ['run', 'program', 'study:1.0', `--lr=${lr}`, '--json'])).json().id;

  it('has its programs and runs there, equal to what it keeps, as another client reads them', async () => {
    const rig = open();
    await told(rig, server.database('equal'));
    const id = await run(rig, '0.5');
    const record = JSON.parse(
      readFileSync(
        globSync(`runs/*/*/${id}/run.json`, { cwd: rig.home }).map((path) => `${rig.home}/${path}`)[0]!,
        'utf8',
      ),
    );
    const read = server.psql('equal', `SELECT record FROM same.runs WHERE id = '${id}'`);
    assert.equal(canonicalJson(JSON.parse(read)), canonicalJson(record));
    assert.equal(server.psql('equal', 'SELECT name, version FROM same.programs'), 'study|1.0');
    assert.equal(
      server.psql('equal', 'SELECT name, of_step, step, value FROM same.points ORDER BY n'),
      'loss|main|1|0.1\nloss|main|2|0.2\nloss|main|3|0.3',
    );
    assert.equal(
      server.psql('equal', 'SELECT path, digest, size_bytes FROM same.outputs'),
      `outputs/model|${record.outputs.model.digest}|4`,
    );
    assert.match(readFileSync(`${rig.home}/config.yaml`, 'utf8'), /postgresql:\/\/admin@127/);
    assert.doesNotMatch(readFileSync(`${rig.home}/config.yaml`, 'utf8'), /correct horse/);
  });

  it('lists the runs of all who tell theirs there, by the same questions and in the same forms', async () => {
    const address = server.database('team');
    const [ann, bob] = [open(), open()];
    await told(ann, address);
    await told(bob, address);
    // Two who write at once.
    const [first, second] = await Promise.all([run(ann, '0.5'), run(bob, '0.25')]);
    const listed = async (...words: string[]): Promise<string> =>
      (await works(ann, ['list', 'runs', '--store', ...words])).stdout;
    assert.equal(
      await listed('--sort', 'parameters.lr', '--columns', 'id,parameters.lr,own', '--format', 'csv'),
      `id,parameters.lr,own\n${second},0.25,false\n${first},0.5,true\n`,
    );
    assert.equal(
      await listed(
        '--where',
        "parameters.lr > 0.3 and program like 'STU%'",
        '--columns',
        'id',
        '--format',
        'csv',
      ),
      `id\n${first}\n`,
    );
    const { total, items } = JSON.parse(
      await listed('-n', 'study:1.0', '--limit', '1', '--sort', '-parameters.lr', '--json'),
    );
    const here = (await works(ann, ['list', 'runs', '--json'])).json();
    assert.deepEqual([total, items], [2, here.items]);
    assert.match(await listed('--where', 'own = false'), new RegExp(`${second} +study:1\\.0 +succeeded`));
    const slip = await works(ann, ['list', 'runs', '--store', '--where', 'parameters.rl = 1']);
    assert.match(slip.stderr, /did you mean parameters\.lr\?/);
    const within = await asked(ann, ['list', 'runs', '--store', '--within', 'latest']);
    assert.deepEqual([within.code, /--within looks at runs of the home/.test(within.stderr)], [2, true]);

    const none = await asked(open(), ['list', 'runs', '--store']);
    assert.deepEqual([none.code, /told to no store.*same set store postgresql/.test(none.stderr)], [2, true]);
    const other = open();
    await works(other, ['set', 'store', 'mlflow', 'http://127.0.0.1:1']);
    const mlflow = await asked(other, ['list', 'runs', '--store']);
    assert.deepEqual([mlflow.code, /told to MLflow/.test(mlflow.stderr)], [2, true]);
  });

  it('runs although the server is down, and tells it all once it is up', async () => {
    const rig = open();
    const address = server.database('down');
    await told(rig, address);
    server.stop('immediate');
    let id: string;
    try {
      id = await run(rig, '0.5');
      const { code, stderr } = await asked(rig, ['deliver']);
      assert.equal(code, 6, stderr);
      assert.match(stderr, /SAME1811 .*cannot be reached.*ECONNREFUSED/);
      const state = (await works(rig, ['show', 'store', '--json'])).json();
      assert.deepEqual([state.reachable, state.waiting], [false, 1]);
    } finally {
      server.start();
    }
    await works(rig, ['deliver']);
    await works(rig, ['deliver', '--all']);
    assert.equal(server.psql('down', 'SELECT id FROM same.runs'), id);
    assert.equal(server.psql('down', 'SELECT count(*) FROM same.points'), '3');
  });

  it('leaves nothing half where the connection is cut, and tells it again', async () => {
    const rig = open();
    const address = server.database('cut');
    await told(rig, address);
    for (const afterBytes of [500, 2500, 4000, 6000]) {
      const cutter = await openCutter(server.port, afterBytes);
      await works(rig, ['set', 'store', 'postgresql', address.replace(`:${server.port}`, `:${cutter.port}`)]);
      await run(rig, String(afterBytes));
      cutter.server.close();
      const halves = server.psql(
        'cut',
        `SELECT r.id FROM same.runs r WHERE (SELECT count(*) FROM same.points p WHERE p.run = r.id) <> 3
          OR NOT EXISTS (SELECT FROM same.parameters p WHERE p.run = r.id)
          OR NOT EXISTS (SELECT FROM same.outputs o WHERE o.run = r.id)`,
      );
      assert.equal(halves, '', `cut after ${afterBytes} bytes`);
    }
    await works(rig, ['set', 'store', 'postgresql', address]);
    await works(rig, ['deliver']);
    assert.equal(
      server.psql('cut', 'SELECT number FROM same.parameters ORDER BY number'),
      '500\n2500\n4000\n6000',
    );
  });

  it('says what is wrong with a login, rights, a database or its tables, and takes no password in an address', async () => {
    const rig = open();
    const address = server.database('wrong');
    const refused = await asked(rig, [
      'set',
      'store',
      'postgresql',
      address.replace('admin@', 'admin:hunter2@'),
    ]);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /SAME1814 .*PGPASSWORD/);
    assert.doesNotMatch(refused.stderr, /hunter2/);
    assert.equal(existsSync(`${rig.home}/config.yaml`), false);

    await told(rig, address);
    const because = async (env: Record<string, string> = {}): Promise<string> => {
      const { stdout } = await asked(rig, ['show', 'store', '--json'], env);
      const state = JSON.parse(stdout);
      assert.equal(state.reachable, false);
      return `${state.because.code} ${state.because.message}`;
    };
    assert.match(await because({ PGPASSWORD: 'wrong' }), /^SAME1812 .*password authentication failed.*28P01/);
    server.psql('wrong', 'UPDATE same.version SET version = 99');
    assert.match(await because(), /^SAME1811 .*version 99/);
    server.psql('postgres', "CREATE ROLE reader LOGIN PASSWORD 'correct horse'");
    await works(rig, ['set', 'store', 'postgresql', address.replace('admin@', 'reader@')]);
    assert.match(await because(), /^SAME1812 .*permission denied.*42501/);
    await works(rig, ['set', 'store', 'postgresql', address.replace(/wrong$/, 'missing')]);
    assert.match(await because(), /^SAME1811 .*"missing" does not exist.*3D000/);
    const { code, stderr } = await asked(rig, ['list', 'runs', '--store']);
    assert.equal(code, 6);
    assert.match(stderr, /createdb missing/);
  });

  it('finds its password in the file that other clients of PostgreSQL read', async () => {
    const rig = open();
    const address = server.database('pass');
    rig.write({ pgpass: `127.0.0.1:${server.port}:pass:admin:${server.password}\n` });
    chmodSync(rig.path('pgpass'), 0o600);
    await works(rig, ['set', 'store', 'postgresql', address]);
    const { stdout, stderr } = await rig.same(['show', 'store', '--json'], {
      env: { PGPASSWORD: undefined, PGPASSFILE: rig.path('pgpass') },
    });
    assert.equal(JSON.parse(stdout).reachable, true, stdout + stderr);
    assert.equal(stderr, '');
  });
});

/** What stands before a server and cuts each connection once it was sent so many bytes. */
async function openCutter(to: number, afterBytes: number): Promise<{ server: Server; port: number }> {
  const server = createServer((near) => {
    let seen = 0;
    const far = connect(to, '127.0.0.1');
    const cut = (): void => {
      near.destroy();
      far.destroy();
    };
    near.on('error', cut).on('close', cut);
    far.on('error', cut).on('close', cut);
    far.on('data', (bytes) => near.write(bytes));
    near.on('data', (bytes) => {
      seen += bytes.length;
      if (seen > afterBytes) cut();
      else far.write(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address);
  return { server, port: address.port };
}
