import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { findMlflow } from '../components/installed.ts';
import { manifest, openRig } from '../e2e/rig.ts';

const python = findMlflow();
const skip = python ? false : 'not on this machine: a client of MLflow (scripts/install.sh --test)';
const quiet = { DO_NOT_TRACK: '1', MLFLOW_DISABLE_TELEMETRY: 'true' };

/** As anybody would write it who never heard of same; it says at the end what it asked for in vain. */
const TRAIN = `
import mlflow, requests
answers = []
ask = requests.Session.request
def noted(self, method, url, **more):
    response = ask(self, method, url, **more)
    # Of a path it first asks whether a model is there.
    if response.status_code != 200 and "RESOURCE_DOES_NOT_EXIST" not in response.text:
        answers.append((method, url.split("/", 4)[-1].split("?")[0], response.status_code))
    return response
requests.Session.request = noted

mlflow.set_experiment("mine")
mlflow.sklearn.autolog(log_datasets=False)
from sklearn.linear_model import LogisticRegression
with mlflow.start_run():
    LogisticRegression(C=0.5).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    mlflow.sklearn.autolog(disable=True)
    mlflow.log_param("lr", 5.0)
    mlflow.log_param("batch", 32)
    for step in range(5):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_metrics({"acc": 0.9, "f1": 0.8}, step=4)
    mlflow.set_tag("kind", "test")
    mlflow.log_text("hello", "dir/hello.txt")
    mlflow.log_dict({"a": 1}, "d.json")
    mlflow.log_table({"a": [1, 2]}, "t.json")
    with open("big.bin", "wb") as file:
        file.write(b"x" * 3_000_000)
    mlflow.log_artifact("big.bin", "bins")
    for n in range(2):
        with mlflow.start_run(run_name=f"child{n}", nested=True):
            mlflow.log_param("n", n)
            mlflow.log_metric("m", n)
    model = mlflow.sklearn.log_model(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), name="second")
    assert mlflow.sklearn.load_model(model.model_uri).predict([[1.0]])[0] == 1
    client = mlflow.MlflowClient()
    run_id = mlflow.active_run().info.run_id
    assert [point.value for point in client.get_metric_history(run_id, "loss")][1] == 0.5
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/dir/hello.txt") == "hello"
    assert len(client.search_runs(["0"], f"tags.mlflow.parentRunId = '{run_id}'")) == 2
print(answers)
`;

/** Reads the run back, by the same client. */
const READ = `
import json, mlflow, sys
client = mlflow.MlflowClient()
experiment = client.get_experiment_by_name("study")
assert [one.name for one in client.search_experiments()] == ["study"]
run, = client.search_runs([experiment.experiment_id], "params.lr = '5' and metrics.loss < 0.5", order_by=["metrics.acc DESC"])
id = run.info.run_id
child = client.search_runs([experiment.experiment_id], f"tags.mlflow.parentRunId = '{id}' and params.n = '1'")[0]
print(json.dumps({
    "status": run.info.status, "params": run.data.params, "metrics": run.data.metrics, "kind": run.data.tags["kind"],
    "loss": [[point.step, point.value] for point in client.get_metric_history(id, "loss")],
    "text": mlflow.artifacts.load_text(f"runs:/{id}/dir/hello.txt"),
    "files": sorted(file.path for file in client.list_artifacts(id)),
    "child": [child.info.run_name, child.data.metrics, client.get_run(child.info.run_id).data.params],
}))
`;

describe('the client of MLflow', { skip }, () => {
  it('logs into the record of a run, and reads it back from what serves the history', async () => {
    using rig = openRig();
    const step = `run: ["${python}", train.py]\nparameters: [lr]`;
    const rest = `parameters: {lr: {type: number, default: 5}}\nenvironments: {default: {system: true, variables: ${JSON.stringify(quiet)}}}`;
    rig.write({ 'program/same.yaml': manifest(step, rest), 'program/train.py': TRAIN });
    const ran = await rig.same(['run', '-f', 'program']);
    assert.equal(ran.code, 0, ran.stderr);
    const said = await rig.same(['logs']);
    assert.ok(said.stdout.includes('\n[]\n') || said.stdout.startsWith('[]\n'), said.stdout);
    const record = (await rig.same(['show', 'run', 'latest', '--json'])).json();
    const [{ logged }] = record.steps;
    assert.equal(logged.parameters.lr, '5.0');
    assert.equal(logged.parameters.C, '0.5', 'what the client logs by itself');
    assert.equal(logged.drift, undefined);
    assert.deepEqual(
      logged.runs.map(({ name, status }: Record<string, string>) => [name, status]),
      [
        ['child0', 'finished'],
        ['child1', 'finished'],
      ],
    );
    assert.ok(logged.models.some(({ path }: { path: string }) => path === 'models/second'));
    assert.doesNotMatch(JSON.stringify(record), new RegExp(rig.root));

    assert.equal((await rig.same(['get', 'run', 'latest', '-o', 'got'])).code, 0);
    assert.equal(readFileSync(rig.path('got', 'main', 'logged', 'dir', 'hello.txt'), 'utf8'), 'hello');

    const again = await rig.same(['run', '-f', 'program']);
    assert.equal(again.code, 0, again.stderr);
    const reused = (await rig.same(['show', 'run', 'latest', '--json'])).json();
    assert.equal(reused.steps[0].cached, true);
    assert.deepEqual(reused.steps[0].logged, logged);
    assert.deepEqual(reused.metrics, record.metrics);
    assert.equal((await rig.same(['delete', 'run', reused.id])).code, 0);

    const served = rig.start(['serve', '--json']);
    const [line] = await once(served.child.stdout!, 'data');
    const { uri } = JSON.parse(String(line));
    const env = { ...process.env, ...quiet, MLFLOW_TRACKING_URI: uri };
    const { stdout } = await promisify(execFile)(python!, ['-c', READ], { env });
    served.child.kill('SIGINT');
    assert.equal((await served.ended).code, 0);
    const read = JSON.parse(stdout.trim().split('\n').at(-1)!);
    assert.equal(read.status, 'FINISHED');
    assert.deepEqual([read.params.lr, read.params.batch, read.kind], ['5', '32', 'test']);
    assert.deepEqual([read.metrics.loss, read.metrics.acc], [0.2, 0.9]);
    assert.deepEqual(read.loss, [
      [0, 1],
      [1, 0.5],
      [2, 1 / 3],
      [3, 0.25],
      [4, 0.2],
    ]);
    assert.equal(read.text, 'hello');
    for (const file of ['bins', 'd.json', 'dir', 'logs', 'models', 't.json'])
      assert.ok(read.files.includes(file), file);
    assert.deepEqual(read.child, ['child1', { m: 1 }, { n: '1' }]);
  });
});
