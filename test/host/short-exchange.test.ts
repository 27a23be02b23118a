import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { openWire, type WireOptions } from '../../src/host/exchange.ts';
import { until } from '../components/facts.ts';
import { errorOf } from '../components/failures.ts';

const PATIENCE = { headerTimeoutMs: 80, slowest: { bytes: 1000, perMs: 100 } };

interface Talk extends AsyncDisposable {
  url: URL;
  connections: number;
  /** What came, a request each. */
  asked: string[];
}

/** A server of sockets that says what it is told to for the n-th request, from 1. */
async function talk(
  answer: (count: number, socket: Socket, asked: string) => string | undefined,
): Promise<Talk> {
  const sockets = new Set<Socket>();
  const asked: string[] = [];
  const server = createServer((socket) => {
    talking.connections++;
    sockets.add(socket);
    let came = '';
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      came += bytes.toString('latin1');
      for (let end = came.indexOf('\r\n\r\n'); end >= 0; end = came.indexOf('\r\n\r\n')) {
        const one = came.slice(0, end);
        came = came.slice(end + 4);
        const said = answer(asked.push(one), socket, one);
        if (said !== undefined && socket.writable) socket.write(Buffer.from(said, 'latin1'));
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const talking = {
    url: new URL(`http://localhost:${(server.address() as AddressInfo).port}/v2/lab/study/manifests/1.0`),
    connections: 0,
    asked,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
  return talking;
}

const WHOLE = 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello';
const HEAD = 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n';

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return String(Buffer.concat(chunks));
}

function ask(url: URL, options: WireOptions = {}, method: 'GET' | 'HEAD' = 'GET') {
  return openWire(options).send({ method, url, isShort: true });
}

/** What node:http says in place of it is told by how it writes: `Connection`, not `connection`. */
const isByNode = (asked: string) => /^Connection: /m.test(asked);

describe('a short exchange', () => {
  it('goes over one connection, and asks as node:http would', async () => {
    await using server = await talk((_count, _socket, asked) => (asked.startsWith('HEAD') ? HEAD : WHOLE));
    const wire = openWire();
    for (const method of ['HEAD', 'GET', 'HEAD', 'GET'] as const) {
      const { status, headers, body } = await wire.send({
        method,
        url: server.url,
        headers: { accept: 'application/json' },
        isShort: true,
      });
      assert.deepEqual([status, headers['content-length']], [200, '5']);
      assert.equal(await textOf(body), method === 'GET' ? 'hello' : '');
    }
    assert.equal(server.connections, 1);
    await wire.send({ method: 'GET', url: server.url, headers: { accept: 'application/json' } });
    const lines = server.asked.map((one) => one.toLowerCase().split('\r\n').sort());
    assert.equal(isByNode(server.asked[4]!), true);
    assert.deepEqual(server.asked.slice(0, 4).map(isByNode), [false, false, false, false]);
    assert.deepEqual(lines[1], lines[4]);
  });

  it('of several at a time takes a connection each, and reads what comes byte by byte', async () => {
    await using server = await talk((count, socket) => {
      if (count > 1) return WHOLE;
      const bytes = WHOLE.split('').values();
      const next = () => {
        const { value } = bytes.next();
        if (value !== undefined) socket.write(value, () => setImmediate(next));
      };
      next();
      return undefined;
    });
    const wire = openWire();
    const answers = [1, 2, 3].map(() => wire.send({ method: 'GET', url: server.url, isShort: true }));
    for (const { body } of await Promise.all(answers)) assert.equal(await textOf(body), 'hello');
    assert.equal(server.connections, 3);
    wire.close();
  });

  it('passes on every status that is said plainly', async () => {
    for (const status of [200, 206, 301, 307, 401, 403, 404, 429, 500, 503]) {
      await using server = await talk(
        () => `HTTP/1.1 ${status} Said\r\nretry-after: 3\r\ncontent-length: 2\r\n\r\nno`,
      );
      const { status: got, headers, body } = await ask(server.url);
      assert.deepEqual([got, headers['retry-after'], await textOf(body)], [status, '3', 'no']);
      assert.equal(server.asked.length, 1);
    }
  });

  it('leaves to node:http what is said in another way, and from then on everything', async () => {
    for (const odd of [
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello',
      'HTTP/1.1 200 OK\r\nset-cookie: a\r\nset-cookie: b\r\ncontent-length: 5\r\n\r\nhello',
      'HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n',
    ]) {
      const whole = odd.includes('300000') ? odd + 'x'.repeat(300_000) : odd;
      await using server = await talk(() => whole);
      const wire = openWire();
      for (const times of [1, 2]) {
        const { status, body } = await wire.send({ method: 'GET', url: server.url, isShort: true });
        assert.equal(status, 200);
        assert.match(await textOf(body), /^(hello|x{300000})$/);
        assert.deepEqual(server.asked.map(isByNode), times === 1 ? [false, true] : [false, true, true]);
      }
      wire.close();
    }
  });

  it('ends as by node:http where what comes is no HTTP, or could be read in two ways', async () => {
    for (const odd of [
      'SSH-2.0-OpenSSH_9.2\r\n',
      'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello',
      'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n folded\r\nno colon\r\n\r\nhello',
      `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`,
    ]) {
      await using server = await talk(() => odd);
      const error = await errorOf(ask(server.url).then(({ body }) => textOf(body)));
      assert.deepEqual([error.code, error.details.why], ['SAME1801', 'protocol'], odd.slice(0, 60));
      assert.deepEqual(server.asked.map(isByNode), [false, true]);
    }
  });

  it('that is cut is told as such, before its head and in its body, with what came', async () => {
    for (const begun of ['', 'HTTP/1.1 200 OK\r\ncont', HEAD, `${HEAD}hell`]) {
      for (const end of ['end', 'resetAndDestroy'] as const) {
        await using server = await talk((_count, socket) => {
          if (begun === '') socket[end]();
          else socket.write(begun, () => socket[end]());
          return undefined;
        });
        let came = '';
        const error = await errorOf(
          ask(server.url).then(async ({ body }) => {
            for await (const chunk of body) came += chunk;
          }),
        );
        assert.deepEqual([error.code, error.details.why], ['SAME1801', 'cut'], begun);
        if (end === 'end' && begun.startsWith(HEAD)) {
          assert.match(error.message, new RegExp(`cut after ${came.length} of 5 bytes`));
          assert.equal(came, begun.slice(HEAD.length));
        }
        assert.equal(server.asked.length, 1);
      }
    }
  });

  it('that a kept connection does not survive says so', async () => {
    await using server = await talk((count, socket) => {
      if (count === 1) return WHOLE;
      socket.destroy();
      return undefined;
    });
    const wire = openWire();
    const send = () => wire.send({ method: 'GET', url: server.url, isShort: true });
    await send();
    const { details } = await errorOf(send());
    assert.deepEqual([details.why, details.reused], ['cut', true]);
    assert.equal((await errorOf(send())).details.reused, undefined);
  });

  it('does not go on where the server closes, or said more than it announced', async () => {
    for (const said of [`${WHOLE}more`, WHOLE.replace('\r\n', '\r\nconnection: close\r\n')]) {
      await using server = await talk(() => said);
      const wire = openWire();
      for (let times = 1; times <= 2; times++) {
        const { body } = await wire.send({ method: 'GET', url: server.url, isShort: true });
        assert.equal(await textOf(body), 'hello');
        assert.equal(server.connections, times);
      }
    }
    let left = false;
    await using late = await talk((count, socket) => {
      socket.once('close', () => {
        left = true;
      });
      const more = () => count === 1 && socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil');
      socket.write(WHOLE, () => setImmediate(more));
      return undefined;
    });
    const wire = openWire();
    for (const times of [1, 2]) {
      const { body } = await wire.send({ method: 'GET', url: late.url, isShort: true });
      assert.equal(await textOf(body), 'hello');
      if (times === 1) await until('the connection is left', () => left);
    }
    assert.equal(late.connections, 2);
    wire.close();
  });

  it('that gives no head in time, or drips, is slow', async () => {
    const timers: NodeJS.Timeout[] = [];
    for (const begun of ['', 'HTTP/1.1 200 OK\r\nx: ', 'HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n']) {
      await using server = await talk((_count, socket) => {
        socket.write(begun);
        if (begun !== '') timers.push(setInterval(() => socket.write('y'), 10));
        return undefined;
      });
      const error = await errorOf(ask(server.url, PATIENCE).then(({ body }) => textOf(body)));
      assert.deepEqual([error.code, error.details.why], ['SAME1801', 'slow'], begun);
      for (const timer of timers.splice(0)) clearInterval(timer);
    }
  });

  it('is interrupted before its head and in its body', async () => {
    for (const begun of ['', HEAD]) {
      await using server = await talk(() => begun);
      const abort = new AbortController();
      const error = errorOf(ask(server.url, { signal: abort.signal }).then(({ body }) => textOf(body)));
      await until('it is under way', () => server.asked.length === 1);
      abort.abort();
      assert.equal((await error).code, 'SAME1903');
    }
    await using server = await talk(() => WHOLE);
    assert.equal((await errorOf(ask(server.url, { signal: AbortSignal.abort() }))).code, 'SAME1903');
    assert.equal(server.asked.length, 0);
  });

  it('takes no login along, and none of the address: such a request is node:http’s', async () => {
    for (const name of ['authorization', 'Authorization', 'cookie']) {
      await using server = await talk(() => WHOLE);
      const wire = openWire();
      await wire.send({ method: 'GET', url: server.url, headers: { [name]: 'Bearer t' }, isShort: true });
      assert.deepEqual(server.asked.map(isByNode), [true]);
      wire.close();
    }
    await using server = await talk(() => WHOLE);
    const url = new URL(server.url);
    url.username = 'user';
    await ask(url);
    assert.deepEqual(server.asked.map(isByNode), [true]);
  });

  it('is not for bodies, nor for what may be long, nor past a proxy', async () => {
    await using server = await talk(() => WHOLE);
    await openWire().send({ method: 'GET', url: server.url });
    await openWire().send({ method: 'PUT', url: server.url, body: { sizeBytes: 0, chunks: [] } });
    assert.deepEqual(server.asked.map(isByNode), [true, true]);

    const asked: string[] = [];
    const proxy = createHttpServer((request, response) => {
      asked.push(request.url!);
      response.end('by proxy');
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const before = process.env.http_proxy;
    process.env.http_proxy = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    try {
      const wire = openWire();
      const { body } = await wire.send({
        method: 'GET',
        url: new URL('http://registry.invalid/v2/'),
        isShort: true,
      });
      assert.equal(await textOf(body), 'by proxy');
      assert.deepEqual(asked, ['http://registry.invalid/v2/']);
      wire.close();
    } finally {
      if (before === undefined) delete process.env.http_proxy;
      else process.env.http_proxy = before;
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  it('finds nothing where nothing listens, and is refused where nobody is asked', async () => {
    let url: URL;
    {
      await using server = await talk(() => WHOLE);
      ({ url } = server);
    }
    assert.equal((await errorOf(ask(url))).details.why, 'refused');
    assert.equal((await errorOf(ask(new URL('http://169.254.169.254/')))).code, 'SAME1208');
    assert.equal((await errorOf(ask(new URL('http://registry.invalid/')))).details.why, 'name');
  });
});
