import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { findMlflow } from '../components/installed.ts';
import { openRig } from '../e2e/rig.ts';

const python = findMlflow();
const skip = python ? false : 'not on this machine: a client of MLflow (scripts/install.sh --test)';

/** As anybody would write it who has set nothing up: MLflow chooses where it keeps this. */
const TRAIN = `
import json, math, mlflow
mlflow.set_experiment("digits")
with mlflow.start_run(run_name="outer", tags={"team": "x"}, description="two\\nlines") as outer:
    mlflow.log_params({"lr": 0.01, "a/b": 1, "padded": "007"})
    for step in range(3):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_metrics({"bad": math.nan, "far": -math.inf})
    mlflow.log_text("hello", "notes/hello.txt")
    with mlflow.start_run(nested=True) as inner:
        mlflow.log_param("n", 1)
with mlflow.start_run() as failed:
    pass
client = mlflow.MlflowClient()
client.set_terminated(failed.info.run_id, "FAILED")
with mlflow.start_run() as gone:
    pass
mlflow.delete_run(gone.info.run_id)
going = client.create_run(outer.info.experiment_id)
runs = {"outer": outer, "inner": inner, "failed": failed, "gone": gone, "going": going}
print(json.dumps({name: run.info.run_id for name, run in runs.items()}))
`;

describe('the database of MLflow', { skip }, () => {
  it('is imported as MLflow itself wrote it, with what lies beside it', async () => {
    using rig = openRig();
    rig.write({ 'study/train.py': TRAIN });
    const said = execFileSync(python!, ['train.py'], {
      cwd: rig.path('study'),
      encoding: 'utf8',
      env: { ...process.env, DO_NOT_TRACK: '1', MLFLOW_DISABLE_TELEMETRY: 'true', MLFLOW_TRACKING_URI: '' },
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 300_000,
    });
    const ids = JSON.parse(said);
    const database = readFileSync(rig.path('study/mlflow.db'));
    const imported = await rig.same(['import', 'runs', '--from', 'mlruns', 'study', '--json']);
    assert.equal(imported.code, 0, imported.stderr);
    const { programs, left, warnings } = imported.json();
    assert.deepEqual(left, [
      { id: ids.gone, because: 'deleted' },
      { id: ids.going, because: 'not ended' },
    ]);
    assert.deepEqual(
      warnings.map(({ runs, message }: { runs: string[]; message: string }) => [...runs, message]),
      ['bad', 'far'].map((name) => [
        ids.outer,
        `metric "${name}" is not a finite number and is left out (1 of 1 values)`,
      ]),
    );
    const [{ program, runs }] = programs;
    assert.equal(program.name, 'digits');
    const shown = async (from: string) => {
      const { id } = runs.find((run: { from: string }) => run.from === from);
      return (await rig.same(['show', 'run', id, '--json'])).json();
    };
    const outer = await shown(ids.outer);
    assert.deepEqual(
      [outer.imported, outer.parameters, outer.status],
      [
        {
          from: 'mlflow',
          id: ids.outer,
          name: 'outer',
          group: 'digits',
          tags: { team: 'x' },
          note: 'two\nlines',
        },
        Object.fromEntries(
          Object.entries({ lr: 0.01, 'a/b': 1, padded: '007' }).map(([name, value]) => [
            name,
            { value, source: 'imported' },
          ]),
        ),
        'succeeded',
      ],
    );
    assert.deepEqual(
      outer.metrics.map(({ name, value, count }: Record<string, unknown>) => [name, value, count]),
      [['loss', 1 / 3, 3]],
    );
    assert.equal((await shown(ids.inner)).parent, outer.id);
    assert.equal((await shown(ids.failed)).status, 'failed');
    const got = await rig.same(['get', 'run', outer.id, '-o', 'got']);
    assert.equal(got.code, 0, got.stderr);
    assert.equal(readFileSync(rig.path('got/main/artifacts/notes/hello.txt'), 'utf8'), 'hello');
    assert.deepEqual(readFileSync(rig.path('study/mlflow.db')), database);
  });
});
