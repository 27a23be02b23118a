import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { openDiskContentStore } from '../../../src/content/disk-content-store.ts';
import type { IntakeRequest } from '../../../src/engines/intake.ts';
import { openIntake } from '../../../src/runs/mlflow/intake.ts';
import { openIntakeServer } from '../../../src/runs/mlflow/intake-server.ts';

const RUN = '019a3b5c-7d00-7abc-8def-0123456789ab';
const directory = mkdtempSync(join(tmpdir(), 'same-intake-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const content = openDiskContentStore(join(directory, 'content'));
const intake = openIntake(async (attempts) => openIntakeServer(attempts, content));
let spools = 0;

/** An attempt that logs, by requests as clients send them. */
async function openAttempt(more: Partial<IntakeRequest> = {}) {
  const attempt = await intake.open({
    runId: RUN,
    step: 'train',
    parameters: {},
    places: [],
    spool: join(directory, 'spool', String(spools++)),
    mask: (text) => text,
    ...more,
  });
  const uri = attempt!.variables.MLFLOW_TRACKING_URI!;
  const ask = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${uri}${path.startsWith('/') ? path : `/api/2.0/mlflow/${path}`}`, {
      method,
      // Attempts have connections of their own: nobody keeps one for another.
      headers: { connection: 'close' },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      text,
      // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
      json: text.startsWith('{') ? (JSON.parse(text) as any) : undefined,
    };
  };
  return {
    uri,
    ask,
    post: (path: string, body: unknown) => ask('POST', path, body),
    end: async () => await attempt!.close()?.(true),
    close: () => attempt!.close(),
  };
}

const text = async (digest: string) => (await content.read(digest)).toString();

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

describe('the intake', () => {
  it('says nothing to whoever does not know the path of an attempt that runs', async () => {
    const { uri, end, post } = await openAttempt();
    const { origin } = new URL(uri);
    for (const path of [
      '/',
      '/api/2.0/mlflow/experiments/search',
      `/${'0'.repeat(32)}/api/2.0/mlflow/runs/get`,
      '/../..',
    ]) {
      const response = await fetch(`${origin}${path}`, { method: path === '/' ? 'GET' : 'POST' });
      assert.deepEqual([response.status, await response.text()], [404, '']);
    }
    await post('runs/set-tag', { run_id: RUN, key: 'a', value: 'b' });
    await end();
    const late = await fetch(`${uri}/api/2.0/mlflow/runs/get?run_id=${RUN}`);
    assert.deepEqual([late.status, await late.text()], [404, '']);
  });

  it('listens at the loopback interface alone', async () => {
    const { uri, close } = await openAttempt();
    const { hostname, port } = new URL(uri);
    assert.equal(hostname, '127.0.0.1');
    const others = Object.values(networkInterfaces()).flatMap((all) =>
      (all ?? []).filter(({ internal, family }) => !internal && family === 'IPv4'),
    );
    for (const { address } of others) {
      const socket = connect(Number(port), address);
      const [error] = await once(socket, 'error');
      assert.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
    }
    close();
  });

  it('keeps two attempts apart', async () => {
    const [one, other] = [await openAttempt({ step: 'one' }), await openAttempt({ step: 'other' })];
    await one.post('runs/log-parameter', { run_id: RUN, key: 'p', value: '1' });
    await other.post('runs/log-parameter', { run_id: RUN, key: 'p', value: '2' });
    assert.deepEqual((await one.end())!.logged, { parameters: { p: '1' } });
    assert.deepEqual((await other.end())!.logged, { parameters: { p: '2' } });
  });

  it('answers what the protocol has not with ENDPOINT_NOT_FOUND, whatever version is written', async () => {
    const { ask, close } = await openAttempt();
    for (const path of [
      'nothing',
      '/api/2.0/other/x',
      '/api/9.0/mlflow/runs/get',
      'runs/get/../x',
      'constructor',
      '/x',
    ]) {
      const { status, json } = await ask('GET', path);
      assert.deepEqual([status, json.error_code], [404, 'ENDPOINT_NOT_FOUND'], path);
    }
    for (const prefix of ['/api/2.0', '/api/3.0', '/ajax-api/2.0', '/ajax-api/3.0'])
      assert.equal((await ask('GET', `${prefix}/mlflow/experiments/get?experiment_id=0`)).status, 200);
    close();
  });

  it('refuses what is no request with what is wrong with it, and goes on', async () => {
    const { ask, post, end } = await openAttempt();
    const run_id = RUN;
    const wrong: [string, string, unknown][] = [
      ['POST', 'runs/log-metric', 'not json'],
      ['POST', 'runs/log-metric', '[]'],
      ['POST', 'runs/log-metric', '"x"'],
      ['POST', 'runs/log-metric', { run_id, key: 'a', value: 'many' }],
      ['POST', 'runs/log-metric', { run_id, key: 'a', value: {} }],
      ['POST', 'runs/log-metric', { run_id, key: '', value: 1 }],
      ['POST', 'runs/log-metric', { run_id, key: 'a\n', value: 1 }],
      ['POST', 'runs/log-metric', { run_id, key: 'x'.repeat(501), value: 1 }],
      ['POST', 'runs/log-metric', { run_id, key: 'a', value: 1, step: 1.5 }],
      ['POST', 'runs/log-metric', { run_id: 'nobody', key: 'a', value: 1 }],
      ['POST', 'runs/log-metric', { run_id: { a: 1 }, key: 'a', value: 1 }],
      ['POST', 'runs/log-batch', { run_id, metrics: {} }],
      ['POST', 'runs/log-batch', { run_id, params: [[]] }],
      ['POST', 'runs/log-batch', { run_id, metrics: [{ key: 'a', value: 1 }], tags: [{ value: 'x' }] }],
      ['POST', 'runs/log-parameter', { run_id, key: 'a', value: 'x'.repeat(300_000) }],
      ['POST', 'runs/update', { run_id, status: 'GREAT' }],
      ['POST', 'runs/delete', { run_id }],
      ['POST', 'runs/search', { filter: 'params.a = ' }],
      ['GET', `runs/get?run_id=${'x'.repeat(9000)}`, undefined],
      ['PUT', `/api/2.0/mlflow-artifacts/artifacts/${RUN}/artifacts/%2e%2e/x`, 'x'],
      ['PUT', `/api/2.0/mlflow-artifacts/artifacts/${RUN}/artifacts/a%2f..%2fb`, 'x'],
      ['PUT', `/api/2.0/mlflow-artifacts/artifacts/${RUN}/artifacts/a%00`, 'x'],
      ['PUT', `/api/2.0/mlflow-artifacts/artifacts/${RUN}/artifacts/%ff`, 'x'],
      ['PUT', `/api/2.0/mlflow-artifacts/artifacts/${RUN}/artifacts/`, 'x'],
      ['PUT', '/api/2.0/mlflow-artifacts/artifacts/elsewhere', 'x'],
    ];
    for (const [method, path, body] of wrong) {
      const { status, json } = await ask(method, path, body);
      assert.ok(status >= 400 && status < 500, `${path} ${JSON.stringify(body)?.slice(0, 80)} ${status}`);
      assert.match(json.message, /./);
    }
    await ask('PUT', `/api/2.0/mlflow-artifacts/artifacts/${RUN}/artifacts/f`, 'x');
    const below = await ask('PUT', `/api/2.0/mlflow-artifacts/artifacts/${RUN}/artifacts/f/g`, 'x');
    assert.match(below.json.message, /cannot be a file and a directory/);
    await post('runs/log-metric', { run_id, key: 'good', value: 1 });
    const { metrics, logged } = (await end())!;
    assert.deepEqual(
      metrics.map(({ name }) => name),
      ['good'],
      'nothing of a batch that is wrong is taken',
    );
    assert.deepEqual(Object.keys(logged!), ['artifacts']);
  });

  it('takes lone surrogates for what UTF-8 can say', async () => {
    const { ask, end } = await openAttempt();
    await ask('POST', 'runs/log-parameter', `{"run_id":"${RUN}","key":"\\ud800k","value":"\\udc00"}`);
    assert.deepEqual((await end())!.logged, { parameters: { '\ufffdk': '\ufffd' } });
  });

  it('is not held up by requests that are too large, that are garbage, or that never end', async () => {
    const [bad, good] = [await openAttempt(), await openAttempt()];
    const { port, pathname } = new URL(bad.uri);
    const large = await bad.post('runs/log-batch', {
      run_id: RUN,
      tags: [{ key: 'a', value: 'x'.repeat(33 * 1024 * 1024) }],
    });
    assert.deepEqual([large.status, large.json.error_code], [400, 'RESOURCE_LIMIT_EXCEEDED']);
    const garbage = connect(Number(port), '127.0.0.1');
    garbage.write('\x16\x03\x01 garbage\r\n\r\n');
    await once(garbage.resume(), 'close');
    const slow = connect(Number(port), '127.0.0.1');
    slow.on('error', () => {});
    slow.write(
      `POST ${pathname}/api/2.0/mlflow/runs/log-metric HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{`,
    );
    const upload = httpRequest(`${bad.uri}/api/2.0/mlflow-artifacts/artifacts/${RUN}/artifacts/half`, {
      method: 'PUT',
      headers: { 'content-length': '1000000' },
    });
    upload.on('error', () => {});
    upload.write('half');
    await good.post('runs/log-metric', { run_id: RUN, key: 'a', value: 1 });
    assert.equal((await good.end())!.metrics.length, 1);
    // Its process is gone; what it had not sent is no artifact.
    upload.destroy();
    const reading = await bad.end();
    assert.deepEqual(reading, { metrics: [], warnings: [] });
    slow.destroy();
  });

  it('takes no more than so many connections of one attempt', async () => {
    const { uri, close } = await openAttempt();
    const agent = new Agent({ keepAlive: true, maxSockets: 200 });
    const statuses = await Promise.all(
      Array.from({ length: 140 }, async () => {
        const asked = httpRequest(`${uri}/api/2.0/mlflow/runs/get?run_id=${RUN}`, { agent }).end();
        const [response] = await once(asked, 'response');
        response.resume();
        return response.statusCode as number;
      }),
    );
    agent.destroy();
    assert.ok(statuses.includes(200));
    assert.ok(statuses.every((status) => status === 200 || status === 429));
    close();
  });

  it('keeps points in a file and not in memory, and leaves none behind', async () => {
    const { post, end } = await openAttempt();
    for (let batch = 0; batch < 20; batch++) {
      const metrics = Array.from({ length: 1000 }, (_, index) => ({
        key: 'loss',
        value: index,
        step: batch * 1000 + index,
        timestamp: 0,
      }));
      await post('runs/log-batch', { run_id: RUN, metrics });
    }
    assert.ok(readdirSync(join(directory, 'spool')).length > 0);
    const [figure] = (await end())!.metrics;
    assert.equal(figure!.count, 20_000);
    assert.equal(readFileSync(content.pathOf(figure!.series!), 'utf8').trimEnd().split('\n').length, 20_000);
    assert.deepEqual(readdirSync(join(directory, 'spool')), []);
  });
});
