import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, mock } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { openApiCluster } from '../../src/engines/kubernetes/api-cluster.ts';
import { type Cluster, JOBS } from '../../src/engines/kubernetes/cluster.ts';

/** Channels of a command that the API runs: errors, and how it ended. */
const [ERROR, STATUS] = [2, 3];

describe('an API whose answers are no answers', () => {
  let server: Server;
  let cluster: Cluster;
  let directory: string;
  let answer: { head: string; rest?: string };
  /** Without one nothing is said. */
  let status: string | undefined;
  before(async () => {
    server = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(answer.head);
      if (answer.rest !== undefined) response.end(answer.rest);
    });
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) => {
      if (status === undefined) return;
      socket.send(Buffer.concat([Buffer.of(ERROR), Buffer.from('a proxy speaks')]));
      socket.send(Buffer.concat([Buffer.of(STATUS), Buffer.from(status)]));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    directory = mkdtempSync(join(tmpdir(), 'same-answers-'));
    const name = 'lab';
    writeFileSync(
      join(directory, 'config'),
      JSON.stringify({
        'current-context': name,
        contexts: [{ name, context: { cluster: name, user: name } }],
        clusters: [
          { name, cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
        ],
        users: [{ name, user: { token: 'x' } }],
      }),
    );
    cluster = await openApiCluster({ variables: { KUBECONFIG: join(directory, 'config') } });
  });
  after(() => {
    cluster?.close();
    server?.closeAllConnections();
    server?.close();
    if (directory) rmSync(directory, { recursive: true, force: true });
  });

  it('is not waited for where its answer has begun and does not go on', async () => {
    answer = { head: '{"kind": "Job", ' };
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      let told: unknown;
      const asked = cluster.get(JOBS, 'one').catch((error: unknown) => {
        told = error;
      });
      // A minute of patience for the answer's beginning, and one for the rest of it.
      for (let turn = 0; told === undefined && turn < 2000; turn++) {
        await setImmediate();
        mock.timers.tick(100);
      }
      assert.ok(told instanceof Error, 'it goes on waiting');
      assert.equal((told as { code?: string }).code, 'SAME1703');
      assert.match(told.message, /nothing more of an answer for 60 s/);
      await asked;
    } finally {
      mock.timers.reset();
    }
  });

  it('is told of where its answer is of another kind', async () => {
    answer = { head: '<html>', rest: 'sign in</html>' };
    await assert.rejects(cluster.get(JOBS, 'one'), { code: 'SAME1703' });
  });

  it('is not waited for where a command was given up before it began', async () => {
    status = undefined;
    const over = new AbortController();
    const asked = cluster.exec('pod', { container: 'main', command: ['true'], signal: over.signal });
    over.abort();
    await assert.rejects(asked, { code: 'SAME1903' });
  });

  for (const said of ['<html>sign in</html>', 'null', '{"status": "Failure"}'])
    it(`does not make a command end well that ended with ${said}`, async () => {
      status = said;
      await assert.rejects(cluster.exec('pod', { container: 'main', command: ['true'] }), {
        code: 'SAME1703',
      });
    });
});
