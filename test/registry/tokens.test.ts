import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Login } from '../../src/registry/registry.ts';
import { errorOf } from '../components/failures.ts';
import {
  type Asked,
  challenge,
  openTestSession,
  type Said,
  type Scripted,
  script,
  stub,
} from './session-bench.ts';

const LOGIN = { username: 'ada', password: 'pass&word' };
const BASIC = `Basic ${Buffer.from('ada:pass&word').toString('base64')}`;
const PULL = ['repository:lab/study:pull'];
const PUSH = ['repository:lab/study:pull,push'];

/** A registry whose tokens are `TOKEN-1`, `TOKEN-2`, …, each good for what was asked, and the service that gives them. */
async function registry(
  options: {
    /** The token service's answer, in place of a token. */
    gives?(asked: Asked, token: string): Said | undefined;
    /** Whether a request may pass with this token; default: when it is a token. */
    passes?(asked: Asked, token: number): boolean;
    realm?: string;
    scope?: string;
  } = {},
) {
  let given = 0;
  const service = await script((asked) => {
    const token = `TOKEN-${++given}`;
    return options.gives?.(asked, token) ?? { status: 200, body: JSON.stringify({ token, expires_in: 300 }) };
  });
  const server: Scripted = await script((asked) => {
    const token = Number(/^Bearer TOKEN-(\d+)$/.exec(asked.authorization ?? '')?.[1] ?? 0);
    if (token > 0 && (options.passes?.(asked, token) ?? true)) return { status: 200 };
    const scope = options.scope ?? 'repository:lab/study:pull';
    return challenge(
      `Bearer realm="${options.realm ?? `${service.origin}/token`}",service="the lab, its registry",scope="${scope}"`,
    );
  });
  return {
    server,
    service,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
    },
  };
}

function open(server: Scripted, login?: Login) {
  return openTestSession(server.host, { findLogin: async () => login });
}

function queryOf({ path }: Asked): [string, string][] {
  return [...new URL(path, 'http://x').searchParams];
}

describe('a token', () => {
  it('is asked for with the login, by GET, for what the request and the challenge say together', async () => {
    await using lab = await registry({ scope: 'repository:lab/study:push repository:other:pull' });
    await open(lab.server, LOGIN).ask({ scopes: PULL });
    assert.deepEqual(
      lab.service.asked.map((asked) => [asked.method, asked.authorization, queryOf(asked)]),
      [
        [
          'GET',
          BASIC,
          [
            ['service', 'the lab, its registry'],
            ['scope', 'repository:lab/study:pull,push'],
            ['scope', 'repository:other:pull'],
            ['account', 'ada'],
          ],
        ],
      ],
    );
    // The login itself never goes to the registry.
    assert.deepEqual(
      lab.server.asked.map(({ authorization }) => authorization),
      [undefined, 'Bearer TOKEN-1'],
    );
  });

  it('is asked for without a login where none is known', async () => {
    await using lab = await registry();
    await open(lab.server).ask();
    assert.equal(lab.service.asked[0]?.authorization, undefined);
    assert.ok(!queryOf(lab.service.asked[0]!).some(([name]) => name === 'account'));
  });

  it('is got by oauth2 with an identity token, whatever its name in the answer', async () => {
    await using lab = await registry({
      gives: (_asked, access_token) => ({
        status: 200,
        body: JSON.stringify({ access_token, expires_in: 300 }),
      }),
    });
    await open(lab.server, { identityToken: 'i d+t' }).ask({ scopes: PUSH });
    const [asked] = lab.service.asked;
    assert.equal(asked?.method, 'POST');
    assert.deepEqual(Object.fromEntries(new URLSearchParams(asked?.body)), {
      grant_type: 'refresh_token',
      refresh_token: 'i d+t',
      client_id: 'same',
      service: 'the lab, its registry',
      scope: 'repository:lab/study:pull,push',
    });
  });

  it('is got by the password grant where the service knows no GET', async () => {
    for (const status of [404, 405]) {
      await using lab = await registry({
        gives: ({ method }) => (method === 'GET' ? { status } : undefined),
      });
      await open(lab.server, LOGIN).ask();
      const form = Object.fromEntries(new URLSearchParams(lab.service.asked[1]?.body));
      assert.deepEqual(
        [form.grant_type, form.username, form.password],
        ['password', LOGIN.username, LOGIN.password],
      );
    }
  });

  it('serves all that it allows, several requests at a time too; for more, one more is asked for', async () => {
    await using lab = await registry();
    const { ask } = open(lab.server, LOGIN);
    await Promise.all([ask({ scopes: PULL }), ask({ scopes: PULL }), ask({ scopes: PULL })]);
    assert.equal(lab.service.asked.length, 1);
    const refusedBefore = lab.server.asked.filter(({ authorization }) => !authorization).length;
    await ask({ scopes: PUSH });
    await ask({ scopes: ['repository:lab/study:push'] });
    await ask({ scopes: PULL });
    assert.equal(lab.service.asked.length, 2);
    // What the registry would say to a first try is known by now.
    assert.equal(lab.server.asked.filter(({ authorization }) => !authorization).length, refusedBefore);
  });

  it('is replaced before it ends, by what the service says of it or after a minute', async () => {
    for (const [said, goodMs] of [
      [{ expires_in: 300 }, 290_000],
      [{}, 50_000],
      [{ expires_in: 5 }, 4_000],
      [{ expires_in: 'odd' }, 50_000],
    ] as const) {
      await using lab = await registry({
        gives: (_asked, token) => ({ status: 200, body: JSON.stringify({ token, ...said }) }),
      });
      const { ask, clock } = open(lab.server, LOGIN);
      await ask();
      clock.atMs += goodMs - 1;
      await ask();
      assert.equal(lab.service.asked.length, 1, JSON.stringify(said));
      clock.atMs += 1;
      await ask();
      assert.equal(lab.service.asked.length, 2, JSON.stringify(said));
      assert.equal(lab.server.asked.at(-1)?.authorization, 'Bearer TOKEN-2');
    }
  });

  it('that ended earlier than was said, in the middle of an upload, is replaced and the piece sent again', async () => {
    let ended = false;
    await using lab = await registry({ passes: (_asked, token) => !(ended && token === 1) });
    const { ask } = open(lab.server, LOGIN);
    const piece = { sizeBytes: 5, open: () => [Buffer.from('piece')] };
    const send = () => ask({ method: 'PATCH', url: '/upload', body: piece, scopes: PUSH, again: false });
    await send();
    ended = true;
    // Two at a time: the second finds the first one's token.
    await Promise.all([send(), send()]);
    assert.equal(lab.service.asked.length, 2);
    const last = lab.server.asked.at(-1);
    assert.deepEqual([last?.authorization, last?.body], ['Bearer TOKEN-2', 'piece']);
  });

  it('for less than the registry wants is asked for again with what the challenge names', async () => {
    await using lab = await registry({ scope: PUSH[0], passes: (_asked, token) => token === 2 });
    const { ask } = open(lab.server, LOGIN);
    // The first is refused, the second is for more.
    await ask({ scopes: PULL });
    await ask({ scopes: PULL });
    assert.deepEqual(
      lab.service.asked.map((asked) => queryOf(asked).filter(([name]) => name === 'scope')[0]?.[1]),
      ['repository:lab/study:pull,push', 'repository:lab/study:pull,push'],
    );
  });

  it('that is never enough is an error after a second one', async () => {
    await using lab = await registry({ passes: () => false });
    for (const [login, said] of [
      [LOGIN, /does not accept the login, or it does not allow this/],
      [undefined, /wants a login, and none is known/],
    ] as const) {
      const error = await errorOf(open(lab.server, login).ask());
      assert.equal(error.code, 'SAME1802');
      assert.match(error.message, said);
    }
    assert.equal(lab.service.asked.length, 4);
  });
});

describe('a token service', () => {
  it('without TLS is not asked, unless it is the registry itself or both are on this machine', async () => {
    const asked: string[] = [];
    const ask = (plainHttp: boolean, realm: string) =>
      openTestSession('lab.example:5000', {
        access: { plainHttp },
        findLogin: async () => LOGIN,
        ...stub(({ url, headers }) => {
          if (url.href === realm.split('?')[0] || url.pathname === '/token') {
            asked.push(url.origin);
            return { status: 403 };
          }
          return headers?.authorization
            ? { status: 200 }
            : { status: 401, challenge: `Bearer realm="${realm}"` };
        }),
      }).ask();
    for (const [plainHttp, realm] of [
      [false, 'http://auth.example/token'],
      [true, 'http://auth.example/token'],
      [false, 'http://lab.example:5000/token'],
      [true, 'http://lab.example:5001/token'],
      [false, 'http://localhost/token'],
      [false, 'https://127.0.0.1/token'],
      [false, 'ftp://auth.example/token'],
      [false, 'token'],
    ] as const) {
      const error = await errorOf(ask(plainHttp, realm));
      assert.equal(error.code, 'SAME1802', realm);
      assert.match(error.message, /token service that is not asked/, realm);
    }
    assert.deepEqual(asked, []);
    for (const [plainHttp, realm] of [
      [false, 'https://auth.example/token'],
      [true, 'http://lab.example:5000/token'],
    ] as const)
      assert.match((await errorOf(ask(plainHttp, realm))).message, /gives no token: it answered 403/);
    assert.deepEqual(asked, ['https://auth.example', 'http://lab.example:5000']);
  });

  it('that refuses the login is an error with its words and the next command', async () => {
    await using lab = await registry({
      gives: () => ({ status: 401, body: '{"details":"incorrect username or password: pass&word"}' }),
    });
    const error = await errorOf(open(lab.server, LOGIN).ask());
    assert.equal(error.code, 'SAME1802');
    assert.match(error.message, /gives no token: it answered 401 \(incorrect username or password: \*\*\*\)/);
    assert.equal(error.findings[0]?.hint, `same login ${lab.server.host}`);
  });

  it('that answers wrongly is an error that says how', async () => {
    for (const body of [
      '',
      '{}',
      '[]',
      'null',
      '{"token":7}',
      '{"token":"a\\r\\nb: c"}',
      'x'.repeat(2 ** 20 + 1),
    ]) {
      await using lab = await registry({ gives: () => ({ status: 200, body }) });
      const error = await errorOf(open(lab.server, LOGIN).ask());
      assert.deepEqual([error.code, error.details.why], ['SAME1801', 'protocol'], body.slice(0, 20));
    }
    await using elsewhere = await registry({
      gives: () => ({ status: 307, headers: { location: 'http://localhost/' } }),
    });
    const error = await errorOf(open(elsewhere.server, LOGIN).ask());
    assert.match(error.message, /gives no token: it answered 307/);
  });

  it('that is overloaded is waited for; after its last word the next request asks it again', async () => {
    let busy = 3;
    await using lab = await registry({
      gives: () => (busy-- > 0 ? { status: 503, headers: { 'retry-after': '1' } } : undefined),
    });
    const { ask, waits } = open(lab.server, LOGIN);
    await ask();
    assert.deepEqual(waits, [1000, 1000, 1000]);

    busy = 5;
    const other = open(lab.server, LOGIN);
    assert.equal((await errorOf(other.ask())).code, 'SAME1801');
    await other.ask();
    assert.equal(lab.server.asked.at(-1)?.authorization, 'Bearer TOKEN-10');
  });

  it('whose answer is cut is asked again', async () => {
    let cuts = 0;
    await using lab = await registry({
      gives: () =>
        cuts++ === 0
          ? { status: 200, headers: { 'content-length': '1000', connection: 'close' }, body: '{"token":' }
          : undefined,
    });
    assert.equal((await open(lab.server, LOGIN).ask()).status, 200);
    assert.equal(lab.service.asked.length, 2);
  });

  it("has its tokens hidden where the registry's words repeat them", async () => {
    await using service = await script(() => ({ status: 200, body: '{"token":"T0KEN-OF-LAB"}' }));
    await using server = await script(({ authorization }) =>
      authorization
        ? { status: 400, body: `odd header: ${authorization}` }
        : challenge(`Bearer realm="${service.origin}"`),
    );
    const error = await errorOf(open(server, LOGIN).ask());
    assert.match(error.message, /odd header: Bearer \*\*\*/);
  });
});
