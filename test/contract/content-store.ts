import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ContentStore, TrustedContentStore } from '../../src/content/content-store.ts';

/** A store under test, and a way to damage a blob in it where there is one. */
export interface StoreUnderTest {
  store: ContentStore;
  damage?: (digest: string, bytes: Buffer) => void;
}

const hello = Buffer.from('hello');
const helloDigest = 'sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
const absent = `sha256:${'0'.repeat(64)}`;

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** What every content store does, whatever it is made of. */
export function testContentStore(name: string, open: () => StoreUnderTest): void {
  test(`${name}: an empty store has nothing and says so with SAME1305`, async () => {
    const { store } = open();
    for (const digest of [absent, 'sha256:../../etc/passwd', 'md5:abc', '']) {
      assert.equal(await store.has(digest), false);
      assert.equal(await store.size(digest), undefined);
      await assert.rejects(store.read(digest), { code: 'SAME1305' });
      await assert.rejects(store.stream(digest), { code: 'SAME1305' });
    }
  });

  test(`${name}: written bytes come back under their digest, twice is no error`, async () => {
    const { store } = open();
    assert.deepEqual(await store.write(hello), { digest: helloDigest, sizeBytes: 5 });
    assert.deepEqual(await store.write(hello), { digest: helloDigest, sizeBytes: 5 });
    assert.equal(await store.has(helloDigest), true);
    assert.equal(await store.size(helloDigest), 5);
    assert.deepEqual(await store.read(helloDigest), hello);
    assert.deepEqual(await bytesOf(await store.stream(helloDigest)), hello);
  });

  test(`${name}: the empty blob is a blob`, async () => {
    const { store } = open();
    const { digest } = await store.write(Buffer.alloc(0));
    assert.equal(await store.size(digest), 0);
    assert.equal((await store.read(digest)).length, 0);
    assert.equal((await bytesOf(await store.stream(digest))).length, 0);
  });

  test(`${name}: a stream of any chunking is stored whole`, async () => {
    const { store } = open();
    const bytes = Buffer.alloc(3_000_001, 'chunk');
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    function* pieces(size: number) {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    }
    async function* slowly(size: number) {
      yield* pieces(size);
    }
    for (const chunks of [pieces(1000), slowly(700_000), [bytes]]) {
      assert.deepEqual(await store.ingest(chunks, { digest, sizeBytes: bytes.length }), {
        digest,
        sizeBytes: bytes.length,
      });
    }
    assert.deepEqual(await bytesOf(await store.stream(digest)), bytes);
  });

  test(`${name}: a reader's limit is kept`, async () => {
    const { store } = open();
    const { digest } = await store.write(Buffer.alloc(5 * 2 ** 20));
    await assert.rejects(store.read(digest), { code: 'SAME1304' });
    assert.equal((await store.read(digest, 5 * 2 ** 20)).length, 5 * 2 ** 20);
  });

  test(`${name}: other bytes than expected are refused and not kept`, async () => {
    const { store } = open();
    const wrong = [
      { digest: absent, sizeBytes: 5 },
      { digest: helloDigest, sizeBytes: 4 },
      { digest: helloDigest, sizeBytes: 6 },
    ];
    for (const expected of wrong) {
      await assert.rejects(store.ingest([hello], expected), { code: 'SAME1301' });
      assert.equal(await store.has(expected.digest), false);
    }
  });

  test(`${name}: a source that fails leaves nothing and its error passes`, async () => {
    const { store } = open();
    async function* failing() {
      yield hello;
      throw new Error('cut');
    }
    await assert.rejects(store.ingest(failing()), /cut/);
    assert.equal(await store.has(helloDigest), false);
  });

  // Memory has no back behind which a blob could be damaged.
  if (!open().damage) return;
  test(`${name}: a blob damaged behind its back is not handed out`, async () => {
    const { store, damage } = open();
    assert.ok(damage);
    await store.write(hello);
    for (const bytes of ['jello', 'hell', 'hello!']) {
      damage(helloDigest, Buffer.from(bytes));
      await assert.rejects(store.read(helloDigest), { code: 'SAME1301' });
      await assert.rejects(bytesOf(await store.stream(helloDigest)), { code: 'SAME1301' });
    }
  });
}

/** A store that can tell what it compared before, and a place on its file system for files that it takes over. */
export interface TrustedStoreUnderTest extends StoreUnderTest {
  store: TrustedContentStore;
  /** A path where nothing is. */
  path(): string;
}

/** What every content store does that need not compare what it holds each time. */
export function testTrustedContentStore(name: string, open: () => TrustedStoreUnderTest): void {
  const helloId = { digest: helloDigest, sizeBytes: 5 };

  test(`${name}: it holds what it stored, whichever way that came, and nothing else`, async () => {
    for (const put of [
      ({ store }: TrustedStoreUnderTest) => store.write(hello),
      ({ store }: TrustedStoreUnderTest) => store.ingest([hello], helloId),
      ({ store, path }: TrustedStoreUnderTest) => store.adopt(written(path())),
    ]) {
      const under = open();
      assert.equal(await under.store.holds(helloId), false);
      assert.deepEqual(await put(under), helloId);
      assert.equal(await under.store.holds(helloId), true);
      assert.equal(await under.store.holds({ digest: helloDigest, sizeBytes: 6 }), false);
      assert.equal(await under.store.holds({ digest: absent, sizeBytes: 5 }), false);
    }
  });

  test(`${name}: what it holds is read again as it is`, async () => {
    const { store } = open();
    const bytes = Buffer.alloc(2_500_000, 'long');
    const { digest } = await store.write(bytes);
    const pieces: Buffer[] = [];
    for await (const piece of await store.reread(digest)) pieces.push(Buffer.from(piece));
    assert.ok(Buffer.concat(pieces).equals(bytes));
    await assert.rejects(store.reread(absent), { code: 'SAME1305' });
  });

  test(`${name}: a file that it takes over is gone, and readable under its digest`, async () => {
    const { store, path } = open();
    for (let times = 0; times < 2; times++) {
      const file = written(path());
      assert.deepEqual(await store.adopt(file), helloId);
      assert.equal(existsSync(file), false);
      assert.deepEqual(await store.read(helloDigest), hello);
    }
  });

  test(`${name}: what a file held before it was written to is not believed`, async () => {
    const { store, path } = open();
    const file = written(path());
    const got = await store.adopt(file, { digest: absent, sizeBytes: 5 });
    assert.deepEqual(got, helloId);
    assert.equal(await store.has(absent), false);
  });

  test(`${name}: there is nothing to take over where no file is`, async () => {
    const { store, path } = open();
    await assert.rejects(store.adopt(path()));
    assert.equal(await store.has(helloDigest), false);
  });
}

function written(path: string): string {
  writeFileSync(path, hello);
  return path;
}
