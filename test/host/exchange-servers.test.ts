import assert from 'node:assert/strict';
import { lookup } from 'node:dns/promises';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSocketServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createServer as createTlsSocketServer } from 'node:tls';
import { SameError } from '../../src/errors/same-error.ts';
import { readCertificates } from '../../src/host/certificates.ts';
import { openWire, type Wire } from '../../src/host/exchange.ts';
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
  raw,
  whyOf,
} from './exchange-bench.ts';

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

describe('a file of certificates', () => {
  it('is refused when it is not there, has none or a damaged one', async () => {
    const file = join(certificates.directory, 'other.pem');
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
