import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { SameError } from '../../../src/errors/same-error.ts';
import type { MetricPoint } from '../../../src/runs/elsewhere/run-elsewhere.ts';
import type { ToldRun } from '../../../src/runs/metadata/metadata-store.ts';
import { openMlflowStore } from '../../../src/runs/metadata/mlflow-store.ts';
import type { RunRecord } from '../../../src/runs/run-record.ts';
import {
  type FaultTracking,
  startFaultTracking,
  type TrackingFault,
} from '../../components/fault-tracking.ts';
import { begun } from '../record.ts';

describe('a tracking server of MLflow', () => {
  let server: FaultTracking;
  beforeEach(async () => {
    await server?.dispose();
    server = await startFaultTracking();
  });
  after(() => server.dispose());

  const open = (
    variables: Record<string, string> = {},
    isPatient = true,
    signal = new AbortController().signal,
  ) =>
    openMlflowStore(
      { kind: 'mlflow', address: server.address },
      { variables, signal, isPatient, progress() {} },
    );
  const record = (more: Partial<RunRecord> = {}): RunRecord =>
    begun({
      id: '01a2017f-13e4-7ef5-8bea-e5c12db3e272',
      status: 'succeeded',
      finishedAt: '2026-01-31T10:00:00.000Z',
      parameters: { lr: { value: 0.1, source: '--set' }, opt: { value: 'adam', source: '--set' } },
      metrics: [
        { name: 'loss', step: 'one', value: 0.5, count: 3 },
        { name: 'acc', step: 'one', value: 0.9 },
      ],
      ...more,
    });
  const points = [
    { name: 'loss', of: 'one', step: 0, value: 1.5, atMs: 1000 },
    { name: 'loss', of: 'one', step: 1, value: Number.NaN, atMs: 2000 },
    { name: 'loss', of: 'one', step: 2, value: Number.NEGATIVE_INFINITY, atMs: 3000 },
    { name: 'acc', of: 'one', step: 0, value: 0.9, atMs: 3000 },
  ];
  const file = (path: string, text: string): ToldRun['artifacts'][number] => ({
    path,
    artifact: { digest: 'sha256:0', sizeBytes: Buffer.byteLength(text) },
    async *body() {
      yield Buffer.from(text);
    },
  });
  const told = (more: Partial<ToldRun> = {}, all: (MetricPoint & { of: string })[] = points): ToldRun => ({
    record: record(),
    tags: { kept: 'yes' },
    note: 'good',
    async *series() {
      yield* all;
    },
    artifacts: [file('outputs/model', 'weights'), file('ä b/c+d.txt', '')],
    ...more,
  });
  /** All that it keeps but the one file whose bytes are the record's. */
  const kept = () => ({
    runs: server.runs.map((run) => ({
      ...run,
      params: Object.fromEntries(run.params),
      tags: Object.fromEntries(run.tags),
    })),
    files: [...server.files].map(([path, bytes]) => [path, path.endsWith('.json') ? '' : bytes.toString()]),
  });
  const problem = async (doing: Promise<unknown>): Promise<SameError> => {
    const error = await doing.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof SameError, `threw ${error}`);
    return error;
  };

  it('is told a run with parameters, tags, every point, files and its end', async () => {
    await using store = open();
    assert.deepEqual(await store.tellRun(told()), { notes: [] });
    const { runs, files } = kept();
    assert.equal(runs.length, 1);
    const [run] = runs;
    assert.equal(run?.status, 'FINISHED');
    assert.equal(run?.end, Date.parse('2026-01-31T10:00:00.000Z'));
    assert.deepEqual(run?.params, { lr: '0.1', opt: 'adam' });
    assert.deepEqual(run?.points, [
      { key: 'loss', value: 1.5, timestamp: 1000, step: 0 },
      { key: 'loss', value: 'NaN', timestamp: 2000, step: 1 },
      { key: 'loss', value: '-Infinity', timestamp: 3000, step: 2 },
      { key: 'acc', value: 0.9, timestamp: 3000, step: 0 },
    ]);
    assert.equal(run?.tags['same.run_id'], record().id);
    assert.equal(run?.tags.kept, 'yes');
    assert.equal(run?.tags['mlflow.note.content'], 'good');
    assert.deepEqual(files, [
      ['1/r0/artifacts/outputs/model', 'weights'],
      ['1/r0/artifacts/ä b/c+d.txt', ''],
      ['1/r0/artifacts/same/run.json', ''],
    ]);
    assert.deepEqual([...server.experiments.keys()], [record().program.name]);
    assert.deepEqual(server.complaints, []);
  });

  it('has nothing twice when it is told again', async () => {
    await using store = open();
    await store.tellRun(told());
    const before = kept();
    const asked = server.asked.length;
    await using another = open();
    assert.deepEqual(await another.tellRun(told()), { notes: [] });
    assert.deepEqual(kept(), before);
    assert.deepEqual(server.asked.slice(asked), [
      'GET /api/2.0/mlflow/experiments/get-by-name',
      'POST /api/2.0/mlflow/runs/search',
    ]);
    await another.tellRun(told({ tags: { kept: 'no' } }));
    const [run] = kept().runs;
    assert.deepEqual({ ...run, tags: 0 }, { ...before.runs[0], tags: 0 });
    assert.equal(run?.tags.kept, 'no');
  });

  for (const cut of ['before', 'after'] as const) {
    it(`has all of a run once whatever request is cut ${cut} it was served`, async () => {
      await open().tellRun(told());
      const whole = kept();
      const requests = server.asked.length;
      assert.ok(requests >= 10, `asked ${requests}`);
      await Promise.all(
        Array.from({ length: requests }, async (_, at) => {
          const other = await startFaultTracking();
          other.fault = (index) => (index === at ? { cut } : undefined);
          const surroundings = {
            variables: {},
            signal: new AbortController().signal,
            isPatient: true,
            progress() {},
          };
          await openMlflowStore({ kind: 'mlflow', address: other.address }, surroundings).tellRun(told());
          const found = other.runs.map((run) => ({
            ...run,
            params: Object.fromEntries(run.params),
            tags: Object.fromEntries(run.tags),
          }));
          assert.deepEqual(found, whole.runs, `cut at request ${at}: ${other.asked[at]}`);
          assert.deepEqual([...other.files.keys()], [...server.files.keys()]);
          assert.deepEqual(other.complaints, []);
          await other.dispose();
        }),
      );
    });
  }

  it('has all of a run once when the telling ends anywhere and begins anew later', async () => {
    await open().tellRun(told());
    const whole = kept();
    const requests = server.asked.length;
    for (let at = 0; at < requests; at++) {
      await server.dispose();
      server = await startFaultTracking();
      // From there on it is gone, as after a process that was killed.
      server.fault = (index) => (index >= at ? { cut: index === at ? 'after' : 'before' } : undefined);
      const stop = new AbortController();
      const telling = open({}, true, stop.signal).tellRun(told());
      const watched = setInterval(() => server.asked.length > at && stop.abort(), 1);
      await problem(telling);
      clearInterval(watched);
      server.fault = undefined;
      await open().tellRun(told());
      assert.deepEqual(kept().runs, whole.runs, `ended at request ${at}`);
    }
  });

  it('loses what users take back of a run, and keeps what others said of it there', async () => {
    await open().tellRun(told({ tags: { kept: 'yes', 'odd@': 'x' } }));
    server.runs[0]?.tags.set('theirs', 'stays');
    server.fault = (index, path) =>
      path.endsWith('/delete-tag') && index % 2 ? { cut: 'after' } : undefined;
    await open().tellRun(told({ tags: { kept: 'no' } }));
    const tags = () => Object.fromEntries(server.runs[0]?.tags ?? []);
    assert.deepEqual([tags().odd_, tags().kept, tags().theirs], [undefined, 'no', 'stays']);
    assert.equal(tags()['mlflow.note.content'], 'good');
    const { note: _, ...plain } = told({ tags: {} });
    await open().tellRun(plain);
    server.fault = undefined;
    await server.dispose();
    const other = server;
    server = await startFaultTracking();
    await open().tellRun(plain);
    const { theirs, ...left } = Object.fromEntries(other.runs[0]?.tags ?? []);
    assert.equal(theirs, 'stays');
    assert.deepEqual(left, tags());
  });

  it('is asked again when it is overloaded, after the time that it names', async () => {
    const faults: TrackingFault[] = [
      { status: 429, headers: { 'retry-after': '0' } },
      { status: 503 },
      { status: 500, text: '<html>' },
    ];
    server.fault = (index) => faults[index - 3];
    assert.deepEqual(await open().tellRun(told()), { notes: [] });
    assert.equal(server.runs.length, 1);
    assert.equal(server.runs[0]?.points.length, 4);
  });

  it('that stays in trouble is left for later, and so is one that is gone, refuses the login or is something else', async () => {
    const told1 = async (fault: TrackingFault, variables = {}) => {
      server.fault = () => fault;
      return problem(open(variables, false).tellRun(told()));
    };
    const trouble = await told1({
      status: 500,
      text: '{"error_code":"INTERNAL_ERROR","message":"disk full"}',
    });
    assert.equal(trouble.code, 'SAME1811');
    assert.match(trouble.message, /in trouble: .* answered with 500 \(INTERNAL_ERROR: disk full\)/);
    assert.equal(trouble.details.passing, true);
    const login = await told1(
      { status: 401 },
      { MLFLOW_TRACKING_USERNAME: 'ada', MLFLOW_TRACKING_PASSWORD: 'hush hush' },
    );
    assert.equal(login.code, 'SAME1812');
    assert.match(login.findings[0]?.hint ?? '', /MLFLOW_TRACKING_TOKEN/);
    assert.doesNotMatch(JSON.stringify(login.findings), /hush/);
    const page = await told1({ status: 200, text: '<html>hello' });
    assert.match(page.message, /does not answer as a tracking server/);
    const moved = await told1({
      status: 302,
      headers: { location: 'https://elsewhere.example.org/x?token=1' },
    });
    assert.match(moved.message, /leads to https:\/\/elsewhere\.example\.org\/x: redirects are not followed/);
    assert.equal(
      moved.findings[0]?.hint,
      'set that address: same set store mlflow https://elsewhere.example.org',
    );
    for (const location of ['http://', 'https://[half', 'mailto:ada'])
      assert.match(
        (await told1({ status: 302, headers: { location } })).findings[0]?.hint ?? '',
        /mlflow URL$/,
      );
    const refused = await told1({
      status: 400,
      text: '{"error_code":"INVALID_PARAMETER_VALUE","message":"no"}',
    });
    assert.equal(refused.code, 'SAME1813');
    assert.notEqual(refused.details.passing, true);
    await server.dispose();
    const gone = await problem(open({}, false).check());
    assert.equal(gone.code, 'SAME1811');
    assert.equal(gone.details.isDown, true);
    server = await startFaultTracking();
  });

  it('that says nothing is not waited for once the command is told to end', async () => {
    server.fault = () => 'silent';
    const stop = new AbortController();
    const telling = problem(open({}, false, stop.signal).check());
    while (server.asked.length === 0) await new Promise((done) => setImmediate(done));
    stop.abort();
    assert.equal((await telling).code, 'SAME1903');
  });

  it('gets a name and a password, or else a token, and they go nowhere else', async () => {
    const both = {
      MLFLOW_TRACKING_USERNAME: 'ada',
      MLFLOW_TRACKING_PASSWORD: 'p:ä',
      MLFLOW_TRACKING_TOKEN: 't0',
    };
    await open(both).check();
    await open({ MLFLOW_TRACKING_TOKEN: 't0' }).check();
    await open().check();
    assert.deepEqual(server.logins, [
      `Basic ${Buffer.from('ada:p:ä').toString('base64')}`,
      'Bearer t0',
      undefined,
    ]);
    server.place = 'mlflow-artifacts://elsewhere.example.org:443/';
    const { notes } = await open(both).tellRun(told());
    assert.deepEqual(notes, [
      'its 3 files are not sent: the tracking server keeps them at another one, elsewhere.example.org:443',
    ]);
  });

  it('that does not take files itself is told the rest, and the run says what is not there', async () => {
    server.place = 's3://bucket/runs';
    const { notes } = await open().tellRun(told());
    assert.deepEqual(notes, [
      'its 3 files are not sent: the tracking server keeps files at s3: without taking them itself',
    ]);
    assert.equal(server.runs[0]?.tags.get('same.notes'), notes[0]);
    assert.equal(server.runs[0]?.status, 'FINISHED');
    assert.equal(server.files.size, 0);
  });

  it('is told what its rules do not let in by other names, cut values, or not at all, each said by name', async () => {
    const long = 'n'.repeat(300);
    const run = told(
      {
        record: record({
          parameters: {
            text: { value: `${'é'.repeat(7000)}`, source: '--set' },
            [long]: { value: 1, source: '--set' },
            'a@b': { value: 1, source: '--set' },
            a$b: { value: 2, source: '--set' },
            a_b: { value: 3, source: '--set' },
            '../up': { value: 4, source: '--set' },
          },
          metrics: [
            { name: 'hit@10', step: 'one', value: 1 },
            { name: 'm', step: 'two.0', value: 1, matrix: { seed: 0 } },
            { name: 'm', step: 'two.1', value: 2, matrix: { seed: 1 } },
          ],
        }),
        tags: { größe: 'ok', wide: 'w'.repeat(9000) },
        artifacts: [file('a#b', 'x'), file('50%25', 'y'), file('line\nbreak', 'z'), file('fine', 'f')],
      },
      [
        { name: 'hit@10', of: 'one', step: 0, value: 1, atMs: 0 },
        { name: 'm', of: 'two.0', step: 0, value: 1, atMs: 0 },
        { name: 'm', of: 'two.1', step: 0, value: 2, atMs: 0 },
      ],
    );
    const { notes } = await open().tellRun(run);
    const { params, tags, points: logged } = server.runs[0]!;
    assert.equal([...(params.get('text') ?? '')].length, 6000);
    assert.ok([...params.keys()].every((name) => name.length <= 250 && /^[/\w.\- :]+$/.test(name)));
    assert.equal(params.size, 6);
    assert.equal(params.get('a_b'), '3');
    assert.equal(tags.get('größe'), 'ok');
    assert.equal(tags.get('wide')?.length, 8000);
    assert.deepEqual(
      logged.map(({ key, value }) => [key, value]),
      [
        ['hit_10', 1],
        ['m/two.0', 1],
        ['m/two.1', 2],
      ],
    );
    assert.deepEqual([...server.files.keys()], ['1/r0/artifacts/fine', '1/r0/artifacts/same/run.json']);
    for (const said of [
      '"text"',
      '"nnn',
      '"a@b"',
      '"a$b"',
      '"../up"',
      '"wide"',
      '"hit@10"',
      '"a#b"',
      '"50%25"',
      '"line\\nbreak"',
    ])
      assert.ok(
        notes.some((note) => note.includes(said)),
        `${said} in ${notes.join('\n')}`,
      );
    assert.equal(server.runs[0]?.tags.get('same.notes'), notes.join('\n'));
  });

  it('has each figure by a name of its own, also where two would be called the same', async () => {
    const metrics = [
      { name: 'acc', step: 's1', value: 1 },
      { name: 'acc', step: 's2', value: 2 },
      { name: 'acc/s1', step: 's1', value: 3 },
      { name: 'm', step: 'b/c', value: 4 },
      { name: 'm', step: 'd', value: 5 },
      { name: 'm/b', step: 'c', value: 6 },
      { name: 'm/b', step: 'e', value: 7 },
    ];
    const all = metrics.map(({ name, step: of, value }) => ({ name, of, step: 0, value, atMs: 0 }));
    const { notes } = await open().tellRun(told({ record: record({ metrics }) }, all));
    const called = (server.runs[0]?.points ?? []).map(({ key }) => key);
    assert.deepEqual(
      called.map((key) => key.replace(/_[0-9a-f]{8}$/, '_#')),
      ['acc/s1_#', 'acc/s2', 'acc/s1', 'm/b/c', 'm/d', 'm/b/c_#', 'm/b/e'],
    );
    assert.deepEqual(notes, [
      `figure "acc" of "s1" is called "${called[0]}" there: another is called "acc/s1"`,
      `figure "m/b" of "c" is called "${called[5]}" there: another is called "m/b/c"`,
    ]);
    assert.equal(server.runs[0]?.tags.get('same.notes'), notes.join('\n'));
  });

  it('is told very much in pieces that it takes', async () => {
    const parameters = Object.fromEntries(
      Array.from({ length: 350 }, (_, i) => [`p${i}`, { value: 'ü'.repeat(6000), source: '--set' as const }]),
    );
    const many = Array.from({ length: 2500 }, (_, step) => ({
      name: 'acc',
      of: 'one',
      step,
      value: step / 7,
      atMs: step,
    }));
    await open().tellRun(told({ record: record({ parameters }) }, many));
    assert.deepEqual(server.complaints, []);
    assert.equal(server.runs[0]?.params.size, 350);
    assert.equal(server.runs[0]?.points.length, 2500);
  });

  it('whose authority cannot be read is no matter of registries', () => {
    const surroundings = {
      variables: {},
      signal: new AbortController().signal,
      isPatient: true,
      progress() {},
    };
    const address = { kind: 'mlflow', address: server.address, caFile: '/nowhere/ca.pem' } as const;
    assert.throws(
      () => openMlflowStore(address, surroundings),
      (error) => error instanceof SameError && !/registry/.test(JSON.stringify(error.findings)),
    );
  });

  it('whose experiment was deleted keeps it so, and says how to have it back', async () => {
    server.experiments.set(record().program.name, { id: '1', tags: new Map(), stage: 'deleted' });
    const error = await problem(open().tellRun(told()));
    assert.equal(error.code, 'SAME1813');
    assert.match(error.findings[0]?.hint ?? '', /mlflow experiments restore --experiment-id 1/);
  });
});
