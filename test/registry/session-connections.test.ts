import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { certificatesForTests } from '../components/certificates.ts';
import { until } from '../components/facts.ts';
import { errorOf } from '../components/failures.ts';
import { bodyOf, challenge, found, openTestSession, script } from './session-bench.ts';

const certificates = certificatesForTests();
const tls = { key: readFileSync(certificates.keyFile), cert: readFileSync(certificates.certificateFile) };

describe('an overloaded registry', () => {
  it('is waited for as it asks, in seconds or until a date, at most a minute', async () => {
    const asks = ['3', new Date(Date.UTC(2026, 0, 1, 0, 0, 10)).toUTCString(), '86400'];
    await using server = await script((_asked, count) =>
      count <= 3
        ? { status: count === 1 ? 503 : 429, headers: { 'retry-after': asks[count - 1]! } }
        : { status: 200 },
    );
    const { ask, waits, lines } = openTestSession(server.host);
    await ask();
    assert.deepEqual(waits, [3_000, 7_000, 60_000]);
    assert.equal(lines[2], `${server.host} is asked too often: trying again in 60 s`);
  });

  it('is tried five times with growing pauses, then its own words are the error', async () => {
    await using server = await script(() => ({ status: 500, body: 'the disk is full' }));
    const { ask, waits } = openTestSession(server.host);
    const error = await errorOf(ask());
    assert.equal(error.code, 'SAME1801');
    assert.match(error.message, /answered with 500 \(the disk is full\)/);
    assert.deepEqual(waits, [500, 1000, 2000, 4000]);
    assert.deepEqual([server.asked.length, error.details.retry], [5, false]);
  });

  it('is left to the caller where he has to look first, except for 429, which changed nothing', async () => {
    await using server = await script(({ path }, count) =>
      path === '/busy' && count > 1
        ? { status: 201 }
        : { status: path === '/busy' ? 429 : 503, headers: { 'retry-after': '7' } },
    );
    const { ask, session, waits } = openTestSession(server.host);
    await ask({ method: 'PATCH', url: '/busy', body: bodyOf('x'), again: false });
    const error = await errorOf(ask({ method: 'PATCH', url: '/failing', body: bodyOf('x'), again: false }));
    assert.deepEqual([error.code, error.details.retry, server.asked.length], ['SAME1801', true, 3]);
    await session.pause(1);
    assert.deepEqual(waits, [7_000, 7_000]);
  });

  it('is not asked again for a status that is an answer, nor for one that will not pass', async () => {
    await using server = await script(({ path }) => ({ status: Number(path.slice(1)) }));
    const { ask, waits } = openTestSession(server.host);
    assert.equal((await ask({ url: '/503', expect: [503] })).status, 503);
    assert.equal((await errorOf(ask({ url: '/501' }))).code, 'SAME1801');
    assert.deepEqual(waits, []);
  });
});

describe('a connection', () => {
  it('that is cut is made again, and the body sent again', async () => {
    await using server = await script((_asked, count) => (count < 3 ? { cut: true } : { status: 201 }));
    const body = bodyOf('content');
    const { ask, waits } = openTestSession(server.host);
    await ask({ method: 'PUT', body });
    assert.deepEqual([body.opened, waits.length], [3, 2]);
    assert.deepEqual(
      server.asked.map((asked) => asked.body),
      ['content', 'content', 'content'],
    );
  });

  it('that is always cut is an error after five tries, or at once where the caller has to look first', async () => {
    await using server = await script(() => ({ cut: true }));
    const { ask } = openTestSession(server.host);
    const error = await errorOf(ask());
    assert.deepEqual([error.code, error.details.why, error.details.retry], ['SAME1801', 'cut', false]);
    assert.match(error.message, /was cut \(tried 5 times\)/);
    assert.equal(server.asked.length, 5);
    const once = await errorOf(ask({ again: false }));
    assert.deepEqual([once.details.why, once.details.retry, server.asked.length], ['cut', true, 6]);
  });

  it('that had been idle too long is replaced without waiting', async () => {
    await using server = await script((_asked, count) => (count === 2 ? { cut: true } : { status: 200 }));
    const { ask, waits } = openTestSession(server.host);
    await ask();
    await ask();
    assert.deepEqual([server.asked.length, waits], [3, []]);
  });

  it('to where nothing listens is not tried again, unless something was there before', async () => {
    const server = await script(() => ({ status: 200, headers: { connection: 'close' } }));
    const { ask, waits } = openTestSession(server.host);
    await ask();
    await server[Symbol.asyncDispose]();
    assert.equal((await errorOf(ask())).details.why, 'refused');
    assert.equal(waits.length, 4);
    const other = openTestSession(server.host);
    assert.equal((await errorOf(other.ask())).details.why, 'refused');
    assert.deepEqual(other.waits, []);
  });

  it('on which nothing comes is tried once more', async () => {
    await using server = await script(() => undefined);
    const { ask } = openTestSession(server.host, { wire: { headerTimeoutMs: 40 } });
    const error = await errorOf(ask());
    assert.deepEqual([error.code, error.details.why, server.asked.length], ['SAME1801', 'slow', 2]);
  });

  it('may be silent for longer where the caller says so', async () => {
    const answers: (() => void)[] = [];
    await using server = await script(() => undefined, { later: (answer) => answers.push(answer) });
    const { ask } = openTestSession(server.host, { wire: { headerTimeoutMs: 30 } });
    const patient = ask({ method: 'PUT', url: '/patient', body: bodyOf('x'), patienceMs: 600_000 });
    // Meanwhile another one has waited for as long as is usual, twice.
    const error = await errorOf(ask({ url: '/impatient' }));
    assert.equal(error.details.why, 'slow');
    for (const answer of answers) answer();
    assert.equal((await patient).status, 200);
    assert.equal(server.asked.filter(({ path }) => path === '/patient').length, 1);
  });

  it('by TLS to a server that speaks none, or of an unknown authority, ends with the flag that helps', async () => {
    await using plain = await script(() => ({ status: 200 }));
    await using unknown = await script(() => ({ status: 200 }), { tls });
    for (const [host, flag] of [
      [plain.host, /--plain-http/],
      [unknown.host, /--ca FILE/],
    ] as const) {
      const error = await errorOf(openTestSession(host, { access: {} }).ask());
      assert.equal(error.code, 'SAME1801');
      assert.match(error.findings[0]?.hint ?? '', flag);
    }
  });

  it('without TLS to a server that wants it ends with the flag to leave out', async () => {
    await using server = await script(() => ({
      status: 400,
      body: 'Client sent an HTTP request to an HTTPS server.\n',
    }));
    const error = await errorOf(openTestSession(server.host).ask());
    assert.match(error.findings[0]?.hint ?? '', /--plain-http/);
  });

  it('may be to an IPv6 address', async () => {
    await using server = await script(
      ({ authorization }) => (authorization ? { status: 200 } : challenge('Basic')),
      {
        address: '::1',
      },
    );
    assert.equal((await openTestSession(server.host, found).ask()).status, 200);
    assert.equal(server.asked[0]?.headers.host, server.host);
  });
});

describe('an interruption', () => {
  it('ends a wait and what is under way', async () => {
    await using server = await script((_asked, count) => (count === 1 ? { status: 503 } : undefined));
    const abort = new AbortController();
    const waiting = openTestSession(server.host, {
      signal: abort.signal,
      clock: { nowMs: () => 0, sleep: async () => abort.abort() },
    });
    assert.equal((await errorOf(waiting.ask())).code, 'SAME1903');
    assert.equal((await errorOf(waiting.session.pause(1))).code, 'SAME1903');
    assert.equal((await errorOf(waiting.ask())).code, 'SAME1903');
    assert.equal(server.asked.length, 1);

    const second = new AbortController();
    const asking = openTestSession(server.host, { signal: second.signal }).ask();
    const error = errorOf(asking);
    await until('it is asked', () => server.asked.length === 2);
    second.abort();
    assert.equal((await error).code, 'SAME1903');
  });
});
