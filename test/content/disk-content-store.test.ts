import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openDiskContentStore } from '../../src/content/disk-content-store.ts';
import { ownName } from '../../src/host/process-identity.ts';
import { testContentStore, testTrustedContentStore } from '../contract/content-store.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'same-content-'));
after(() => fs.rmSync(root, { recursive: true, force: true }));

const fresh = (): string => join(fs.mkdtempSync(join(root, 'home-')), 'content');
const hello = Buffer.from('hello');

function underTest() {
  const directory = fresh();
  const store = openDiskContentStore(directory);
  let files = 0;
  return {
    store,
    damage(digest: string, bytes: Buffer) {
      fs.chmodSync(store.pathOf(digest), 0o644);
      fs.writeFileSync(store.pathOf(digest), bytes);
    },
    path: () => join(directory, '..', `file ${++files}`),
  };
}

testContentStore('disk', underTest);
testTrustedContentStore('disk', underTest);
const unhashed = () => {
  const { store, ...others } = underTest();
  return { store: store.unhashed(), ...others };
};
testContentStore('disk, unhashed', unhashed);
testTrustedContentStore('disk, unhashed', unhashed);

test('what nothing has written to is not hashed once more where that is wanted, and only there', async () => {
  const { store, damage } = underTest();
  const { digest } = await store.write(hello);
  const stored = fs.statSync(store.pathOf(digest));
  damage(digest, Buffer.from('jello'));
  await assert.rejects(store.unhashed().read(digest), { code: 'SAME1301' });
  // As a disk that loses bits, and nobody notices.
  fs.utimesSync(store.pathOf(digest), stored.atime, stored.mtime);
  assert.equal(String(await store.unhashed().read(digest)), 'jello');
  await assert.rejects(store.read(digest), { code: 'SAME1301' });
});

test('a blob is not held once something wrote to it, and what is damaged makes room', async () => {
  const { store, damage } = underTest();
  const id = await store.write(hello);
  for (const bytes of ['jello', 'hell']) {
    damage(id.digest, Buffer.from(bytes));
    assert.equal(await store.holds(id), false);
    await store.write(hello);
    assert.equal(await store.holds(id), true);
  }
  // As after a copy of the home that kept no times: read once, and believed from then on.
  fs.utimesSync(store.pathOf(id.digest), 1_700_000_000, 1_700_000_000);
  assert.equal(await store.holds(id), true);
  assert.equal(fs.statSync(store.pathOf(id.digest)).mtime.getUTCFullYear(), 1980);
});

test('reading from a store that is not there makes no directories', async () => {
  const directory = fresh();
  const store = openDiskContentStore(directory);
  assert.equal(await store.has(`sha256:${'1'.repeat(64)}`), false);
  assert.equal(fs.existsSync(directory), false);
});

test('blobs are read-only files of 1980 and ingest is left empty', async () => {
  const directory = fresh();
  const store = openDiskContentStore(directory);
  const { digest } = await store.write(hello);
  const stat = fs.statSync(store.pathOf(digest));
  assert.equal(stat.mode & 0o777, 0o444);
  assert.equal(stat.mtime.toISOString(), '1980-01-02T00:00:00.000Z');
  await assert.rejects(store.ingest([hello], { digest, sizeBytes: 1 }));
  assert.deepEqual(fs.readdirSync(join(directory, 'ingest')), []);
});

test('the next write removes what killed commands had half stored, and nothing of the living', async () => {
  const directory = fresh();
  const naming = `
    const { ownName } = await import(${JSON.stringify(import.meta.resolve('../../src/host/process-identity.ts'))});
    process.stdout.write(ownName());`;
  const gone = spawnSync(process.execPath, ['--input-type=module', '-e', naming], { encoding: 'utf8' });
  const living = ownName();
  fs.mkdirSync(join(directory, 'ingest'), { recursive: true });
  for (const name of [gone.stdout, living]) fs.writeFileSync(join(directory, 'ingest', name), 'half');
  const store = openDiskContentStore(directory);
  await store.ingest([hello]);
  assert.deepEqual(fs.readdirSync(join(directory, 'ingest')), [living]);
});

test('adopt takes a file over, and a second copy of it too', async () => {
  const directory = fresh();
  const store = openDiskContentStore(directory);
  for (const name of ['a', 'b']) {
    const path = join(directory, '..', name);
    fs.writeFileSync(path, hello);
    const { digest, sizeBytes } = await store.adopt(path);
    assert.equal(sizeBytes, 5);
    assert.equal(fs.existsSync(path), false);
    assert.deepEqual(await store.read(digest), hello);
  }
});

test('adopt copies a file that has another name, so that nobody writes into the store', async () => {
  const directory = fresh();
  const store = openDiskContentStore(directory);
  const [mine, output] = [join(directory, '..', 'mine'), join(directory, '..', 'output')];
  fs.writeFileSync(mine, hello);
  fs.linkSync(mine, output);
  const { digest } = await store.adopt(output);
  fs.writeFileSync(mine, 'jello');
  assert.deepEqual(await store.read(digest), hello);
});

test('adopt refuses what is not a regular file', async () => {
  const directory = fresh();
  const link = join(directory, '..', 'link');
  fs.symlinkSync('/etc/hostname', link);
  await assert.rejects(openDiskContentStore(directory).adopt(link), { code: 'SAME1611' });
});

test('place links or copies with the right mode and time', async () => {
  const directory = fresh();
  const store = openDiskContentStore(directory);
  const { digest } = await store.write(hello);
  const cases = [
    ['link', false, 0o444],
    ['link', true, 0o555],
    ['copy', false, 0o644],
    ['copy', true, 0o755],
  ] as const;
  for (const [mode, executable, wanted] of cases) {
    const path = join(directory, `${mode}-${executable}`);
    store.place(digest, path, mode, executable);
    const stat = fs.statSync(path);
    assert.equal(stat.mode & 0o777, wanted);
    assert.equal(stat.mtime.getUTCFullYear(), 1980);
    assert.equal(stat.nlink > 1, mode === 'link' && !executable);
  }
  fs.writeFileSync(join(directory, 'copy-false'), 'edited');
  assert.deepEqual(await store.read(digest), hello);
  assert.throws(() => store.place(`sha256:${'1'.repeat(64)}`, join(directory, 'x'), 'link', false), {
    code: 'SAME1305',
  });
});

test('recheck moves a damaged blob out of the way', async () => {
  const directory = fresh();
  const store = openDiskContentStore(directory);
  const { digest } = await store.write(hello);
  assert.equal(await store.recheck(digest), true);
  fs.chmodSync(store.pathOf(digest), 0o644);
  fs.writeFileSync(store.pathOf(digest), 'jello');
  assert.equal(await store.recheck(digest), false);
  assert.equal(await store.has(digest), false);
  assert.equal(fs.readdirSync(join(directory, 'quarantine')).length, 1);
  await store.write(hello);
  assert.equal(await store.recheck(digest), true);
});

/** A store with a blob of `hello` into which somebody wrote as many other bytes. */
async function openDamaged() {
  const directory = fresh();
  const store = openDiskContentStore(directory);
  const { digest } = await store.write(hello);
  const path = store.pathOf(digest);
  fs.chmodSync(path, 0o644);
  fs.writeFileSync(path, 'jello');
  return { directory, store, digest, path };
}

test('a damaged blob of the same size does not pass for the one that is stored', async () => {
  const written = await openDamaged();
  await written.store.write(hello);
  assert.deepEqual(await written.store.read(written.digest), hello);

  const adopted = await openDamaged();
  const output = join(adopted.directory, '..', 'output');
  fs.writeFileSync(output, hello);
  await adopted.store.adopt(output);
  assert.deepEqual(await adopted.store.read(adopted.digest), hello);
  assert.equal(fs.readdirSync(join(adopted.directory, 'quarantine')).length, 1);
});

test('a damaged blob is not placed', async () => {
  for (const mode of ['link', 'copy'] as const) {
    const { directory, store, digest } = await openDamaged();
    const path = join(directory, 'input');
    assert.throws(() => store.place(digest, path, mode, false), { code: 'SAME1301' });
    assert.equal(fs.existsSync(path), false);
    assert.equal(await store.has(digest), false);
  }
});

test('a blob that lost its time and nothing else is used, and looked at only once', async () => {
  const directory = fresh();
  const store = openDiskContentStore(directory);
  const { digest } = await store.write(hello);
  fs.utimesSync(store.pathOf(digest), 1_700_000_000, 1_700_000_000);
  store.place(digest, join(directory, 'input'), 'link', false);
  assert.equal(fs.readFileSync(join(directory, 'input'), 'utf8'), 'hello');
  assert.equal(fs.statSync(store.pathOf(digest)).mtime.getUTCFullYear(), 1980);
});

test('a file that is written to while it is taken over is refused', async () => {
  const directory = fresh();
  const store = openDiskContentStore(directory);
  const output = join(directory, '..', 'output');
  fs.writeFileSync(output, '');
  fs.truncateSync(output, 200 * 2 ** 20);
  const writer = setTimeout(() => fs.appendFileSync(output, 'more'), 1);
  await assert.rejects(store.adopt(output), { code: 'SAME1611', message: /was written to/ });
  clearTimeout(writer);
  assert.equal(fs.existsSync(join(directory, 'blobs')), false);
});

test('a home that cannot be written is SAME1401 with the variable to set', async () => {
  const file = join(root, 'a-file');
  fs.writeFileSync(file, '');
  const store = openDiskContentStore(join(file, 'content'));
  await assert.rejects(store.write(hello), (error: { code: string; findings: { hint: string }[] }) => {
    assert.equal(error.code, 'SAME1401');
    assert.match(error.findings[0]!.hint, /SAME_HOME/);
    return true;
  });
  await assert.rejects(store.ingest([hello]), { code: 'SAME1401' });
});

test('a source that fails halfway leaves nothing in ingest', async () => {
  const directory = fresh();
  const store = openDiskContentStore(directory);
  function* failing() {
    yield Buffer.alloc(2 ** 20);
    throw new Error('cut');
  }
  await assert.rejects(store.ingest(failing()), /cut/);
  assert.deepEqual(fs.readdirSync(join(directory, 'ingest')), []);
});
