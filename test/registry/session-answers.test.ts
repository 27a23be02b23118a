import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SameError } from '../../src/errors/same-error.ts';
import { errorOf } from '../components/failures.ts';
import { BASIC, challenge, found, LOGIN, openTestSession, script, stub } from './session-bench.ts';

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
