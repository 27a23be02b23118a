import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SameError } from '../../../src/errors/same-error.ts';
import { openMlflowStore } from '../../../src/runs/metadata/mlflow-store.ts';
import { startFaultTracking, type TrackingFault } from '../../components/fault-tracking.ts';
import { trackingLab } from './tracking-lab.ts';

describe('a tracking server of MLflow', () => {
  const lab = trackingLab();
  const { open, record, told, kept, problem } = lab;

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
    assert.deepEqual([...lab.server.experiments.keys()], [record().program.name]);
    assert.deepEqual(lab.server.complaints, []);
  });

  it('has nothing twice when it is told again', async () => {
    await using store = open();
    await store.tellRun(told());
    const before = kept();
    const asked = lab.server.asked.length;
    await using another = open();
    assert.deepEqual(await another.tellRun(told()), { notes: [] });
    assert.deepEqual(kept(), before);
    assert.deepEqual(lab.server.asked.slice(asked), [
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
      const requests = lab.server.asked.length;
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
          assert.deepEqual([...other.files.keys()], [...lab.server.files.keys()]);
          assert.deepEqual(other.complaints, []);
          await other.dispose();
        }),
      );
    });
  }

  it('has all of a run once when the telling ends anywhere and begins anew later', async () => {
    await open().tellRun(told());
    const whole = kept();
    const requests = lab.server.asked.length;
    for (let at = 0; at < requests; at++) {
      await lab.server.dispose();
      lab.server = await startFaultTracking();
      // From there on it is gone, as after a process that was killed.
      lab.server.fault = (index) => (index >= at ? { cut: index === at ? 'after' : 'before' } : undefined);
      const stop = new AbortController();
      const telling = open({}, true, stop.signal).tellRun(told());
      const watched = setInterval(() => lab.server.asked.length > at && stop.abort(), 1);
      await problem(telling);
      clearInterval(watched);
      lab.server.fault = undefined;
      await open().tellRun(told());
      assert.deepEqual(kept().runs, whole.runs, `ended at request ${at}`);
    }
  });

  it('loses what users take back of a run, and keeps what others said of it there', async () => {
    await open().tellRun(told({ tags: { kept: 'yes', 'odd@': 'x' } }));
    lab.server.runs[0]?.tags.set('theirs', 'stays');
    lab.server.fault = (index, path) =>
      path.endsWith('/delete-tag') && index % 2 ? { cut: 'after' } : undefined;
    await open().tellRun(told({ tags: { kept: 'no' } }));
    const tags = () => Object.fromEntries(lab.server.runs[0]?.tags ?? []);
    assert.deepEqual([tags().odd_, tags().kept, tags().theirs], [undefined, 'no', 'stays']);
    assert.equal(tags()['mlflow.note.content'], 'good');
    const { note: _, ...plain } = told({ tags: {} });
    await open().tellRun(plain);
    lab.server.fault = undefined;
    await lab.server.dispose();
    const other = lab.server;
    lab.server = await startFaultTracking();
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
    lab.server.fault = (index) => faults[index - 3];
    assert.deepEqual(await open().tellRun(told()), { notes: [] });
    assert.equal(lab.server.runs.length, 1);
    assert.equal(lab.server.runs[0]?.points.length, 4);
  });

  it('that stays in trouble is left for later, and so is one that is gone, refuses the login or is something else', async () => {
    const told1 = async (fault: TrackingFault, variables = {}) => {
      lab.server.fault = () => fault;
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
    await lab.server.dispose();
    const gone = await problem(open({}, false).check());
    assert.equal(gone.code, 'SAME1811');
    assert.equal(gone.details.isDown, true);
    lab.server = await startFaultTracking();
  });

  it('that says nothing is not waited for once the command is told to end', async () => {
    lab.server.fault = () => 'silent';
    const stop = new AbortController();
    const telling = problem(open({}, false, stop.signal).check());
    while (lab.server.asked.length === 0) await new Promise((done) => setImmediate(done));
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
    assert.deepEqual(lab.server.logins, [
      `Basic ${Buffer.from('ada:p:ä').toString('base64')}`,
      'Bearer t0',
      undefined,
    ]);
    lab.server.place = 'mlflow-artifacts://elsewhere.example.org:443/';
    const { notes } = await open(both).tellRun(told());
    assert.deepEqual(notes, [
      'its 3 files are not sent: the tracking server keeps them at another one, elsewhere.example.org:443',
    ]);
  });

  it('whose authority cannot be read is no matter of registries', () => {
    const surroundings = {
      variables: {},
      signal: new AbortController().signal,
      isPatient: true,
      progress() {},
    };
    const address = { kind: 'mlflow', address: lab.server.address, caFile: '/nowhere/ca.pem' } as const;
    assert.throws(
      () => openMlflowStore(address, surroundings),
      (error) => error instanceof SameError && !/registry/.test(JSON.stringify(error.findings)),
    );
  });

  it('whose experiment was deleted keeps it so, and says how to have it back', async () => {
    lab.server.experiments.set(record().program.name, { id: '1', tags: new Map(), stage: 'deleted' });
    const error = await problem(open().tellRun(told()));
    assert.equal(error.code, 'SAME1813');
    assert.match(error.findings[0]?.hint ?? '', /mlflow experiments restore --experiment-id 1/);
  });
});
