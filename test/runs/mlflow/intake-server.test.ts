import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { content, directory, openAttempt, RUN } from './intake-lab.ts';

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
