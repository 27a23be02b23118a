import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { openBlobCollector } from '../../src/content/blob-collector.ts';
import { openDiskContentStore } from '../../src/content/disk-content-store.ts';

const LATER = Number.MAX_SAFE_INTEGER;
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'same-collector-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('a collector of blobs', () => {
  test('lists what is there, with when it was stored', async () => {
    const before = Date.now();
    const id = await openDiskContentStore(root).write(Buffer.from('abc'));
    const [blob, ...others] = openBlobCollector(root).list();
    assert.deepEqual(others, []);
    assert.equal(blob!.digest, id.digest);
    assert.equal(blob!.sizeBytes, 3);
    assert.ok(blob!.usedMs >= before - 1000);
  });

  test('puts nothing aside that was used since', async () => {
    const { digest } = await openDiskContentStore(root).write(Buffer.from('abc'));
    const collector = openBlobCollector(root);
    const [{ usedMs } = { usedMs: 0 }] = collector.list();
    assert.equal(collector.setAside(digest, usedMs), false);
    assert.equal(collector.setAside(digest, usedMs + 1), true);
    assert.equal(collector.setAside(digest, usedMs + 1), false);
  });

  for (const [asked, ask] of [
    ['whether it is there', (store, id) => store.has(id.digest)],
    ['whether it holds it', (store, id) => store.holds(id)],
    ['to store it again', async (store) => (await store.write(Buffer.from('abc'))) && true],
    ['to read it', async (store, id) => (await store.read(id.digest)).length === 3],
  ] satisfies [
    string,
    (
      store: ReturnType<typeof openDiskContentStore>,
      id: { digest: string; sizeBytes: number },
    ) => Promise<boolean>,
  ][]) {
    test(`gives back what is aside to a store that is asked ${asked}`, async () => {
      const store = openDiskContentStore(root);
      const id = await store.write(Buffer.from('abc'));
      const collector = openBlobCollector(root);
      assert.ok(collector.setAside(id.digest, LATER));
      assert.ok(!existsSync(store.pathOf(id.digest)));
      assert.equal(await ask(store, id), true);
      assert.equal(collector.remove(id.digest), 0);
      assert.equal(readFileSync(store.pathOf(id.digest), 'utf8'), 'abc');
      assert.deepEqual(readdirSync(join(root, 'leaving')), []);
    });
  }

  test('removes for good what nobody asked for, and only what is aside', async () => {
    const store = openDiskContentStore(root);
    const { digest } = await store.write(Buffer.from('abc'));
    const collector = openBlobCollector(root);
    assert.equal(collector.remove(digest), 0);
    assert.ok(collector.setAside(digest, LATER));
    assert.equal(collector.remove(digest), 3);
    assert.equal(await store.has(digest), false);
  });

  test('takes back all that an earlier collection left aside', async () => {
    const store = openDiskContentStore(root);
    const ids = [await store.write(Buffer.from('a')), await store.write(Buffer.from('b'))];
    const collector = openBlobCollector(root);
    for (const { digest } of ids) collector.setAside(digest, LATER);
    collector.restore();
    for (const { digest } of ids) assert.ok(existsSync(store.pathOf(digest)));
    assert.deepEqual(readdirSync(join(root, 'leaving')), []);
  });

  test('reads what may be JSON, wherever it lies, and nothing else', async () => {
    const store = openDiskContentStore(root);
    const list = await store.write(Buffer.from('["x"]'));
    const text = await store.write(Buffer.from('plain'));
    const collector = openBlobCollector(root);
    const read = (digest: string) => Buffer.concat([...collector.document(digest, 100)]).toString();
    assert.equal(read(list.digest), '["x"]');
    assert.equal(read(text.digest), '');
    collector.setAside(list.digest, LATER);
    assert.equal(read(list.digest), '["x"]');
    assert.equal(read(`sha256:${'0'.repeat(64)}`), '');
  });

  test('that a store was asked for a blob is seen by its times, and its content stays trusted', async () => {
    const store = openDiskContentStore(root);
    const id = await store.write(Buffer.from('abc'));
    const path = store.pathOf(id.digest);
    utimesSync(path, 0, statSync(path).mtimeMs / 1000);
    assert.equal(await store.holds(id), true);
    // Stored a moment ago: that is note enough.
    assert.equal(statSync(path).atimeMs, 0);
    assert.equal(statSync(path).mtimeMs, Date.UTC(1980, 0, 2));
  });
});
