import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readHead } from '../../src/host/answer-head.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const PLAIN = `HTTP/1.1 200 OK\r\nContent-Length: 12\r\nDocker-Content-Digest: ${DIGEST}\r\nX-Empty:\r\n\r\n`;

function read(text: string, isHead = false): ReturnType<typeof readHead> {
  return readHead(Buffer.from(text, 'latin1'), isHead);
}

function headOf(text: string, isHead = false) {
  const found = read(text, isHead);
  assert.ok(typeof found === 'object', JSON.stringify(text));
  return found.head;
}

describe('the head of an answer', () => {
  it('is its status, its headers in lower case, and what follows', () => {
    assert.deepEqual(read(`${PLAIN}twelve bytes`), {
      head: {
        status: 200,
        headers: Object.assign(Object.create(null), {
          'content-length': '12',
          'docker-content-digest': DIGEST,
          'x-empty': '',
        }),
        bodyBytes: 12,
        isLast: false,
      },
      sizeBytes: PLAIN.length,
    });
    assert.equal(headOf('HTTP/1.1 404\r\ncontent-length: 0\r\n\r\n').status, 404);
    assert.equal(headOf('HTTP/1.1 503 Ärger\r\nConstructor: 1\r\n\r\n').headers.constructor, '1');
  });

  it('says how long the body is, and whether the connection goes on', () => {
    assert.equal(headOf(PLAIN, true).bodyBytes, 0);
    assert.equal(headOf('HTTP/1.1 200 OK\r\n\r\n').bodyBytes, undefined);
    assert.equal(headOf('HTTP/1.1 204 No Content\r\n\r\n').bodyBytes, 0);
    assert.equal(headOf('HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n').bodyBytes, 0);
    for (const [said, isLast] of [
      ['Keep-Alive', false],
      ['close', true],
      ['keep-alive, close', true],
      ['upgrade', true],
    ] as const) {
      assert.equal(headOf(`HTTP/1.1 200 OK\r\nConnection: ${said}\r\n\r\n`, true).isLast, isLast, said);
    }
  });

  it('is waited for while what came may become one, wherever it is cut', () => {
    for (let length = 0; length < PLAIN.length; length++)
      assert.equal(read(PLAIN.slice(0, length)), 'more', JSON.stringify(PLAIN.slice(0, length)));
  });

  it('is odd where it could be read in two ways, or is of something else', () => {
    const lines = (...others: string[]) => `HTTP/1.1 200 OK\r\n${others.join('\r\n')}\r\n\r\n`;
    for (const text of [
      'SSH-2.0-OpenSSH_9.2\r\n',
      'HTTP/1.0 200 OK\r\n\r\n',
      'HTTP/2 200\r\n\r\n',
      'http/1.1 200 OK\r\n\r\n',
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\n\r\n',
      'HTTP/1.1 600 More\r\n\r\n',
      'HTTP/1.1 20 OK\r\n\r\n',
      'HTTP/1.1 2000 OK\r\n\r\n',
      'HTTP/1.1  200 OK\r\n\r\n',
      'HTTP/1.1 200 O\0K\r\n\r\n',
      'HTTP/1.1 200 OK\n\n',
      'HTTP/1.1 200 OK\r\na: b\nc: d\r\n\r\n',
      'HTTP/1.1 200 OK\r\na: b\n',
      'HTTP/1.1 200 OK\r\na: b\rc: d\r\n\r\n',
      lines('a: b', ' folded'),
      lines('a : b'),
      lines('no colon'),
      lines(': no name'),
      lines('a: \u0007'),
      lines('content-length: 5', 'Content-Length: 6'),
      lines('content-length: 5', 'Content-Length: 5'),
      lines('docker-content-digest: a', 'docker-content-digest: b'),
      lines('content-length: 5, 5'),
      lines('content-length: +5'),
      lines('content-length: -5'),
      lines('content-length: 0x5'),
      lines('content-length: 05'),
      lines('content-length: 5.0'),
      lines('content-length:'),
      lines('content-length: 99999999999999999999'),
      lines('transfer-encoding: chunked'),
      lines('transfer-encoding: identity', 'content-length: 5'),
      `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
      `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}`,
      `HTTP/1.1 ${'2'.repeat(20_000)}`,
    ]) {
      assert.equal(read(text), 'odd', JSON.stringify(text.slice(0, 80)));
    }
  });
});
