import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Login } from '../../src/registry/registry.ts';
import { answers, on, redirect } from '../components/faults.ts';
import {
  assertFaultsUsed,
  assertNoLeak,
  assertRefused,
  assertStored,
  type BenchOptions,
  bytesOf,
  descriptorOf,
  NAME,
  openBench,
  put,
  read,
} from './fault-bench.ts';

const bytes = bytesOf(5_003);
const blob = descriptorOf(bytes);
const TOKEN = /^\/token/;
const user = { username: 'ada', password: 'S3CRET-of-ada' };
const identityToken = 'IDENT1TY-of-ada';
const basic = { gate: { kind: 'basic', ...user } } as const;
const byGet = { gate: { kind: 'token', ...user, methods: ['GET'], anonymousPull: true } } as const;
const byBoth = { gate: { kind: 'token', ...user, identityToken, methods: ['GET', 'POST'] } } as const;
const byPost = { gate: { kind: 'token', ...user, identityToken, methods: ['POST'] } } as const;

describe('a login', () => {
  const ways: [string, BenchOptions, Login][] = [
    ['is told to a registry that wants it itself', basic, user],
    ['is changed for tokens by GET', byGet, user],
    ['is changed for tokens by POST where GET is refused', byPost, user],
    ['that is an identity token is changed by oauth2', byBoth, { identityToken }],
  ];
  for (const [what, options, login] of ways) {
    it(`${what}: a blob goes up, is listed and comes back`, async () => {
      await using bench = await openBench({ ...options, login });
      assert.equal(await put(bench, bytes), 'uploaded');
      assertStored(bench, bytes);
      assert.ok((await read(bench, blob)).equals(bytes));
      await bench.repository.putManifest(Buffer.from('{}'), { mediaType: 'application/json', tag: '1.0' });
      assert.deepEqual(await bench.repository.tags(), ['1.0']);
      assertNoLeak(bench.server);
      for (const { path, query } of bench.server.log) {
        for (const secret of bench.server.secrets()) assert.ok(!`${path}?${query}`.includes(secret), path);
      }
    });
  }

  it('is asked for once: a token serves as long as it is good', async () => {
    await using bench = await openBench({ ...byGet, login: user });
    await put(bench, bytes);
    await read(bench, blob);
    assert.ok(bench.server.asked('GET', TOKEN).length <= 2, 'one token to pull, one to push');
  });

  it('is not needed to pull where everybody may', async () => {
    await using bench = await openBench(byGet);
    bench.server.content.blob(NAME, bytes);
    assert.ok((await read(bench, blob)).equals(bytes));
    assert.ok(bench.server.asked('GET', TOKEN).every(({ headers }) => headers.authorization === undefined));
  });

  for (const [what, options] of Object.entries({ basic, byGet, byPost })) {
    it(`that lacks is told with the command that makes one (${what})`, async () => {
      await using bench = await openBench(options);
      const says = new RegExp(`same login ${bench.server.host}`);
      await assertRefused(bench, put(bench, bytes), { code: 'SAME1802', says });
      assert.equal(bench.server.content.repository(NAME).blobs.size, 0);
    });

    it(`that is wrong is told, and not tried on (${what})`, async () => {
      await using bench = await openBench({ ...options, login: { ...user, password: 'wr0ng' } });
      const error = await assertRefused(bench, put(bench, bytes), { code: 'SAME1802' });
      assert.ok(!JSON.stringify([error.message, error.findings, error.details]).includes('wr0ng'));
      assert.ok(bench.server.log.length <= 6, `${bench.server.log.length} requests`);
    });
  }

  it('that does not allow it (403) is told', async () => {
    await using bench = await openBench({ ...basic, login: user });
    bench.server.script(
      on('POST', /uploads/, answers(403, {}, '{"errors":[{"code":"DENIED","message":"read only"}]}')),
    );
    await assertRefused(bench, put(bench, bytes), { code: 'SAME1802', says: /read only/ });
  });

  it('that a registry never takes ends with an error', async () => {
    await using bench = await openBench({ ...byGet, login: user });
    const challenge = `Bearer realm="${bench.server.origin.tokens}/token",service="x",scope="repository:${NAME}:pull"`;
    bench.server.script(on('HEAD', /./, answers(401, { 'www-authenticate': challenge }), { times: 1000 }));
    await assertRefused(bench, put(bench, bytes), { code: 'SAME1802' });
    assert.ok(bench.server.log.length < 20);
  });
});

describe('a token', () => {
  it('that is not good enough is changed for one with the scope that is asked for', async () => {
    await using bench = await openBench({ ...byGet, login: user });
    const scope = `repository:${NAME}:pull,push,delete`;
    const challenge = `Bearer realm="${bench.server.origin.tokens}/token",service="x",scope="${scope}",error="insufficient_scope"`;
    bench.server.script(on('POST', /uploads/, answers(401, { 'www-authenticate': challenge })));
    await put(bench, bytes);
    assertStored(bench, bytes);
    const scopes = bench.server.asked('GET', TOKEN).at(-1)!.query.getAll('scope').join(' ');
    assert.match(scopes, /delete/);
  });

  it('that ends in the middle of an upload is changed for another, and nothing lacks', async () => {
    await using bench = await openBench({ gate: { ...byGet.gate, usesPerToken: 3 }, login: user });
    await put(bench, bytes);
    assertStored(bench, bytes);
    assert.ok(bench.server.asked('GET', TOKEN).length >= 3);
  });

  it('to mount allows to read the other repository too', async () => {
    await using bench = await openBench({ ...byGet, login: user });
    bench.server.content.blob('lab/other', bytes);
    assert.equal(await put(bench, bytes, { mountFrom: 'lab/other' }), 'mounted');
    assertStored(bench, bytes);
  });

  it('is asked for again when its service fails for a moment', async () => {
    await using bench = await openBench({ ...byGet, login: user });
    bench.server.script(
      on('GET', TOKEN, answers(500)),
      on('GET', TOKEN, answers(429, { 'retry-after': '7' })),
    );
    await put(bench, bytes);
    assertStored(bench, bytes);
    assert.ok(bench.waits.includes(7000), String(bench.waits));
  });

  for (const [what, body] of [
    ['no JSON', '<html>'],
    ['no token', '{}'],
    ['a token with a line end', '{"token":"a\\r\\nx-header: b"}'],
    ['a token that is no text', '{"token":{"a":1}}'],
  ] as const) {
    it(`service that answers with ${what} is an error`, async () => {
      await using bench = await openBench({ ...byGet, login: user });
      bench.server.script(on('GET', TOKEN, answers(200, {}, body), { times: 1000 }));
      const error = await assertRefused(bench, put(bench, bytes), { code: 'SAME1801' }).catch(() =>
        assertRefused(bench, put(bench, bytes), { code: 'SAME1802' }),
      );
      assert.ok(error);
    });
  }

  for (const realm of [
    'http://tokens.example/token',
    'ftp://localhost/token',
    'file:///etc/passwd',
    'no address',
  ]) {
    it(`is not asked for at ${realm}`, async () => {
      await using bench = await openBench({ gate: { ...byGet.gate, realm }, login: user });
      await assertRefused(bench, put(bench, bytes), { code: 'SAME1802' });
      assert.ok(bench.server.log.every(({ listener }) => listener === 'registry'));
    });
  }

  it('service that redirects to another host does not take the login there', async () => {
    await using bench = await openBench({ ...byGet, login: user });
    bench.server.script(on('GET', TOKEN, redirect(bench.server.origin.elsewhere), { times: 1000 }));
    await assertRefused(bench, put(bench, bytes), { code: 'SAME1802' }).catch(() => {});
    assertNoLeak(bench.server);
    assert.equal(bench.server.content.repository(NAME).blobs.size, 0);
    bench.server.faults.length = 0;
    assertFaultsUsed(bench.server);
  });
});
