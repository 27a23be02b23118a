import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { readCertificates } from '../../src/host/certificates.ts';
import { openWire, type WireOptions } from '../../src/host/exchange.ts';
import { until } from '../components/facts.ts';
import { errorOf } from '../components/failures.ts';
import {
  blocks,
  bytesOf,
  certificates,
  get,
  http,
  https,
  listen,
  PATIENCE,
  whyOf,
} from './exchange-bench.ts';

describe('an exchange', () => {
  it('sends a body with its length in bytes, and streams the answer', async () => {
    let asked: IncomingMessage | undefined;
    await using server = await http(async (request, response) => {
      asked = request;
      response.writeHead(201, { 'x-answer': 'yes' }).end(await bytesOf(request));
    });
    const text = Buffer.from('größer als man denkt');
    const { status, headers, body } = await openWire().send({
      method: 'PUT',
      url: new URL('/v2/a?b=c', server.url),
      headers: { 'content-type': 'text/plain' },
      body: { sizeBytes: text.length, chunks: [text.subarray(0, 3), Buffer.alloc(0), text.subarray(3)] },
    });
    assert.deepEqual([status, headers['x-answer']], [201, 'yes']);
    assert.deepEqual(await bytesOf(body), text);
    assert.equal(asked?.url, '/v2/a?b=c');
    assert.equal(asked.headers['content-length'], String(text.length));
    assert.equal(asked.headers['transfer-encoding'], undefined);
    assert.equal(asked.headers['accept-encoding'], 'identity');
  });

  it('keeps its connection, also when an answer that is here is not read', async () => {
    await using server = await http((_request, response) => {
      response.writeHead(200, { 'content-length': 5 }).end('hello');
    });
    const wire = openWire();
    for (const method of ['GET', 'HEAD', 'HEAD', 'GET', 'GET', 'POST'] as const)
      (await wire.send({ method, url: server.url })).body.destroy();
    const { body } = await wire.send({ method: 'GET', url: server.url });
    assert.equal(String(await bytesOf(body)), 'hello');
    assert.equal(server.connections, 1);
    wire.close();
  });

  it('speaks with an IPv6 address', async () => {
    await using server = await listen(
      createServer((_request, response) => response.end('six')),
      'http',
      '::1',
    );
    assert.equal(String(await bytesOf((await get(server.url)).body)), 'six');
  });

  it('does not read faster than its reader', async () => {
    let sentBytes = 0;
    await using server = await http((request, response) => {
      if (request.url === '/small') return void response.end();
      const block = Buffer.alloc(2 ** 20);
      const go = (): void => {
        while (sentBytes < 2 ** 28) {
          sentBytes += block.length;
          if (!response.write(block)) return void response.once('drain', go);
        }
      };
      go();
    });
    const wire = openWire();
    const { body } = await wire.send({ method: 'GET', url: server.url });
    await body[Symbol.asyncIterator]().next();
    for (let turn = 0; turn < 50; turn++)
      await bytesOf((await wire.send({ method: 'GET', url: new URL('/small', server.url) })).body);
    assert.ok(sentBytes < 2 ** 26, `${sentBytes} bytes left the server`);
    body.destroy();
  });

  it('takes no more of what it sends than the server does', async () => {
    await using server = await http((request) => request.pause());
    const body = blocks(256);
    const sending = openWire(PATIENCE).send({ method: 'PUT', url: server.url, body });
    assert.equal(await whyOf(sending), 'slow');
    assert.ok(body.taken < 64, `${body.taken} MiB were taken`);
  });
});

describe('what is sent', () => {
  it('fails with its own error when it cannot be read', async () => {
    await using server = await http((request) => request.resume());
    const own = Object.assign(new Error('the disk says no'), { code: 'EIO' });
    const chunks = (async function* () {
      yield Buffer.alloc(10);
      throw own;
    })();
    const sending = openWire().send({ method: 'PUT', url: server.url, body: { sizeBytes: 20, chunks } });
    await assert.rejects(sending, (error) => error === own);
  });

  it('must have the length that was announced, or it is a bug of ours and not sent to the end', async () => {
    let whole = 0;
    await using server = await http((request, response) => {
      request.on('error', () => {});
      request.on('end', () => whole++);
      request.resume();
      request.on('end', () => response.end());
    });
    for (const sizeBytes of [9, 11]) {
      const body = { sizeBytes, chunks: [Buffer.alloc(5), Buffer.alloc(5)] };
      const error = await errorOf(openWire().send({ method: 'PUT', url: server.url, body }));
      assert.equal(error.code, 'SAME7001');
    }
    assert.equal(whole, 0);
  });
});

describe('an interruption', () => {
  it('ends an exchange before its headers, in its body and while sending', async () => {
    await using server = await http((request, response) => {
      if (request.url === '/body') response.writeHead(200, { 'content-length': 10 }).write('half');
      else if (request.url === '/taking') request.resume();
    });
    const interrupted = async (work: (options: WireOptions) => Promise<unknown>, ready: () => boolean) => {
      const abort = new AbortController();
      const error = errorOf(work({ signal: abort.signal }));
      await until('it is under way', ready);
      abort.abort();
      assert.equal((await error).code, 'SAME1903');
    };
    await interrupted(
      (options) => get(server.url, options),
      () => server.connections === 1,
    );
    let begun = false;
    await interrupted(
      async (options) => {
        const { body } = await get(new URL('/body', server.url), options);
        for await (const _ of body) begun = true;
      },
      () => begun,
    );
    let sent = 0;
    const endless = (async function* () {
      for (;;) {
        sent++;
        yield Buffer.alloc(2 ** 16);
        await new Promise((done) => setImmediate(done));
      }
    })();
    await interrupted(
      (options) =>
        openWire(options).send({
          method: 'PUT',
          url: new URL('/taking', server.url),
          body: { sizeBytes: 2 ** 40, chunks: endless },
        }),
      () => sent > 5,
    );
    const aborted = AbortSignal.abort();
    assert.equal((await errorOf(get(server.url, { signal: aborted }))).code, 'SAME1903');
  });
});

describe('a proxy', () => {
  it('of the environment is asked for other hosts, by a tunnel where it is https, and not for this machine', async () => {
    const asked: string[] = [];
    await using inner = await https((_request, response) => response.end('inner'));
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.end('by proxy');
    });
    server.on('connect', (request, socket: Socket, head) => {
      asked.push(`${request.method} ${request.url}`);
      const onward = connect(inner.port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        onward.write(head);
        socket.pipe(onward).pipe(socket);
      });
      for (const end of [socket, onward]) end.on('error', () => {});
    });
    await using proxy = await listen(server);
    const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy', 'NO_PROXY', 'no_proxy'];
    const before = names.map((name) => process.env[name]);
    for (const name of names) delete process.env[name];
    process.env.HTTP_PROXY = process.env.HTTPS_PROXY = `http://127.0.0.1:${proxy.port}`;
    try {
      const wire = openWire({ certificates: readCertificates(certificates.caFile) });
      const { body } = await wire.send({
        method: 'GET',
        url: new URL('http://registry.invalid/v2/'),
        loopback: false,
      });
      assert.equal(String(await bytesOf(body)), 'by proxy');
      // The name in the certificate is compared with the host behind the proxy.
      const error = await errorOf(wire.send({ method: 'GET', url: new URL('https://registry.invalid/v2/') }));
      assert.match(error.message, /certificate is not for registry\.invalid/);
      assert.equal(String(await bytesOf((await wire.send({ method: 'GET', url: inner.url })).body)), 'inner');
      assert.deepEqual(asked, ['GET http://registry.invalid/v2/', 'CONNECT registry.invalid:443']);
      wire.close();
    } finally {
      names.forEach((name, index) => {
        if (before[index] === undefined) delete process.env[name];
        else process.env[name] = before[index];
      });
    }
  });
});
