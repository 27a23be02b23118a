import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { describe, it } from 'node:test';
import { readCertificates } from '../../src/host/certificates.ts';
import { openWire } from '../../src/host/exchange.ts';
import { until } from '../components/facts.ts';
import { errorOf } from '../components/failures.ts';
import { bytesOf, certificates, get, http, https, PATIENCE, raw } from './exchange-bench.ts';

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
