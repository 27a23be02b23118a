import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { openDiskContentStore } from '../../src/content/disk-content-store.ts';
import { openPartialDownloads } from '../../src/content/partial-downloads.ts';
import { BLOCK_BYTES, giveBack, takeBlock } from '../../src/host/blocks.ts';
import { ownName } from '../../src/host/process-identity.ts';
import { abandonedNames } from '../components/abandoned-names.ts';
import { digestOf } from '../components/fault-content.ts';
import { openMounts, unavailable } from '../e2e/mounts.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'same-downloads-'));
after(() => fs.rmSync(root, { recursive: true, force: true }));

const bytes = Buffer.alloc(3_000_001, 'what a registry holds ');
const blob = { digest: digestOf(bytes), sizeBytes: bytes.length };
const hex = blob.digest.slice('sha256:'.length);
const WEEK_S = 7 * 24 * 60 * 60;

/** Names that processes had which are gone. */
const abandoned = abandonedNames(3);

/** A directory of downloads, with what others left in it, and a server that notes where it was asked from. */
function bench(left: Record<string, Buffer> = {}, served: Buffer = bytes, signal?: AbortSignal) {
  const directory = join(fs.mkdtempSync(join(root, 'home-')), 'cache', 'downloads');
  fs.mkdirSync(directory, { recursive: true });
  for (const [name, content] of Object.entries(left)) fs.writeFileSync(join(directory, name), content);
  const asked: number[] = [];
  return {
    directory,
    asked,
    downloads: openPartialDownloads(directory, signal),
    names: () => fs.readdirSync(directory).sort(),
    async *open(startBytes: number) {
      asked.push(startBytes);
      for (let at = startBytes; at < served.length; at += 65_536)
        yield served.subarray(at, Math.min(at + 65_536, served.length));
    },
  };
}

describe('a download', () => {
  it('ends in a file of its own, which a store takes over', async () => {
    const { directory, downloads, open, names, asked } = bench();
    const path = await downloads.complete(blob, open);
    assert.ok(fs.readFileSync(path).equals(bytes));
    assert.deepEqual(names(), [path.slice(directory.length + 1)]);
    assert.equal(fs.statSync(path).mode & 0o077, 0);
    const store = openDiskContentStore(join(directory, '../../content'));
    await store.adopt(path, blob);
    assert.ok((await store.read(blob.digest)).equals(bytes));
    assert.deepEqual(names(), []);
    assert.deepEqual(asked, [0]);
  });

  it('of no bytes is a download', async () => {
    const empty = { digest: digestOf(Buffer.alloc(0)), sizeBytes: 0 };
    const { downloads, open } = bench({}, Buffer.alloc(0));
    assert.equal(fs.statSync(await downloads.complete(empty, open)).size, 0);
  });

  it('goes on where one ended whose process is gone, with the longest of several', async () => {
    const { downloads, open, asked, names } = bench({
      [`${hex}.${abandoned[0]}`]: bytes.subarray(0, 10),
      [`${hex}.${abandoned[1]}`]: bytes.subarray(0, 1_234_567),
      [`${'0'.repeat(64)}.${abandoned[2]}`]: bytes.subarray(0, 2_000_000),
    });
    const path = await downloads.complete(blob, open);
    assert.deepEqual(asked, [1_234_567]);
    assert.ok(fs.readFileSync(path).equals(bytes));
    assert.equal(names().length, 3, 'the shorter one, and another blob');
  });

  it('asks for nothing when all of it was left', async () => {
    const { downloads, open, asked } = bench({ [`${hex}.${abandoned[0]}`]: bytes });
    assert.ok(fs.readFileSync(await downloads.complete(blob, open)).equals(bytes));
    assert.deepEqual(asked, []);
  });

  it('that was whole when its process ended is taken as it is', async () => {
    const name = `${hex}.${abandoned[0]}`;
    const { downloads, open, asked, names, directory } = bench({ [name]: bytes });
    fs.utimesSync(join(directory, name), 315_619_200, 315_619_200);
    assert.ok(fs.readFileSync(await downloads.complete(blob, open)).equals(bytes));
    assert.deepEqual(asked, []);
    assert.equal(names().length, 1);
  });

  it('leaves what a living process, or one of elsewhere, is at', async () => {
    const elsewhere = abandoned[0]!.replace(/^[0-9a-f]{8}/, (host) =>
      host === '00000000' ? '00000001' : '00000000',
    );
    const others = [`${hex}.${ownName()}`, `${hex}.${elsewhere}`, `${hex}.note`];
    const { downloads, open, asked, names } = bench(
      Object.fromEntries(others.map((name) => [name, bytes.subarray(0, 5)])),
    );
    await downloads.complete(blob, open);
    assert.deepEqual(asked, [0]);
    for (const name of others) assert.ok(names().includes(name), name);
  });

  it('starts over, once, with a leftover whose bytes are others', async () => {
    const damaged = Buffer.from(bytes.subarray(0, 2_000_000));
    damaged[1_000_000]! ^= 1;
    const { downloads, open, asked } = bench({ [`${hex}.${abandoned[0]}`]: damaged });
    assert.ok(fs.readFileSync(await downloads.complete(blob, open)).equals(bytes));
    assert.deepEqual(asked, [2_000_000, 0]);
  });

  it('starts over with a leftover of the right length and other bytes, and with one that is too long', async () => {
    const wrong = Buffer.from(bytes);
    wrong[7]! ^= 1;
    for (const left of [wrong, Buffer.concat([bytes, Buffer.from('x')])]) {
      const { downloads, open, asked } = bench({ [`${hex}.${abandoned[0]}`]: left });
      assert.ok(fs.readFileSync(await downloads.complete(blob, open)).equals(bytes));
      assert.deepEqual(asked, [0]);
    }
  });

  it('is shown to who watches from its first byte to its last, also what was left, and anew when it starts over', async () => {
    const damaged = Buffer.from(bytes.subarray(0, 2_000_000));
    damaged[1_000_000]! ^= 1;
    const lefts = {
      none: {},
      good: bytes.subarray(0, 1_234_567),
      whole: bytes,
      damaged,
      long: Buffer.alloc(4e6),
    };
    for (const [what, left] of Object.entries(lefts)) {
      const { downloads, open } = bench(Buffer.isBuffer(left) ? { [`${hex}.${abandoned[0]}`]: left } : {});
      let seen: Buffer[] = [];
      await downloads.complete(blob, open, {
        begin: () => {
          seen = [];
        },
        feed: (piece) => seen.push(Buffer.from(piece)),
      });
      assert.ok(Buffer.concat(seen).equals(bytes), what);
    }
  });

  it('gives back the blocks that it wrote, and nothing that is not one', async () => {
    const { downloads } = bench();
    const handed = new Set<ArrayBufferLike>();
    async function* inBlocks() {
      for (let at = 0; at < bytes.length; ) {
        const block = takeBlock();
        handed.add(block.buffer);
        const piece = block.subarray(0, bytes.copy(block, 0, at));
        at += piece.length;
        yield piece;
      }
    }
    assert.ok(fs.readFileSync(await downloads.complete(blob, inBlocks)).equals(bytes));
    assert.ok(handed.size < 4, `${handed.size} blocks for ${Math.ceil(bytes.length / BLOCK_BYTES)}`);
    const [one, other] = [takeBlock(), takeBlock()];
    giveBack(one.subarray(1));
    giveBack(Buffer.alloc(BLOCK_BYTES));
    giveBack(other);
    giveBack(other);
    const next = [takeBlock(), takeBlock()].map(({ buffer }) => buffer);
    assert.equal(next.filter((buffer) => buffer === other.buffer).length, 1);
    assert.ok(!next.includes(one.buffer));
  });

  it('of other bytes, fewer or more is SAME1301, and nothing of it stays', async () => {
    const other = Buffer.from(bytes);
    other[0]! ^= 1;
    for (const served of [
      other,
      bytes.subarray(1),
      Buffer.concat([bytes, Buffer.from('x')]),
      Buffer.alloc(0),
    ]) {
      for (const left of [{}, { [`${hex}.${abandoned[0]}`]: Buffer.from('something else') }]) {
        const { downloads, open, asked, names } = bench(left, served);
        await assert.rejects(downloads.complete(blob, open), { code: 'SAME1301', message: new RegExp(hex) });
        assert.deepEqual(names(), []);
        assert.equal(asked.filter((startBytes) => startBytes === 0).length, 1);
      }
    }
  });

  it('that fails keeps what came, and its error passes', async () => {
    const { downloads, names, directory } = bench();
    async function* cut() {
      yield bytes.subarray(0, 1_500_000);
      yield bytes.subarray(1_500_000, 1_500_001);
      throw new Error('cut');
    }
    await assert.rejects(downloads.complete(blob, cut), /cut/);
    const [name, ...others] = names();
    assert.deepEqual(others, []);
    assert.ok(fs.readFileSync(join(directory, name!)).equals(bytes.subarray(0, 1_500_001)));
  });

  it('that is interrupted ends with SAME1903 and keeps what came', async () => {
    const canceling = new AbortController();
    const { downloads, names, directory } = bench({}, bytes, canceling.signal);
    async function* interrupted() {
      yield bytes.subarray(0, 1_500_000);
      canceling.abort();
      yield bytes.subarray(1_500_000);
    }
    await assert.rejects(downloads.complete(blob, interrupted), { code: 'SAME1903' });
    const left = fs.readFileSync(join(directory, names()[0]!));
    assert.ok(left.length >= 1_500_000);
    assert.ok(left.equals(bytes.subarray(0, left.length)));
  });

  it('removes what nobody came back for in a week, and nothing of the living', async () => {
    const [old, recent, living] = [
      `${'1'.repeat(64)}.${abandoned[0]}`,
      `${'2'.repeat(64)}.${abandoned[1]}`,
      `${'3'.repeat(64)}.${ownName()}`,
    ];
    const left = Object.fromEntries([old, recent, living].map((name) => [name, Buffer.from('half')]));
    const { downloads, open, names, directory } = bench(left);
    const nowS = Date.now() / 1000;
    for (const name of [old, living]) fs.utimesSync(join(directory, name), nowS, nowS - WEEK_S - 60);
    fs.utimesSync(join(directory, recent), nowS, nowS - WEEK_S + 3600);
    await downloads.complete(blob, open);
    const mine = names().filter((name) => name.startsWith(hex));
    assert.deepEqual(names(), [recent, living, ...mine].sort());
    assert.equal(mine.length, 1);
  });

  it('on a disk that is full is SAME1402, and gives back what it took', {
    skip: unavailable() ?? false,
  }, async () => {
    using mounts = await openMounts(root);
    mounts.shell('mount -t tmpfs -o size=64k none /mnt');
    const module = JSON.stringify(import.meta.resolve('../../src/content/partial-downloads.ts'));
    const downloading = `
      const { openPartialDownloads } = await import(${module});
      const blob = { digest: 'sha256:${hex}', sizeBytes: 1_000_000 };
      const open = async function* () { yield Buffer.alloc(500_000); yield Buffer.alloc(500_000); };
      const downloads = openPartialDownloads('/mnt/cache/downloads');
      await downloads.complete(blob, open).catch((error) => console.log(error.code));`;
    const [command, ...words] = [...mounts.under, process.execPath, '--input-type=module', '-e', downloading];
    const { stdout, stderr } = spawnSync(command!, words, { encoding: 'utf8' });
    assert.equal(stdout, 'SAME1402\n', stderr);
    assert.deepEqual(fs.readdirSync(mounts.seen('/mnt/cache/downloads')), []);
  });

  it('in a home that cannot be written is SAME1401', async () => {
    const file = join(root, 'a-file');
    fs.writeFileSync(file, '');
    const downloads = openPartialDownloads(join(file, 'cache', 'downloads'));
    await assert.rejects(downloads.complete(blob, bench().open), { code: 'SAME1401' });
  });
});
