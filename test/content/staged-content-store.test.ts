import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openDiskContentStore } from '../../src/content/disk-content-store.ts';
import { openStagedContentStore } from '../../src/content/staged-content-store.ts';
import { testContentStore, testTrustedContentStore } from '../contract/content-store.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'same-staged-'));
after(() => fs.rmSync(root, { recursive: true, force: true }));

function fresh() {
  const directory = fs.mkdtempSync(join(root, 'home-'));
  const behind = openDiskContentStore(join(directory, 'content'));
  const aside = openDiskContentStore(join(directory, 'aside'));
  let files = 0;
  const path = () => join(directory, `file ${++files}`);
  return { behind, aside, staged: openStagedContentStore(behind, aside), path };
}

function underTest() {
  const { staged, aside, path } = fresh();
  return {
    store: staged,
    damage(digest: string, bytes: Buffer) {
      fs.chmodSync(aside.pathOf(digest), 0o644);
      fs.writeFileSync(aside.pathOf(digest), bytes);
    },
    path,
  };
}

testContentStore('staged', underTest);
testTrustedContentStore('staged', underTest);

test('what the store behind holds is held, unless it was damaged there; a file is taken over aside', async () => {
  const { staged, behind, path } = fresh();
  const there = await behind.write(Buffer.from('there'));
  assert.equal(await staged.holds(there), true);
  fs.chmodSync(behind.pathOf(there.digest), 0o644);
  fs.writeFileSync(behind.pathOf(there.digest), 'where');
  assert.equal(await staged.holds(there), false);

  const file = path();
  fs.writeFileSync(file, 'there');
  assert.deepEqual(await staged.adopt(file), there);
  assert.equal(await behind.has(there.digest), false);
  await staged.keep();
  assert.equal((await behind.read(there.digest)).toString(), 'there');
  assert.equal(await staged.holds(there), true);
});

test('what is staged is not in the store behind until it is kept, and is readable throughout', async () => {
  const { staged, behind } = fresh();
  const written = await staged.write(Buffer.from('one'));
  const streamed = await staged.ingest([Buffer.from('t'), Buffer.from('wo')]);
  for (const { digest } of [written, streamed]) assert.equal(await behind.has(digest), false);
  await staged.keep();
  assert.equal((await behind.read(written.digest)).toString(), 'one');
  assert.equal((await behind.read(streamed.digest)).toString(), 'two');
  assert.equal((await staged.read(streamed.digest)).toString(), 'two');
  const later = await staged.write(Buffer.from('three'));
  assert.equal(await behind.has(later.digest), false);
});

test('what was written and is not retained is forgotten, and what is in the store behind is not', async () => {
  const { staged, behind } = fresh();
  const [before, wanted, other] = [
    await behind.write(Buffer.from('before')),
    await staged.write(Buffer.from('wanted')),
    await staged.write(Buffer.from('other')),
  ];
  staged.retain(new Set([wanted.digest]));
  await staged.keep();
  assert.equal((await staged.read(before.digest)).toString(), 'before');
  assert.equal((await behind.read(wanted.digest)).toString(), 'wanted');
  assert.equal(await behind.has(other.digest), false);
  assert.equal(await staged.has(other.digest), false);
});

test('what is in the store behind already is read from there and kept once more without harm', async () => {
  const { staged, behind } = fresh();
  const { digest } = await behind.write(Buffer.from('there'));
  assert.equal((await staged.read(digest)).toString(), 'there');
  await staged.write(Buffer.from('there'));
  await staged.keep();
  assert.equal((await behind.read(digest)).toString(), 'there');
});

test('a blob that was damaged while it lay aside is never kept under its digest', async () => {
  const { staged, behind, aside } = fresh();
  const { digest } = await staged.write(Buffer.from('whole'));
  fs.chmodSync(aside.pathOf(digest), 0o644);
  fs.writeFileSync(aside.pathOf(digest), 'other');
  await staged.keep();
  assert.equal(await behind.has(digest), false);
});
