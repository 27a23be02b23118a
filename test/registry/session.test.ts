import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SameError } from '../../src/errors/same-error.ts';
import { readCertificates } from '../../src/host/certificates.ts';
import { type Certificates, makeCertificates } from '../components/certificates.ts';
import { until } from '../components/facts.ts';
import { bodyOf, challenge, errorOf, openTestSession, script, stub } from './session-bench.ts';

const LOGIN = { username: 'ada', password: 'pass"word&1' };
const BASIC = `Basic ${Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64')}`;
const found = { findLogin: async () => LOGIN };

let directory: string;
let certificates: Certificates;
let tls: { key: Buffer; cert: Buffer };
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'session-'));
  certificates = makeCertificates(directory);
  tls = { key: readFileSync(certificates.keyFile), cert: readFileSync(certificates.certificateFile) };
});
after(() => rmSync(directory, { recursive: true, force: true }));

const trusting = () => ({ access: {}, wire: { certificates: readCertificates(certificates.caFile) } });

describe('a login by name and password', () => {
  it('is looked for and sent only once the registry asks, and from then on at once', async () => {
    let looked = 0;
    await using server = await script(({ authorization, path }) =>
      path === '/v2/open' || authorization === BASIC ? { status: 200 } : challenge('Basic realm="lab, the"'),
    );
    const { ask } = openTestSession(server.host, {
      findLogin: async () => {
        looked++;
        return LOGIN;
      },
    });
    await ask({ url: '/v2/open' });
    assert.equal(looked, 0);
    await ask();
    await ask();
    assert.equal(looked, 1);
    assert.deepEqual(
      server.asked.map(({ authorization }) => authorization),
      [undefined, undefined, BASIC, BASIC],
    );
  });

  it('of the call goes before the stored one', async () => {
    await using server = await script(({ authorization }) =>
      authorization === BASIC ? { status: 200 } : challenge('Basic'),
    );
    const { ask } = openTestSession(server.host, {
      access: { plainHttp: true, login: LOGIN },
      findLogin: async () => assert.fail('the stored login was looked for'),
    });
    assert.equal((await ask()).status, 200);
  });

  it('is sent with a body that is opened again, by all of several requests at a time', async () => {
    await using server = await script(({ authorization, body }) =>
      authorization === BASIC ? { status: 201, body } : challenge('Basic realm="x"'),
    );
    const { ask } = openTestSession(server.host, found);
    const bodies = ['one', 'two', 'three'].map(bodyOf);
    const answers = await Promise.all(bodies.map((body) => ask({ method: 'PUT', body })));
    assert.deepEqual(
      answers.map(({ text }) => text),
      ['one', 'two', 'three'],
    );
    assert.deepEqual(
      bodies.map(({ opened }) => opened),
      [2, 2, 2],
    );
  });

  it('that is not accepted is an error with the next command, and not sent again and again', async () => {
    await using server = await script(() => challenge('Basic realm="x"'));
    const error = await errorOf(openTestSession(server.host, found).ask());
    assert.equal(error.code, 'SAME1802');
    assert.match(error.message, /does not accept the login.*UNAUTHORIZED: authentication required/);
    assert.equal(error.findings[0]?.hint, `same login ${server.host}`);
    assert.equal(server.asked.length, 2);
  });

  it('that is not known is an error that says so, for 401 as for 403', async () => {
    const cases = [
      [challenge('Basic realm="x"'), undefined, /wants a login, and none is known/],
      [{ status: 401 }, undefined, /wants a login, and none is known/],
      [{ status: 401 }, LOGIN, /does not allow this, and does not say how to log in/],
      [{ status: 403 }, LOGIN, /does not allow this, and does not say how to log in/],
    ] as const;
    for (const [said, login, words] of cases) {
      await using server = await script(() => said);
      const error = await errorOf(openTestSession(server.host, { findLogin: async () => login }).ask());
      assert.equal(error.code, 'SAME1802');
      assert.match(error.message, words);
      assert.equal(error.findings[0]?.hint, `same login ${server.host}`);
    }
  });

  it('is not enough where 403 follows, and the registry says why', async () => {
    await using server = await script(({ authorization }) =>
      authorization
        ? { status: 403, body: '{"errors":[{"code":"DENIED","message":"only for members"}]}' }
        : challenge('Basic'),
    );
    const error = await errorOf(openTestSession(server.host, found).ask());
    assert.equal(error.code, 'SAME1802');
    assert.match(error.message, /does not allow this.*DENIED: only for members/);
  });

  it('of a kind that is not supported is said to be', async () => {
    await using server = await script(() => challenge('Negotiate'));
    const error = await errorOf(openTestSession(server.host, found).ask());
    assert.equal(error.code, 'SAME1802');
    assert.match(error.message, /not supported: negotiate/);
  });

  it('as a token that is sent as it is', async () => {
    await using server = await script(({ authorization }) =>
      authorization === 'Bearer as-it-is'
        ? { status: 200 }
        : challenge('Bearer realm="http://never.invalid/"'),
    );
    const { ask } = openTestSession(server.host, { findLogin: async () => ({ registryToken: 'as-it-is' }) });
    assert.equal((await ask()).status, 200);
  });
});

describe('a redirect', () => {
  it('to another host or port takes no login along, and the way back does', async () => {
    await using other = await script(({ path }) =>
      path.startsWith('/back')
        ? { status: 307, headers: { location: `${server.origin}/home` } }
        : { status: 200, body: 'blob' },
    );
    await using server = await script(({ path, authorization }) => {
      if (!authorization) return challenge('Basic');
      if (path === '/home') return { status: 200, body: 'home' };
      return {
        status: 307,
        headers: { location: `${other.origin}/${path === '/away' ? 'blob' : 'back'}?sig=1` },
      };
    });
    // The first lacks the login in its headers; callers cannot put one there either.
    const { ask } = openTestSession(server.host, found);
    const answer = await ask({
      url: '/away',
      headers: { Authorization: 'Basic leak', Cookie: 'leak', range: 'bytes=1-' },
    });
    assert.equal(answer.text, 'blob');
    assert.equal(answer.url.href, `${other.origin}/blob?sig=1`);
    assert.equal((await ask({ url: '/both' })).text, 'home');
    assert.equal(other.asked.length, 2);
    for (const { authorization, headers } of other.asked)
      assert.deepEqual([authorization, headers.cookie], [undefined, undefined]);
    assert.equal(other.asked[0]?.headers.range, 'bytes=1-');
    assert.equal(server.asked.at(-1)?.authorization, BASIC);
  });

  it('is answered with 401 elsewhere: no login goes there', async () => {
    await using other = await script(() => challenge('Basic realm="give it to me"'));
    await using server = await script(() => ({ status: 307, headers: { location: other.origin } }));
    let looked = 0;
    const error = await errorOf(
      openTestSession(server.host, {
        findLogin: async () => {
          looked++;
          return LOGIN;
        },
      }).ask(),
    );
    assert.equal(error.code, 'SAME1801');
    assert.match(error.message, /leads to another host, which does not allow this/);
    assert.deepEqual([looked, other.asked.length], [0, 1]);
  });

  it('from https to http is refused, but the same host is asked by https', async () => {
    await using plain = await script(() => ({ status: 200 }));
    await using server = await script(
      ({ path }) => ({
        status: path === '/there' ? 200 : 307,
        headers: { location: path === '/self' ? `http://${server.host}/there` : plain.origin },
      }),
      { tls },
    );
    const { ask } = openTestSession(server.host, trusting());
    assert.equal((await ask({ url: '/self' })).url.href, `${server.origin}/there`);
    for (const url of ['/away', new URL(`${plain.origin}/upload`)]) {
      const error = await errorOf(ask({ url }));
      assert.deepEqual([error.code, error.details.why], ['SAME1801', 'protocol']);
      assert.match(error.message, /not https/);
    }
    assert.equal(plain.asked.length, 0);
  });

  it('to this machine is refused unless the registry is here', async () => {
    await using here = await script(() => ({ status: 200 }));
    const sent: string[] = [];
    const { ask } = openTestSession('registry.example', {
      access: {},
      ...stub(({ url, loopback }) => {
        sent.push(`${url.href} ${loopback}`);
        return {
          status: 307,
          location: url.pathname === '/1' ? here.origin.replace('http', 'https') : 'https://cdn.example/x',
        };
      }),
    });
    assert.match((await errorOf(ask({ url: '/1' }))).message, /on this machine/);
    assert.equal(here.asked.length, 0);
    await errorOf(ask({ url: '/2' }));
    // A name that only turns out to lead here when it is looked up is the wire's to refuse.
    assert.ok(
      sent.includes('https://registry.example/2 true') && sent.includes('https://cdn.example/x false'),
    );
  });

  it('goes on for ten times and no longer', async () => {
    await using server = await script(({ path }) => ({
      status: path === '/0' ? 200 : 302,
      headers: { location: `/${Number(path.slice(1)) - 1}` },
    }));
    const { ask } = openTestSession(server.host);
    assert.equal((await ask({ url: '/10' })).status, 200);
    assert.match((await errorOf(ask({ url: '/11' }))).message, /more than 10 times/);
  });

  it('keeps the method and the body, except 303', async () => {
    await using server = await script(({ path }) =>
      path === '/there'
        ? { status: 200 }
        : { status: Number(path.slice(1)), headers: { location: '/there' } },
    );
    const { ask } = openTestSession(server.host);
    for (const status of [301, 302, 307, 308, 303])
      await ask({ method: 'PUT', url: `/${status}`, body: bodyOf('content') });
    assert.deepEqual(
      server.asked.filter(({ path }) => path === '/there').map(({ method, body }) => `${method} ${body}`),
      ['PUT content', 'PUT content', 'PUT content', 'PUT content', 'GET '],
    );
  });

  it('of a login in its address is followed without it', async () => {
    await using server = await script(({ path }) =>
      path === '/there'
        ? { status: 200 }
        : { status: 307, headers: { location: `http://eve:secret@${server.host}/there` } },
    );
    await openTestSession(server.host).ask({ url: '/' });
    assert.equal(server.asked[1]?.authorization, undefined);
  });

  it('that is no URL, or no http, is an error', async () => {
    for (const location of ['http://[', 'ftp://localhost/']) {
      await using server = await script(() => ({ status: 307, headers: { location } }));
      assert.equal((await errorOf(openTestSession(server.host).ask())).code, 'SAME1801');
    }
  });
});

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

describe('an answer', () => {
  it('that nobody expected is an error by its kind, with what was asked and the words of the registry', async () => {
    const cases = [
      [404, 'SAME1803'],
      [400, 'SAME1806'],
      [413, 'SAME1806'],
      [204, 'SAME1801'],
    ] as const;
    await using server = await script(({ path }) => ({
      status: Number(path.slice(4, 7)),
      ...(path.startsWith('/v2/204')
        ? {}
        : { body: '{"errors":[{"code":"NAME_INVALID","message":"no such"},{"code":"OTHER"}]}' }),
    }));
    const { ask } = openTestSession(server.host);
    for (const [status, code] of cases) {
      const error = await errorOf(ask({ url: `/v2/${status}?query=hidden` }));
      assert.equal(error.code, code);
      assert.ok(
        error.message.includes(`GET ${server.origin}/v2/${status} was answered with ${status}`),
        error.message,
      );
      assert.equal(error.details.status, status);
      if (status === 204) continue;
      assert.match(error.message, /NAME_INVALID: no such; OTHER/);
      assert.deepEqual(error.details.codes, ['NAME_INVALID', 'OTHER']);
    }
  });

  it('is said in one harmless line, cut, without pages', async () => {
    const bodies: Record<string, RegExp | undefined> = {
      'plain\r\n\u001b[31mred\u202e text': /\(plain \[31mred text\)$/,
      '<html>no</html>': /answered with 400$/,
      [`{"errors":[{"message":"${'long '.repeat(200)}"}]}`]: /(long ){50}[^)]{1,60}…\)$/,
      '{"errors":"odd"}': /400/,
      '{"errors":[null,7,{"code":3}]}': /400/,
      null: /400/,
      '{"message":"of another form"}': /\(of another form\)$/,
      '': /answered with 400$/,
    };
    for (const [body, said] of Object.entries(bodies)) {
      await using server = await script(() => ({ status: 400, body }));
      const error = await errorOf(openTestSession(server.host).ask());
      assert.equal(error.code, 'SAME1806');
      assert.match(error.message, said!);
      assert.ok(error.message.length < 500);
    }
  });

  it('that repeats a secret shows stars, and of a signed URL only the path', async () => {
    const words = [LOGIN.password, encodeURIComponent(LOGIN.password), BASIC];
    await using server = await script(({ authorization }) =>
      authorization
        ? {
            status: 400,
            body: JSON.stringify({
              errors: [{ code: 'BAD', message: `${words.join(' ')} https://cdn.example/blob?sig=S1GNED` }],
            }),
          }
        : challenge('Basic'),
    );
    const error = await errorOf(openTestSession(server.host, found).ask());
    for (const secret of [...words.map((word) => word.replace('Basic ', '')), 'S1GNED'])
      assert.ok(!JSON.stringify([error.message, error.findings, error.details]).includes(secret), secret);
    assert.match(error.message, /BAD: \*\*\* \*\*\* Basic \*\*\* https:\/\/cdn\.example\/blob/);
  });

  it('from a signed URL is told without the signature', async () => {
    await using server = await script(({ path }) =>
      path === '/' ? { status: 307, headers: { location: '/blob?sig=S1GNED' } } : { status: 400 },
    );
    const error = await errorOf(openTestSession(server.host).ask({ url: '/' }));
    assert.ok(!error.message.includes('S1GNED'));
    assert.match(error.message, /\/blob was answered/);
  });

  it('in another encoding is refused, for its bytes are others', async () => {
    await using server = await script(() => ({
      status: 200,
      headers: { 'content-encoding': 'gzip' },
      body: 'x',
    }));
    const error = await errorOf(openTestSession(server.host).ask());
    assert.equal(error.code, 'SAME1801');
    assert.match(error.message, /encoded as "gzip"/);
    assert.equal(server.asked[0]?.headers['accept-encoding'], 'identity');
  });

  it('whose body is cut fails for its reader', async () => {
    await using server = await script(() => ({
      status: 200,
      headers: { 'content-length': '10' },
      body: 'half',
    }));
    const { session } = openTestSession(server.host, { wire: { slowest: { bytes: 100, perMs: 50 } } });
    const { body } = await session.ask({ method: 'GET', url: '/', scopes: [], expect: [200] });
    const error = await errorOf(body.toArray());
    assert.equal(error.code, 'SAME1801');
    assert.ok(['cut', 'slow'].includes(String(error.details.why)));
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

describe('a session', () => {
  it('is not opened for what is more than a host', () => {
    for (const host of [
      '',
      'a/b',
      'ada@lab.example',
      'lab.example?x',
      'lab.example#x',
      'a b',
      'lab.example:x',
    ])
      assert.throws(
        () => openTestSession(host),
        (error) => error instanceof SameError && error.code === 'SAME1805',
        host,
      );
  });
});

describe('the hub', () => {
  it('is asked at the host of its interface', async () => {
    const hosts: string[] = [];
    const { ask } = openTestSession('docker.io', {
      access: {},
      ...stub(({ url }) => {
        hosts.push(url.host);
        return { status: 200 };
      }),
    });
    await ask();
    assert.deepEqual(hosts, ['registry-1.docker.io']);
  });
});
