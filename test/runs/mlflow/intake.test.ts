import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openAttempt, RUN, text } from './intake-lab.ts';

describe('what a step logs by the protocol of MLflow', () => {
  it('are figures with the series they end, as of metrics.jsonl', async () => {
    const { post, ask, end } = await openAttempt();
    const at = 1_767_225_600_500;
    for (const [step, value] of [
      [0, 0.5],
      [2, 0.1],
      [1, 0.3],
    ])
      await post('runs/log-metric', { run_id: RUN, key: 'loss', value, step, timestamp: at + step! });
    await post('runs/log-batch', {
      run_id: RUN,
      metrics: [
        { key: 'acc', value: 0.9, timestamp: at, step: '7' },
        { key: 'f1', value: 0.8, timestamp: at, step: '7' },
        { key: '__proto__', value: 1, timestamp: at, step: 7 },
        { key: 'bad', value: 'NaN', timestamp: at, step: 7 },
        { key: 'diverged', value: 2, timestamp: at, step: 7 },
        { key: 'diverged', value: 'NaN', timestamp: at, step: 8 },
        { key: 'diverged', value: 1, timestamp: at, step: 6 },
        { key: 'step', value: 3, timestamp: at, step: 7 },
      ],
    });
    const { json } = await ask('GET', `metrics/get-history?run_id=${RUN}&metric_key=loss`);
    assert.deepEqual(
      json.metrics.map((point: { step: number }) => point.step),
      [0, 2, 1],
    );
    const reading = await end();
    const series = reading!.metrics[0]!.series!;
    assert.deepEqual(reading!.metrics, [
      { name: 'loss', value: 0.1, count: 3, series },
      { name: 'acc', value: 0.9, count: 1, series },
      { name: 'f1', value: 0.8, count: 1, series },
      { name: '__proto__', value: 1, count: 1, series },
      { name: 'diverged', value: 2, count: 2, lost: 1, series },
      { name: 'step', value: 3 },
    ]);
    assert.deepEqual(reading!.warnings, [
      'step train: metric "bad" is not a finite number and is left out (1 of 1 points)',
      'step train: metric "diverged" is not a finite number in 1 of 3 points, which are left out, the last one among them',
    ]);
    assert.deepEqual((await text(series)).split('\n').slice(2), [
      '{"step":1,"time":1767225600.501,"loss":0.3}',
      '{"step":7,"time":1767225600.5,"acc":0.9,"f1":0.8,"__proto__":1,"bad":"NaN","diverged":2}',
      '{"step":8,"time":1767225600.5,"diverged":"NaN"}',
      '{"step":6,"time":1767225600.5,"diverged":1}',
      '',
    ]);
  });

  it('are parameters whose first value counts: another one is drift and no error, 5.0 is 5', async () => {
    const { post, end } = await openAttempt({ parameters: { epochs: 5, lr: 0.1, name: 'a', sizes: [1, 2] } });
    for (const [key, value] of [
      ['epochs', '5.0'],
      ['lr', '0.2'],
      ['a', '1'],
      ['a', '1.0'],
      ['a', '2'],
      ['name', 'a'],
      ['sizes', '[1]'],
    ])
      assert.equal((await post('runs/log-parameter', { run_uuid: RUN, key, value })).status, 200);
    const { logged, warnings } = (await end())!;
    assert.deepEqual(logged, {
      parameters: { epochs: '5.0', lr: '0.2', a: '1', name: 'a', sizes: '[1]' },
      drift: { a: ['2'], lr: ['0.1'], sizes: ['[1,2]'] },
    });
    assert.deepEqual(warnings, [
      'step train: it logged 0.2 as parameter lr, which is 0.1',
      'step train: it logged [1] as parameter sizes, which is [1,2]',
      'step train: it logged parameter a as 1, and then as 2',
    ]);
  });

  it('are points once, though clients log them again of every model', async () => {
    const { post, end } = await openAttempt();
    for (const step of [0, 1, 2])
      await post('runs/log-metric', { run_id: RUN, key: 'loss', value: step, step, timestamp: step });
    const again = [0, 2, 5].map((step) => ({
      key: 'loss',
      value: step,
      step,
      timestamp: step,
      model_id: 'm-1',
    }));
    await post('runs/log-batch', { run_id: RUN, metrics: again });
    const [figure] = (await end())!.metrics;
    assert.deepEqual([figure!.value, figure!.count], [5, 4]);
  });

  it('are artifacts in a directory, and what is within them is listed and read', async () => {
    const { ask, end } = await openAttempt();
    const at = (path: string) => `/api/2.0/mlflow-artifacts/artifacts/${RUN}/artifacts/${path}`;
    assert.equal((await ask('PUT', at('a/b%20c.txt'), 'hello')).status, 200);
    assert.equal((await ask('PUT', at('a/b%20c.txt'), 'again')).status, 200);
    assert.equal((await ask('PUT', at('top'), 'x')).status, 200);
    assert.equal((await ask('GET', at('a/b%20c.txt'))).text, 'again');
    const { json } = await ask('GET', `/api/2.0/mlflow-artifacts/artifacts?path=${RUN}/artifacts`);
    assert.deepEqual(json.files, [
      { path: 'a', is_dir: true },
      { path: 'top', is_dir: false, file_size: 1 },
    ]);
    const listed = await ask('GET', `artifacts/list?run_id=${RUN}&path=a`);
    assert.deepEqual(listed.json.files, [{ path: 'a/b c.txt', is_dir: false, file_size: 5 }]);
    const { logged } = (await end())!;
    assert.equal(logged!.artifacts!.sizeBytes, 6);
    const list = JSON.parse(await text(logged!.artifacts!.digest.slice('tree:'.length)));
    assert.deepEqual(
      list.map(([path, , size]: [string, number, number]) => [path, size]),
      [
        ['a/b c.txt', 5],
        ['top', 1],
      ],
    );
  });

  it('are runs within the step, with figures, parameters and artifacts of their own; deleted ones are not', async () => {
    const { post, ask, end } = await openAttempt();
    const begin = async (name: string, parent: string) =>
      (
        await post('runs/create', {
          run_name: name,
          start_time: 1_767_225_600_000,
          tags: [{ key: 'mlflow.parentRunId', value: parent }],
        })
      ).json.run.info.run_id;
    const child = await begin('child', RUN);
    const grandchild = await begin('grandchild', child);
    const gone = await begin('gone', RUN);
    await post('runs/delete', { run_id: gone });
    await post('runs/log-metric', { run_id: grandchild, key: 'm', value: 2 });
    await post('runs/log-parameter', { run_id: child, key: 'p', value: 'x' });
    await ask('PUT', `/ajax-api/2.0/mlflow-artifacts/artifacts/${child}/artifacts/f`, 'f');
    await post('runs/update', { run_id: child, status: 'FINISHED', end_time: 1_767_225_601_000 });
    const found = await post('runs/search', {
      experiment_ids: ['0'],
      filter: "params.p = 'x' and status = 'FINISHED'",
    });
    assert.deepEqual(
      found.json.runs.map((run: { info: { run_name: string } }) => run.info.run_name),
      ['child'],
    );
    const { runs } = (await end())!.logged!;
    assert.deepEqual(
      runs!.map(({ name, parent, status, finishedAt, parameters }) => ({
        name,
        parent,
        status,
        finishedAt,
        parameters,
      })),
      [
        {
          name: 'child',
          parent: undefined,
          status: 'finished',
          finishedAt: '2026-01-01T00:00:01.000Z',
          parameters: { p: 'x' },
        },
        {
          name: 'grandchild',
          parent: child,
          status: 'running',
          finishedAt: undefined,
          parameters: undefined,
        },
      ],
    );
    assert.equal(runs![0]!.artifacts!.sizeBytes, 1);
    assert.deepEqual(
      runs![1]!.metrics.map(({ name, value, count }) => [name, value, count]),
      [['m', 2, 1]],
    );
  });

  it('are models, whose files are among the artifacts under their names', async () => {
    const { post, ask, end } = await openAttempt();
    const { model } = (await post('logged-models', { name: 'best', source_run_id: RUN, model_type: 't' }))
      .json;
    await ask(
      'PUT',
      `/api/2.0/mlflow-artifacts/artifacts/models/${model.info.model_id}/artifacts/MLmodel`,
      'x',
    );
    await ask('PATCH', `/api/2.0/mlflow/logged-models/${model.info.model_id}`, {
      status: 'LOGGED_MODEL_READY',
    });
    const wrong = await ask('PATCH', `/api/2.0/mlflow/logged-models/${model.info.model_id}`, {
      status: 'DONE',
    });
    assert.equal(wrong.json.error_code, 'INVALID_PARAMETER_VALUE');
    const kept = await ask('GET', `/api/2.0/mlflow/logged-models/${model.info.model_id}`);
    assert.equal(kept.json.model.info.status, 'LOGGED_MODEL_READY');
    await post(`logged-models/${model.info.model_id}/params`, { params: [{ key: 'k', value: 'v' }] });
    const { models, artifacts } = (await end())!.logged!;
    assert.deepEqual(models, [{ name: 'best', path: 'models/best', type: 't', parameters: { k: 'v' } }]);
    assert.match(await text(artifacts!.digest.slice('tree:'.length)), /models\/best\/MLmodel/);
  });

  it('are models by names that a directory can have, and others are refused', async () => {
    const { post, close } = await openAttempt();
    for (const name of ['.', '..', 'x'.repeat(241), 'é'.repeat(121)]) {
      const { status, json } = await post('logged-models', { name });
      assert.deepEqual([status, json.error_code], [400, 'INVALID_PARAMETER_VALUE'], name);
    }
    for (const [name, kept] of [
      ['../up', '..-up'],
      ['...', '...'],
      ['', 'model'],
      ['x'.repeat(240), 'x'.repeat(240)],
    ])
      assert.equal((await post('logged-models', { name })).json.model.info.name, kept);
    close();
  });

  it('hold no secret, no user and no place of this machine', async () => {
    const { post, end } = await openAttempt({
      mask: (said) => said.replaceAll('hunter22', '***PASSWORD***'),
      places: ['/tmp/x/attempt/work', '/tmp/x/attempt'],
    });
    const tags = {
      'mlflow.user': 'ada',
      'mlflow.source.name': '/opt/tools/train.py',
      at: '/tmp/x/attempt/work/a.txt',
      of: 'hunter22',
    };
    for (const [key, value] of Object.entries(tags)) await post('runs/set-tag', { run_id: RUN, key, value });
    await post('runs/log-parameter', { run_id: RUN, key: 'hunter22', value: 'hunter22' });
    assert.deepEqual((await end())!.logged, {
      parameters: { '***PASSWORD***': '***PASSWORD***' },
      tags: { 'mlflow.source.name': 'train.py', at: 'a.txt', of: '***PASSWORD***' },
    });
  });

  it('is nothing where nothing was logged', async () => {
    const silent = await openAttempt();
    assert.equal(await silent.end(), undefined);
    const looking = await openAttempt();
    assert.equal((await looking.ask('GET', `runs/get?run_id=${RUN}`)).json.run.info.status, 'RUNNING');
    assert.deepEqual(await looking.end(), { metrics: [], warnings: [] });
  });
});
