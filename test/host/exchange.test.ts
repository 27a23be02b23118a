import assert from 'node:assert/strict';
import { lookup } from 'node:dns/promises';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsHttpServer } from 'node:https';
import {
  type AddressInfo,
  connect,
  createServer as createSocketServer,
  type Server,
  type Socket,
} from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createServer as createTlsSocketServer } from 'node:tls';
import { SameError } from '../../src/errors/same-error.ts';
import { readCertificates } from '../../src/host/certificates.ts';
import { openWire, type Wire, type WireOptions } from '../../src/host/exchange.ts';
import { type Certificates, makeCertificates } from '../components/certificates.ts';
import { until } from '../components/facts.ts';

const PATIENCE = { headerTimeoutMs: 80, slowest: { bytes: 1000, perMs: 100 } };

let directory: string;
let certificates: Certificates;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'exchange-'));
  certificates = makeCertificates(directory);
});
after(() => rmSync(directory, { recursive: true, force: true }));

interface Listening extends AsyncDisposable {
  url: URL;
  port: number;
  /** Connections made so far. */
  connections: number;
}

async function listen(
  server: Server,
  scheme = 'http',
  address = '127.0.0.1',
  wanted = 0,
): Promise<Listening> {
  const sockets = new Set<Socket>();
  await new Promise<void>((done) => server.listen(wanted, address, done));
  const { port } = server.address() as AddressInfo;
  const host = address === '::1' ? '[::1]' : 'localhost';
  const listening = { url: new URL(`${scheme}://${host}:${port}/`), port, connections: 0 };
  server.on('connection', (socket: Socket) => {
    listening.connections++;
    sockets.add(socket);
    socket.on('error', () => {});
  });
  return Object.assign(listening, {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  });
}

const http = (handler: RequestListener) => listen(createServer(handler));
const https = (handler: RequestListener) =>
  listen(
    createTlsHttpServer(
      { key: readFileSync(certificates.keyFile), cert: readFileSync(certificates.certificateFile) },
      handler,
    ),
    'https',
  );

/** A server that answers with these bytes as soon as anything comes. */
function raw(answer: string, then: (socket: Socket) => void = () => {}) {
  return listen(
    createSocketServer((socket) => {
      socket.once('data', () => socket.write(Buffer.from(answer, 'latin1'), () => then(socket)));
      socket.on('error', () => {});
    }),
  );
}

async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function errorOf(work: Promise<unknown>): Promise<SameError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof SameError, String(error));
    return error;
  }
  assert.fail('it did not fail');
}

async function whyOf(work: Promise<unknown>): Promise<unknown> {
  const error = await errorOf(work);
  assert.equal(error.code, 'SAME1801', error.message);
  return error.details.why;
}

function get(url: URL, options: WireOptions = {}) {
  return openWire(options).send({ method: 'GET', url });
}

/** So many MiB, and how many were asked for. */
function blocks(count: number): { chunks: Generator<Buffer>; sizeBytes: number; taken: number } {
  const block = Buffer.alloc(2 ** 20, 'x');
  const body = {
    sizeBytes: count * block.length,
    taken: 0,
    chunks: undefined as unknown as Generator<Buffer>,
  };
  body.chunks = (function* () {
    for (; body.taken < count; body.taken++) yield block;
  })();
  return body;
}

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

describe('a server', () => {
  it('that an unknown authority vouches for is refused, and accepted with the certificate of the authority', async () => {
    await using server = await https((_request, response) => response.end('safe'));
    const error = await errorOf(get(server.url));
    assert.deepEqual([error.code, error.details.why, error.details.reason], ['SAME1801', 'tls', 'authority']);
    const wire = openWire({ certificates: readCertificates(certificates.caFile) });
    const { body } = await wire.send({ method: 'GET', url: server.url });
    assert.equal(String(await bytesOf(body)), 'safe');
    wire.close();
  });

  it('that only the environment or the system trusts is asked a second time, with a body that was not begun', async () => {
    await using server = await https(async (request, response) => response.end(await bytesOf(request)));
    const before = process.env.SSL_CERT_FILE;
    process.env.SSL_CERT_FILE = certificates.caFile;
    try {
      const wire = openWire();
      const send = (text: string) =>
        wire.send({
          method: 'PUT',
          url: server.url,
          body: {
            sizeBytes: text.length,
            chunks: (function* () {
              yield Buffer.from(text);
            })(),
          },
        });
      const answers = await Promise.all([send('one'), send('two')]);
      const texts = await Promise.all(answers.map(async ({ body }) => String(await bytesOf(body))));
      assert.deepEqual(texts, ['one', 'two']);
      const made = server.connections;
      await send('three');
      assert.equal(server.connections, made);
      wire.close();
    } finally {
      if (before === undefined) delete process.env.SSL_CERT_FILE;
      else process.env.SSL_CERT_FILE = before;
    }
  });

  it('whose certificate is for another name is refused', async () => {
    await using server = await https((_request, response) => response.end());
    const url = new URL(`https://127.0.0.2:${server.port}/`);
    // Only where such an address is served as well.
    const error = await errorOf(get(url, { certificates: readCertificates(certificates.caFile) }));
    assert.ok(['tls', 'refused'].includes(String(error.details.why)), error.message);
  });

  it('that speaks no TLS is told from one that is not there', async () => {
    await using server = await http((_request, response) => response.end());
    const error = await errorOf(get(new URL(`https://localhost:${server.port}/`)));
    assert.deepEqual([error.details.why, error.details.reason], ['tls', 'plain']);
    const port = server.port;
    await server[Symbol.asyncDispose]();
    assert.equal(await whyOf(get(new URL(`http://localhost:${port}/`))), 'refused');
  });

  it('on this machine is found by the name localhost at either of its addresses', async () => {
    const answer: RequestListener = ({ headers }, response) => response.end(headers.host);
    await using four = await listen(createServer(answer));
    const host = `localhost:${four.port}`;
    const askedBy = async (wire: Wire) => {
      const { body } = await wire.send({ method: 'GET', url: new URL(`http://${host}/`) });
      return (await bytesOf(body)).toString();
    };
    assert.equal(await askedBy(openWire()), host);
    await four[Symbol.asyncDispose]();
    await using six = await listen(createServer(answer), 'http', '::1', four.port);
    const wire = openWire();
    const addresses = await lookup('localhost', { all: true });
    if (addresses.some(({ address }) => address === '::1')) {
      assert.deepEqual([await askedBy(wire), await askedBy(wire)], [host, host]);
      assert.equal(six.connections, 1, 'it is remembered where it was');
    } else assert.equal(await whyOf(askedBy(wire)), 'refused');
    wire.close();
  });

  it('whose name nobody knows is said to be unknown', async () => {
    assert.equal(await whyOf(get(new URL('http://registry.invalid/'))), 'name');
  });

  it('at a link-local or metadata address is never asked', async () => {
    for (const host of [
      '169.254.169.254',
      '[::ffff:169.254.169.254]',
      '[fe80::1]',
      'metadata.google.internal',
      '0.0.0.0',
    ])
      assert.equal((await errorOf(get(new URL(`http://${host}/`)))).code, 'SAME1208', host);
  });

  it('on this machine is not asked where the caller says so', async () => {
    await using server = await http((_request, response) => response.end());
    for (const host of ['localhost', '127.0.0.1', '[::1]']) {
      const url = new URL(`http://${host}:${server.port}/`);
      const error = await errorOf(openWire().send({ method: 'GET', url, loopback: false }));
      assert.equal(error.code, 'SAME1208');
    }
    assert.equal(server.connections, 0);
  });

  it('that answers with something else than HTTP is said to', async () => {
    await using server = await raw('SSH-2.0-OpenSSH_9.2\r\n');
    assert.equal(await whyOf(get(server.url)), 'protocol');
  });

  it('that gives no headers in time is slow, also when it sends a byte now and then', async () => {
    await using silent = await http(() => {});
    assert.equal(await whyOf(get(silent.url, PATIENCE)), 'slow');
    const timers: NodeJS.Timeout[] = [];
    await using dripping = await raw('HTTP/1.1 200 OK\r\nx: ', (socket) =>
      timers.push(setInterval(() => socket.write('y'), 10)),
    );
    const body = { sizeBytes: 3, chunks: [Buffer.from('abc')] };
    assert.equal(await whyOf(openWire(PATIENCE).send({ method: 'PUT', url: dripping.url, body })), 'slow');
    assert.equal(await whyOf(get(dripping.url, PATIENCE)), 'slow');
    for (const timer of timers) clearInterval(timer);
  });

  it('whose body drips is slow; a reader may be', async () => {
    const timers: NodeJS.Timeout[] = [];
    await using server = await http((request, response) => {
      response.writeHead(200, { 'content-length': 100_000 });
      if (request.url === '/whole') response.end(Buffer.alloc(100_000));
      else timers.push(setInterval(() => response.write('y'), 10));
    });
    const dripping = await get(server.url, PATIENCE);
    const error = await errorOf(bytesOf(dripping.body));
    assert.deepEqual([error.code, error.details.why], ['SAME1801', 'slow']);
    for (const timer of timers) clearInterval(timer);

    const { body } = await get(new URL('/whole', server.url), { slowest: { bytes: 1000, perMs: 10 } });
    let looks = 0;
    await until('as much time has passed as a slow server would have had', () => looks++ > 50);
    assert.equal((await bytesOf(body)).length, 100_000);
  });

  it('that ends before all that it announced is said to have cut, with how much came', async () => {
    const cases = [
      ['HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabcd', /after 4 of 10 bytes/],
      ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n', /after 4 bytes/],
    ] as const;
    const close = (socket: Socket) => socket.end();
    for (const [answer, said] of cases) {
      for (const end of [close, (socket: Socket) => socket.resetAndDestroy()]) {
        await using server = await raw(answer, end);
        const error = await errorOf(get(server.url).then(({ body }) => bytesOf(body)));
        assert.deepEqual([error.code, error.details.why], ['SAME1801', 'cut'], error.message);
        if (end === close) assert.match(error.message, said);
      }
    }
    await using server = await raw('HTTP/1.1 200 OK\r\n', (socket) => socket.end());
    assert.equal(await whyOf(get(server.url)), 'cut');
  });

  it('that had closed a kept connection is told from one that cut a new one', async () => {
    let requests = 0;
    await using server = await http((request, response) => {
      if (requests++ < 3) response.end();
      else request.socket.destroy();
    });
    const wire = openWire();
    const first = [1, 2, 3].map(() => wire.send({ method: 'GET', url: server.url }));
    for (const { body } of await Promise.all(first)) await bytesOf(body);
    assert.equal(server.connections, 3);
    const kept = await errorOf(wire.send({ method: 'GET', url: server.url }));
    assert.deepEqual([kept.details.why, kept.details.reused], ['cut', true]);
    const fresh = await errorOf(wire.send({ method: 'GET', url: server.url }));
    assert.deepEqual([fresh.details.why, fresh.details.reused], ['cut', undefined]);
  });

  it('that says no before it has read everything is heard, whatever it closes', async () => {
    const say = 'HTTP/1.1 413 Too Large\r\ncontent-length: 9\r\n\r\ntoo large';
    const onSocket = (socket: Socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write(say, () => socket.destroy()));
    };
    const tls = { key: readFileSync(certificates.keyFile), cert: readFileSync(certificates.certificateFile) };
    await using plainServer = await listen(createSocketServer(onSocket));
    await using tlsServer = await listen(createTlsSocketServer(tls, onSocket), 'https');
    const wire = openWire({ certificates: readCertificates(certificates.caFile) });
    for (const { url } of [plainServer, tlsServer]) {
      for (let round = 0; round < 5; round++) {
        const body = blocks(64);
        const answer = await wire.send({ method: 'PUT', url, body });
        assert.equal(answer.status, 413);
        assert.equal(String(await bytesOf(answer.body)), 'too large');
        assert.ok(body.taken < 64, 'it was sent to the end');
      }
    }
  });
});

describe('a long body', () => {
  const LONG = 9 * 2 ** 20 + 12_345;
  const content = Buffer.alloc(LONG, Buffer.from(Array.from({ length: 251 }, (_, index) => index)));
  const trusting = () => ({ certificates: readCertificates(certificates.caFile) });

  it('comes whole by http and https, of one answer after the other and of several at a time', async () => {
    const answer: RequestListener = (_request, response) => {
      response.writeHead(200, { 'content-length': LONG });
      // Headers and content in one piece, and the rest in odd ones.
      for (let at = 0; at < LONG; at += 700_001) response.write(content.subarray(at, at + 700_001));
      response.end();
    };
    await using plain = await http(answer);
    await using safe = await https(answer);
    const wire = openWire(trusting());
    const take = async (url: URL) => {
      const { body } = await wire.send({ method: 'GET', url });
      assert.ok((await bytesOf(body)).equals(content));
    };
    for (const { url } of [plain, safe]) {
      await take(url);
      await take(url);
      await Promise.all([take(url), take(url), take(url)]);
      const head = await wire.send({ method: 'HEAD', url });
      assert.equal((await bytesOf(head.body)).length, 0);
    }
    wire.close();
  });

  it('ends where its length says, whatever follows', async () => {
    await using server = await raw(
      `HTTP/1.1 200 OK\r\ncontent-length: ${LONG}\r\n\r\n${content.toString('latin1')}and more`,
    );
    const { body } = await get(server.url);
    assert.equal((await bytesOf(body)).length, LONG);
  });

  it('that is cut fails after all that came', async () => {
    for (const share of [0, 0.1, 0.5, 0.9]) {
      const came = Math.floor(LONG * share);
      const answer: RequestListener = (_request, response) => {
        response.writeHead(200, { 'content-length': LONG });
        response.flushHeaders();
        response.write(content.subarray(0, came), () => response.socket?.end());
      };
      await using plain = await http(answer);
      await using safe = await https(answer);
      for (const { url } of [plain, safe]) {
        const { body } = await get(url, trusting());
        const chunks: Buffer[] = [];
        const error = await errorOf(
          (async () => {
            for await (const chunk of body) chunks.push(chunk);
          })(),
        );
        assert.deepEqual([error.code, error.details.why], ['SAME1801', 'cut']);
        assert.ok(error.message.includes(`after ${came} of ${LONG} bytes`), error.message);
        assert.ok(Buffer.concat(chunks).equals(content.subarray(0, came)));
      }
    }
  });

  it('that stops or drips is slow, and may be left or interrupted in the middle', async () => {
    const timers: NodeJS.Timeout[] = [];
    const closed: string[] = [];
    await using server = await http((request, response) => {
      response.on('close', () => closed.push(request.url!));
      response.writeHead(200, { 'content-length': LONG }).write(content.subarray(0, 2 ** 20));
      if (request.url === '/drips') timers.push(setInterval(() => response.write('y'), 10));
    });
    for (const path of ['/stops', '/drips']) {
      const { body } = await get(new URL(path, server.url), PATIENCE);
      const error = await errorOf(bytesOf(body));
      assert.deepEqual([error.code, error.details.why], ['SAME1801', 'slow']);
    }
    for (const timer of timers) clearInterval(timer);

    const left = await get(new URL('/left', server.url));
    for await (const _ of left.body) break;
    const abort = new AbortController();
    const interrupted = await get(new URL('/interrupted', server.url), { signal: abort.signal });
    const error = errorOf(
      (async () => {
        for await (const _ of interrupted.body) abort.abort();
      })(),
    );
    assert.equal((await error).code, 'SAME1903');
    await until('the server sees all connections closed', () => closed.length === 4);
  });

  it('is not read faster than by its reader, and goes on when he does', async () => {
    const length = 2 ** 27;
    let sentBytes = 0;
    await using server = await http((request, response) => {
      if (request.url === '/small') return void response.end();
      response.writeHead(200, { 'content-length': length });
      const go = (): void => {
        while (sentBytes < length) {
          sentBytes += 2 ** 20;
          if (!response.write(content.subarray(0, 2 ** 20))) return void response.once('drain', go);
        }
        response.end();
      };
      go();
    });
    const wire = openWire();
    const { body } = await wire.send({ method: 'GET', url: server.url });
    let received = 0;
    for await (const chunk of body) {
      if (received === 0) {
        for (let turn = 0; turn < 50; turn++)
          await bytesOf((await wire.send({ method: 'GET', url: new URL('/small', server.url) })).body);
        assert.ok(sentBytes < 2 ** 26, `${sentBytes} bytes left the server`);
      }
      received += chunk.length;
    }
    assert.equal(received, length);
    wire.close();
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

describe('a file of certificates', () => {
  it('is refused when it is not there, has none or a damaged one', async () => {
    const file = join(directory, 'other.pem');
    const pem = readFileSync(certificates.caFile, 'utf8');
    const texts = ['', 'not a certificate', pem.replace(/\n[A-Za-z0-9+/]{20}/, '\nAAAAAAAAAAAAAAAAAAAA')];
    for (const text of [undefined, ...texts]) {
      if (text !== undefined) writeFileSync(file, text);
      assert.throws(
        () => readCertificates(file),
        (error) =>
          error instanceof SameError && error.code === 'SAME1805' && error.findings[0]?.place === '--ca',
        text,
      );
    }
    writeFileSync(file, `a line before\n${pem}${pem}`);
    assert.equal(readCertificates(file).match(/BEGIN CERTIFICATE/g)?.length, 2);
  });
});
