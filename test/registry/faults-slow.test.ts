import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { on } from '../components/faults.ts';
import {
  assertRefused,
  assertStored,
  bytesOf,
  descriptorOf,
  fetchInto,
  openBench,
  openWithBlob,
  put,
  read,
} from './fault-bench.ts';

const BLOBS = /\/blobs\/sha256:/;
const bytes = bytesOf(200_003);
const UPLOADS = /\/blobs\/uploads\//;
const blob = descriptorOf(bytes);

describe('a slow registry', () => {
  for (const [what, send] of [
    ['never answers', 'never'],
    ['answers with a header that never ends', 'drip-headers'],
  ] as const) {
    it(`that ${what} is left`, async () => {
      await using bench = await openWithBlob(bytes, { impatient: true });
      bench.server.script(on('HEAD', BLOBS, { send }, { times: 1000 }));
      const refused = { code: 'SAME1801', side: 'reading from', digest: blob.digest } as const;
      await assertRefused(bench, bench.repository.hasBlob(blob), { ...refused, says: /no answer/ });
    });
  }

  it('that stops in the middle of a blob is asked for the rest', async () => {
    await using bench = await openWithBlob(bytes, { impatient: true });
    bench.server.script(on('GET', BLOBS, { send: { stallAfterBytes: 70_000 } }));
    assert.ok((await read(bench, blob)).equals(bytes));
    assert.equal(bench.server.asked('GET', BLOBS)[1]!.headers.range, `bytes=70000-${bytes.length - 1}`);
  });

  for (const [what, send] of [
    ['stops each time', { stallAfterBytes: 100 }],
    ['gives a byte now and then', { dripAfterBytes: 100 }],
  ] as const) {
    it(`that ${what} is left, and nothing is stored`, async () => {
      await using bench = await openWithBlob(bytes, { impatient: true });
      bench.server.script(on('GET', BLOBS, { send }, { times: 1000 }));
      const { store, done } = fetchInto(bench, blob);
      const refused = { code: 'SAME1801', side: 'reading from', digest: blob.digest } as const;
      await assertRefused(bench, done, { ...refused, says: /less than 1024 bytes/ });
      assert.equal(await store.has(blob.digest), false);
    });
  }

  it('that does not take what it is sent is tried again, and gets all', async () => {
    await using bench = await openBench({ impatient: true, chunkBytes: 8 * 2 ** 20 });
    const long = bytesOf(9 * 2 ** 20);
    const deaf = { early: true, instead: () => ({ status: 500 }), send: 'never' } as const;
    bench.server.script(on('PATCH', UPLOADS, deaf));
    assert.equal(await put(bench, long), 'uploaded');
    assertStored(bench, long);
  });
});
