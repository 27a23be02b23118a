import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { openDiskOutbox } from '../../src/runs/metadata/disk-outbox.ts';
import { makeCertificates } from '../components/certificates.ts';
import { type FaultTracking, startFaultTracking } from '../components/fault-tracking.ts';
import { manifest, openRig, type Rig } from './rig.ts';

const PROGRAM = manifest(
  `run: 'printf "{\\"acc\\": 0.5}" > metrics.json; echo hi > {{outputs.o}}'
outputs: {o: {}}`,
  'outputs: {o: {from: main.o}}',
);

describe('a store that runs are told to', () => {
  let rig: Rig;
  let server: FaultTracking;
  before(async () => {
    server = await startFaultTracking();
  });
  after(() => server.dispose());
  beforeEach(() => {
    rig = openRig();
    rig.write({ 'study/same.yaml': PROGRAM });
    Object.assign(server, {
      fault: undefined,
      runs: [],
      asked: [],
      logins: [],
      files: new Map(),
      experiments: new Map(),
    });
  });
  afterEach(() => rig[Symbol.dispose]());

  const works = async (words: string[], env?: Record<string, string>) => {
    const ended = await rig.same(words, env ? { env } : {});
    assert.equal(ended.code, 0, `same ${words.join(' ')}\n${ended.stderr}`);
    return ended;
  };
  const set = () => works(['set', 'store', 'mlflow', server.address]);
  const waiting = () =>
    existsSync(rig.path('home/outbox'))
      ? readdirSync(rig.path('home/outbox')).filter((name) => /^(run|program)-/.test(name))
      : [];

  it('is set in config.yaml and taken out again, and what people wrote there stays', async () => {
    const text = '# mine\nregistries:\n  aliases:\n    lab: "oci://registry.example.org/x" # ours\n';
    rig.write({ 'home/config.yaml': text });
    assert.deepEqual((await works(['show', 'store', '--json'])).json().kind, 'built-in');
    const first = await works(['set', 'store', 'mlflow', 'http://127.0.0.1:5000/', '--json']);
    assert.deepEqual(
      { address: first.json().address, changed: first.json().changed },
      { address: 'http://127.0.0.1:5000', changed: true },
    );
    const config = () => readFileSync(rig.path('home/config.yaml'), 'utf8');
    assert.ok(config().startsWith(text), config());
    await works(['create', 'alias', 'other', 'oci://registry.example.org/y']);
    assert.match(config(), /127\.0\.0\.1:5000/);
    const second = await works(['set', 'store', 'mlflow', server.address, '--json']);
    assert.equal(second.json().replaced.address, 'http://127.0.0.1:5000');
    assert.equal((await works(['set', 'store', 'mlflow', server.address, '--json'])).json().changed, false);
    await works(['set', 'store', 'built-in']);
    assert.match(config(), /lab: "oci:\/\/registry.example.org\/x" # ours/);
    assert.doesNotMatch(config(), /store/);
  });

  it('is no address that holds a login or is of another kind, and none of it is shown or kept', async () => {
    const bad = [
      ['mlflow', 'http://ada:hush-hush@127.0.0.1:5000'],
      ['mlflow', 'postgresql://127.0.0.1/x'],
      ['mlflow', 'ada:hush-hush@127.0.0.1'],
      ['postgresql', 'postgresql://ada:hush-hush@127.0.0.1/x'],
      ['mlflow', 'http://127.0.0.1:5000/?token=hush-hush'],
    ];
    for (const [kind = '', address = ''] of bad) {
      const ended = await rig.same(['set', 'store', kind, address]);
      assert.equal(ended.code, 2, ended.stderr);
      assert.match(ended.stderr, /SAME1814/);
      assert.doesNotMatch(ended.stderr + ended.stdout, /hush/);
    }
    for (const words of [['sqlite', 'x'], ['mlflow'], ['built-in', 'http://x']])
      assert.equal((await rig.same(['set', 'store', ...words])).code, 2);
    assert.ok(!existsSync(rig.path('home/config.yaml')));
    writeFileSync(
      rig.path('home', 'config.yaml'),
      'metadata: {store: {kind: mlflow, address: "http://a:hush-hush@b", port: 1}}\n',
    );
    const ended = await rig.same(['show', 'store']);
    assert.equal(ended.code, 2);
    assert.match(ended.stderr, /SAME1004 .*port/);
    assert.match(ended.stderr, /SAME1814/);
    assert.doesNotMatch(ended.stderr, /hush/);
  });

  it('that is not set costs nothing: no queue, and nothing to deliver', async () => {
    await works(['create', 'program', '-f', 'study']);
    await works(['run', 'study:1.0']);
    assert.ok(!existsSync(rig.path('home/outbox')));
    const ended = await rig.same(['deliver']);
    assert.equal(ended.code, 2);
    assert.match(ended.stderr, /there is no store to tell/);
  });

  it('is told after the command, with what waits of earlier ones; all that is here with --all', async () => {
    await works(['create', 'program', '-f', 'study']);
    const first = (await works(['run', 'study:1.0', '--json'])).json().id;
    await set();
    const ran = await works(['run', 'study:1.0', '--json'], { MLFLOW_TRACKING_TOKEN: 'hush-hush' });
    assert.match(ran.stderr, /^told run /m);
    assert.equal(server.logins.at(-1), 'Bearer hush-hush');
    assert.equal(server.runs.length, 1);
    const told = (await works(['deliver', '--all', '--json'])).json().told;
    assert.deepEqual(
      told.map(({ kind, what }: Record<string, string>) => [kind, what]),
      [
        ['program', 'study:1.0'],
        ['run', first],
        ['run', ran.json().id],
      ],
    );
    assert.equal(server.runs.length, 2);
    assert.deepEqual([...server.files].map(([path]) => path.slice(path.indexOf('artifacts/') + 10)).sort(), [
      'outputs/o',
      'outputs/o',
      'same/run.json',
      'same/run.json',
    ]);
  });

  it('that says nothing is given up after seconds, and the run ends as it ended', async () => {
    await works(['create', 'program', '-f', 'study']);
    await set();
    server.fault = () => 'silent';
    const ran = await works(['run', 'study:1.0', '--json']);
    assert.match(ran.stderr, /warning: SAME1811 .* gave no answer for 5 s; 1 waits/);
    assert.equal(waiting().length, 1);
    server.fault = undefined;
    const next = await works(['run', 'study:1.0']);
    assert.equal(next.stderr.match(/^told run /gm)?.length, 2);
    assert.deepEqual(waiting(), []);
  });

  it('that says nothing is not waited for after Ctrl-C, and the run ends as it ended', async () => {
    await works(['create', 'program', '-f', 'study']);
    await set();
    server.fault = () => 'silent';
    const { child, ended } = rig.start(['run', 'study:1.0', '--json']);
    await once(child.stdout!, 'data');
    while (!server.asked.some((asked) => asked.endsWith('experiments/search')))
      await new Promise((done) => setImmediate(done));
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /waits; tell it with: same deliver/);
    assert.equal(waiting().length, 1);
  });

  it('that another command tells already is not waited for to the end, and the run ends as it ended', async () => {
    await works(['create', 'program', '-f', 'study']);
    await set();
    const unlock = openDiskOutbox(rig.path('home/outbox')).lock()!;
    const startedAtMs = performance.now();
    const ran = await works(['run', 'study:1.0', '--json']);
    assert.match(ran.stderr, /warning: SAME1405 another command.*; 1 waits/);
    // Telling itself may take 30 s, of which nothing is left here.
    assert.ok(performance.now() - startedAtMs < 25_000);
    assert.deepEqual(server.asked, []);
    unlock();
    await works(['deliver']);
    assert.equal(server.runs.length, 1);
  });

  it('is asked by itself how it goes: what was in the way of another one is not said of it', async () => {
    await works(['create', 'program', '-f', 'study']);
    await set();
    server.fault = () => ({ status: 503 });
    await works(['run', 'study:1.0']);
    server.fault = undefined;
    const problem = async () => (await works(['show', 'store', '--json'])).json().problem;
    assert.equal((await problem()).code, 'SAME1811');
    await works(['set', 'store', 'mlflow', server.address.replace('127.0.0.1', 'localhost')]);
    assert.equal(await problem(), undefined);
    await works(['set', 'store', 'built-in']);
    assert.equal(await problem(), undefined);
    await set();
    assert.equal((await problem()).code, 'SAME1811');
  });

  it('is trusted over HTTPS by the authority that it was set with, or that SSL_CERT_FILE names, and else not', async () => {
    const certificates = makeCertificates(rig.root);
    const secure = await startFaultTracking(certificates);
    try {
      await works(['set', 'store', 'mlflow', secure.address]);
      const { because } = (await works(['show', 'store', '--json'])).json();
      assert.equal(because.code, 'SAME1811');
      assert.match(because.hint, /--ca FILE/);
      const env = { SSL_CERT_FILE: certificates.caFile };
      assert.equal((await works(['show', 'store', '--json'], env)).json().reachable, true);
      assert.equal(
        (await rig.same(['set', 'store', 'mlflow', secure.address, '--ca', 'study/same.yaml'])).code,
        2,
      );
      await works(['set', 'store', 'mlflow', secure.address, '--ca', 'ca.crt']);
      assert.equal((await works(['show', 'store', '--json'])).json().reachable, true);
      const created = await works(['create', 'program', '-f', 'study']);
      assert.match(created.stderr, /^told program study:1\.0/m);
    } finally {
      await secure.dispose();
    }
  });

  it('is told tags and notes that users give later, and versions that are committed', async () => {
    await set();
    await works(['create', 'program', '-f', 'study']);
    await works(['run', 'study:1.0']);
    assert.match((await works(['tag', 'run', 'latest', 'paper=table1'])).stderr, /^told run /m);
    await works(['note', 'run', 'latest', 'the run of the table']);
    assert.equal(server.runs.length, 1);
    assert.equal(server.runs[0]?.tags.get('paper'), 'table1');
    assert.equal(server.runs[0]?.tags.get('mlflow.note.content'), 'the run of the table');
    await works(['commit', 'program', 'study:1.0', '--as', '1.1']);
    assert.deepEqual(
      [...server.experiments.get('study')!.tags.keys()],
      ['same.version.1.0', 'same.version.1.1'],
    );
    await works(['run', 'study:1.1']);
    const exported = await works(['export', 'program', '-n', 'study:1.2', '-o', rig.path('study.tgz')]);
    assert.match(exported.stderr, /^told program study:1\.2/m);
    assert.deepEqual(waiting(), []);
  });

  it('keeps what it was told of a run that is deleted here, and the command says so', async () => {
    await works(['create', 'program', '-f', 'study']);
    await works(['run', 'study:1.0']);
    assert.equal((await works(['delete', 'run', 'latest'])).stderr, '');
    await set();
    for (const words of [['latest'], ['--where', 'status = succeeded', '--yes']]) {
      await works(['run', 'study:1.0']);
      const { stderr } = await works(['delete', 'run', ...words]);
      assert.ok(stderr.includes(`what ${server.address} was told of them stays there\n`), stderr);
    }
    assert.equal(server.runs.length, 2);
  });

  it('that refuses a run does not keep others from being told, and is asked again only when that is wished', async () => {
    await works(['create', 'program', '-f', 'study']);
    await set();
    await works(['deliver']);
    server.fault = (_, path) =>
      path.endsWith('runs/create')
        ? { status: 400, text: '{"error_code":"INVALID_PARAMETER_VALUE","message":"not today"}' }
        : undefined;
    const ran = await works(['run', 'study:1.0', '--json']);
    assert.match(ran.stderr, /warning: SAME1813 .*not today/);
    assert.deepEqual(waiting(), []);
    const state = (await works(['show', 'store', '--json'])).json();
    assert.equal(state.refused[0].what, ran.json().id);
    assert.match((await works(['show', 'store'])).stdout, /not today/);
    server.fault = undefined;
    await works(['deliver']);
    assert.equal(server.runs.length, 0);
    await works(['deliver', '--refused']);
    assert.equal(server.runs.length, 1);
    assert.deepEqual((await works(['show', 'store', '--json'])).json().refused, []);
  });

  it('hears of a run whose process was killed after its end was queued once there is a record of it, and else forgets it', async () => {
    await works(['create', 'program', '-f', 'study']);
    await set();
    server.fault = () => ({ status: 503 });
    const { id } = (await works(['run', 'study:1.0', '--json'])).json();
    // As a process leaves it that dies between the queue and the record.
    writeFileSync(
      rig.path('home/outbox', 'run-01a20178-94be-7bed-9067-25b5173a0040.json'),
      '{"kind":"run","id":"01a20178-94be-7bed-9067-25b5173a0040"}',
    );
    server.fault = undefined;
    const { told, waiting: left } = (await works(['deliver', '--json'])).json();
    assert.deepEqual(told.map(({ what }: { what: string }) => what).slice(-1), [id]);
    assert.equal(left, 0);
  });

  it('has no secret of a run, nor its machine’s name or directories', async () => {
    rig.write({
      'study/same.yaml': manifest(
        'run: echo "$TOKEN $HOME"; echo x > {{outputs.o}}\nsecrets: [TOKEN]\noutputs: {o: {}}',
        'secrets: {TOKEN: {}}',
      ),
    });
    await set();
    await works(['create', 'program', '-f', 'study'], { TOKEN: 'hush-hush-hush' });
    const ended = await works(['run', 'study:1.0', '--json'], { TOKEN: 'hush-hush-hush' });
    assert.match(ended.stderr, /^told run /m);
    const [run] = server.runs;
    const all = JSON.stringify([
      [...run!.params],
      [...run!.tags],
      run!.points,
      [...server.files].map(([path, bytes]) => [path, bytes.toString()]),
    ]);
    assert.doesNotMatch(all, /hush-hush/);
    assert.ok(!all.includes(rig.root));
  });
});
