import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Asked, answers, on, redirect } from '../components/faults.ts';
import {
  assertFaultsUsed,
  assertNoLeak,
  assertRefused,
  assertStored,
  bytesOf,
  descriptorOf,
  NAME,
  openBench,
  put,
  read,
} from './fault-bench.ts';

const BLOBS = /\/blobs\/sha256:/;
const UPLOADS = /\/blobs\/uploads\//;
const bytes = bytesOf(20_011);
const blob = descriptorOf(bytes);
const user = { username: 'ada', password: 'S3CRET-of-ada' };
const gates = {
  basic: { kind: 'basic', ...user },
  token: { kind: 'token', ...user, methods: ['GET'] },
} as const;

describe('a redirect', () => {
  for (const [kind, gate] of Object.entries(gates)) {
    it(`to another port takes no Authorization along (${kind})`, async () => {
      await using bench = await openBench({ gate, login: user });
      bench.server.content.blob(NAME, bytes);
      bench.server.script(on('GET', BLOBS, redirect(bench.server.origin.elsewhere)));
      assert.ok((await read(bench, blob)).equals(bytes));
      assert.equal(bench.server.log.filter(({ listener }) => listener === 'elsewhere').length, 1);
      assertNoLeak(bench.server);
      assertFaultsUsed(bench.server);
    });

    it(`to the same port by another name takes no Authorization along (${kind})`, async () => {
      await using bench = await openBench({ gate, login: user });
      bench.server.content.blob(NAME, bytes);
      const other = bench.server.origin.registry.replace('localhost', '127.0.0.1');
      bench.server.script(on('GET', BLOBS, redirect(other)));
      // There the registry wants a login of its own, which nobody gave for that host.
      await assertRefused(bench, read(bench, blob), { code: 'SAME1801', says: /another host/ });
      assert.ok(bench.server.log.some(({ host }) => host.startsWith('127.0.0.1')));
      assertNoLeak(bench.server);
    });

    it(`to a host that asks for a login does not give it one (${kind})`, async () => {
      await using bench = await openBench({ gate, login: user });
      bench.server.content.blob(NAME, bytes);
      const challenge = { 'www-authenticate': 'Basic realm="give it to me"' };
      bench.server.script(on('GET', /signature=/, answers(401, challenge), { times: 1000 }));
      bench.server.script(on('GET', BLOBS, redirect(bench.server.origin.elsewhere), { times: 1000 }));
      const refused = { code: 'SAME1801', digest: blob.digest, says: /another host/ } as const;
      const error = await assertRefused(bench, read(bench, blob), refused);
      assert.ok(!error.message.includes('S1GNED'), error.message);
      assertNoLeak(bench.server);
    });

    it(`of an upload's Location to another port takes no Authorization along (${kind})`, async () => {
      for (const chunkBytes of [3000, 50_000]) {
        await using bench = await openBench({
          gate,
          login: user,
          features: { locations: 'elsewhere' },
          chunkBytes,
        });
        await put(bench, bytes);
        assertStored(bench, bytes);
        assert.ok(bench.server.log.some(({ listener, body }) => listener === 'elsewhere' && body.length > 0));
        assertNoLeak(bench.server);
      }
    });
  }

  for (const status of [301, 302, 303, 307, 308]) {
    it(`with ${status} is followed, and after a cut the rest comes from there again`, async () => {
      await using bench = await openBench();
      bench.server.content.blob(NAME, bytes);
      bench.server.script(on('GET', /signature=/, { send: { cutAfterBytes: 5000 } }));
      const away = redirect(bench.server.origin.elsewhere, status);
      bench.server.script(on('GET', BLOBS, away, { times: 2 }));
      assert.ok((await read(bench, blob)).equals(bytes));
      const ranges = bench.server.asked('GET', /signature=/).map(({ headers }) => headers.range);
      assert.deepEqual(ranges, [undefined, `bytes=5000-${bytes.length - 1}`]);
    });
  }

  it('of an upload sends the bytes there, without Authorization', async () => {
    await using bench = await openBench({ gate: gates.basic, login: user, chunkBytes: 50_000 });
    const { elsewhere } = bench.server.origin;
    const away = ({ path, query }: Asked) => ({
      status: 307,
      headers: { location: `${elsewhere}${path}?${query}` },
    });
    bench.server.script(on('PUT', UPLOADS, { instead: away }));
    await put(bench, bytes);
    assertStored(bench, bytes);
    assert.ok(bench.server.asked('PUT').some(({ listener }) => listener === 'elsewhere'));
    assertNoLeak(bench.server);
  });

  it('that never ends is left', async () => {
    await using bench = await openBench();
    bench.server.script(on('GET', /./, redirect(bench.server.origin.elsewhere), { times: 1000 }));
    await assertRefused(bench, read(bench, blob), { code: 'SAME1801', says: /redirect/ });
    assert.ok(bench.server.log.length < 30);
  });

  for (const to of [
    'http://169.254.169.254',
    'https://[fe80::1]',
    'https://metadata.google.internal',
    'ftp://localhost',
    'file:///etc/passwd?',
    'data:text/plain,x?',
  ]) {
    it(`to ${to} is refused`, async () => {
      await using bench = await openBench();
      bench.server.content.blob(NAME, bytes);
      bench.server.script(on('GET', BLOBS, redirect(to), { times: 1000 }));
      await assert.rejects(read(bench, blob), ({ code }: { code: string }) => /^SAME1(208|801)$/.test(code));
      assert.ok(bench.server.log.length <= 5);
    });
  }
});
