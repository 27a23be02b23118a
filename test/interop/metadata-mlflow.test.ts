import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { findMlflowServer } from '../components/installed.ts';
import { type MlflowServer, mlflowServer } from '../components/mlflow-server.ts';
import { openRig, type Rig, study } from '../e2e/rig.ts';

const python = findMlflowServer();
const skip = python ? false : "not on this machine: MLflow's tracking server (scripts/install.sh --test)";

const FIT = `
printf '{"step":0,"time":1767225600.5,"loss":0.5}\\n{"step":10,"time":1767225601,"loss":0.25,"hit@10":0.1}\\n' > metrics.jsonl
printf '{"step":20,"time":1767225602,"loss":"NaN"}\\n' >> metrics.jsonl
printf '\\000\\001weights' > {{outputs.model}}
`;
const PROGRAM = study(`
parameters:
  lr: {type: number, default: 0.1}
  note: {type: string, default: "naïve – text"}
  ok: {type: boolean, default: true}
pipeline:
  steps:
    fit:
      run: |${FIT.replace(/\n/g, '\n        ')}
      outputs: {model: {}}
    score:
      run: |
        mkdir -p report/deep && cat {{inputs.model}} > report/copy.bin && echo text > "report/deep/ä b.txt"
        echo '{"acc": 0.75, "cm": {"tp": 3}}' > metrics.json
        test "$SAME_PARAM_OK" = true
      inputs: {model: {from: fit.model}}
      outputs: {report: {path: report}}
outputs: {model: {from: fit.model}, report: {from: score.report}}
`);

/** All that the server keeps, as its own client reads it. */
const READ = `
import sys, json, hashlib, os, tempfile, mlflow
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
def value(number):
    return number if number == number else "NaN"
found = {}
for experiment in client.search_experiments():
    for run in client.search_runs([experiment.experiment_id]):
        info, data = run.info, run.data
        history = {name: [[p.step, p.timestamp, value(p.value)] for p in client.get_metric_history(info.run_id, name)]
                   for name in data.metrics}
        files = {}
        with tempfile.TemporaryDirectory() as place:
            mlflow.artifacts.download_artifacts(artifact_uri=info.artifact_uri, dst_path=place)
            for folder, _, names in os.walk(place):
                for name in names:
                    path = os.path.join(folder, name)
                    key = os.path.relpath(path, place)
                    files[key[key.find("artifacts/") + 10:] if "artifacts/" in key else key] = hashlib.sha256(open(path, "rb").read()).hexdigest()
        found[data.tags["same.run_id"]] = dict(experiment=experiment.name, versions=experiment.tags, status=info.status,
            start=info.start_time, end=info.end_time, name=info.run_name, params=data.params, tags=data.tags,
            history=history, files=files)
print(json.dumps(found))
`;

describe("runs that MLflow's own tracking server is told", { skip, timeout: 600_000 }, () => {
  let rig: Rig;
  let server: MlflowServer;
  let failure: string;
  before(async () => {
    rig = openRig();
    server = await mlflowServer(python!, rig.root);
    await server.start();
    rig.write({ 'study/same.yaml': PROGRAM });
  });
  after(async () => {
    await server.stop();
    rig[Symbol.dispose]();
  });
  const works = async (...words: string[]) => {
    const ended = await rig.same(words);
    assert.equal(ended.code, 0, `same ${words.join(' ')}\n${ended.stderr}`);
    return ended;
  };
  const waiting = () => {
    const names = readdirSync(rig.path('home', 'outbox'));
    return names.filter((name) => /^(run|program)-/.test(name));
  };

  it('are read back equal by its own client: parameters, series, tags, files and how they ended', async () => {
    await works('set', 'store', 'mlflow', server.address);
    assert.equal((await works('show', 'store', '--json')).json().reachable, true);
    const created = await works('create', 'program', '-f', 'study');
    assert.match(created.stderr, /told program study:1\.0/);
    const ran = await works('run', 'study:1.0', '--lr', '0.5', '--json');
    const record = ran.json();
    assert.match(ran.stderr, /told run .*\n.*"hit@10" is called "hit_10" there/);
    const failed = await rig.same(['run', 'study:1.0', '--ok=false', '--json']);
    assert.equal(failed.code, 1);
    failure = failed.json().id;
    assert.match(failed.stderr, /told run/);
    assert.deepEqual(waiting(), []);

    const there = await server.client(READ);
    assert.deepEqual(Object.keys(there).sort(), [record.id, failed.json().id].sort());
    const run = there[record.id];
    assert.equal(run.experiment, 'study');
    assert.equal(run.versions['same.version.1.0'], record.program.digest);
    assert.equal(run.status, 'FINISHED');
    assert.equal(run.start, Date.parse(record.startedAt));
    assert.equal(run.end, Date.parse(record.finishedAt));
    assert.equal(run.name, record.display);
    assert.deepEqual(run.params, { lr: '0.5', note: 'naïve – text', ok: 'true' });
    const end = Date.parse(record.finishedAt);
    assert.deepEqual(run.history, {
      loss: [
        [0, 1767225600500, 0.5],
        [10, 1767225601000, 0.25],
        [20, 1767225602000, 'NaN'],
      ],
      hit_10: [[10, 1767225601000, 0.1]],
      acc: [[0, end, 0.75]],
      'cm.tp': [[0, end, 3]],
    });
    assert.equal(run.tags['same.digest'], record.program.digest);
    assert.equal(run.tags['same.status'], 'succeeded');
    const model = Buffer.from('\0\x01weights');
    const { 'same/run.json': document, ...files } = run.files;
    assert.match(document, /^[0-9a-f]{64}$/);
    assert.deepEqual(files, {
      'outputs/model': sha256(model),
      'outputs/report/copy.bin': sha256(model),
      'outputs/report/deep/ä b.txt': sha256(Buffer.from('text\n')),
    });
    assert.equal(there[failed.json().id].status, 'FAILED');
    assert.deepEqual(there[failed.json().id].params, { lr: '0.1', note: 'naïve – text', ok: 'false' });
  });

  it('wait while it is away, are told once when it is back, and told again change nothing', async () => {
    await server.stop();
    const ran = await works('run', 'study:1.0', '--lr', '0.75', '--json');
    const { id, status } = ran.json();
    assert.equal(status, 'succeeded');
    assert.match(ran.stderr, /warning: SAME1811 .* 1 waits to be told/);
    assert.deepEqual(waiting(), [`run-${id}.json`]);
    const away = await rig.same(['deliver', '--json']);
    assert.equal(away.code, 6, away.stderr);
    const state = (await works('show', 'store', '--json')).json();
    assert.deepEqual([state.reachable, state.waiting, state.problem.code], [false, 1, 'SAME1811']);

    await server.start();
    const told = (await works('deliver', '--json')).json();
    assert.deepEqual(
      told.told.map(({ what }: { what: string }) => what),
      [id],
    );
    assert.deepEqual(waiting(), []);
    const before = await server.client(READ);
    assert.equal(before[id].status, 'FINISHED');
    assert.equal(Object.keys(before).length, 3);
    const all = (await works('deliver', '--all', '--json')).json();
    assert.equal(all.told.length, 4);
    assert.deepEqual(await server.client(READ), before);
    assert.equal((await works('show', 'store', '--json')).json().problem, undefined);
  });

  it('are those of sweeps and of what is gone on with too', async () => {
    const swept = await works('sweep', 'study:1.0', '--lr', '1,2', '--json');
    const { id, results } = swept.json();
    const retried = await rig.same(['retry', 'run', failure, '--json']);
    const there = await server.client(READ);
    for (const { run } of results) {
      assert.equal(there[run].status, 'FINISHED');
      assert.equal(there[run].tags['same.parent'], id);
    }
    assert.equal(results.length, 2);
    assert.equal(there[retried.json().id].status, 'FAILED', retried.stderr);
  });
});

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
