import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { readCertificates } from '../../src/host/certificates.ts';
import { certificatesForTests } from '../components/certificates.ts';
import { errorOf } from '../components/failures.ts';
import { BASIC, bodyOf, challenge, found, LOGIN, openTestSession, script, stub } from './session-bench.ts';

const certificates = certificatesForTests();
const tls = { key: readFileSync(certificates.keyFile), cert: readFileSync(certificates.certificateFile) };
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
