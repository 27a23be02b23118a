import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { openProgram, type ProgramArtifact } from '../../src/bundle/program-artifact.ts';
import { treeDigest } from '../../src/bundle/tree.ts';
import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import { type ArbitraryFile, cuts, treeOf } from './arbitraries.ts';
import { pack, read, write } from './bundles.ts';
import { holds } from './campaign.ts';

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function treeOfProgram(program: ProgramArtifact): Promise<string> {
  const entries = [];
  for await (const { path, executable, sizeBytes, body } of program.codeStream()) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    entries.push({ path, executable, sizeBytes, digest: sha256(Buffer.concat(chunks)) });
  }
  return treeDigest(entries);
}

function treeOfFiles(files: readonly ArbitraryFile[]): string {
  return treeDigest(
    files.map(({ path, executable, bytes }) => ({
      path,
      executable,
      sizeBytes: bytes.length,
      digest: sha256(bytes),
    })),
  );
}

test('what is packed, written and read again is the same files, however it is compressed and cut', () =>
  holds(15, [treeOf({ maxFiles: 12 }), cuts], async (files, lengths) => {
    const store = openMemoryContentStore();
    const program = await pack({ files }, store);
    const tgz = await write({ program: program.digest }, store);
    const tar = await write({ program: program.digest }, store, { gzip: false });
    assert.ok(gunzipSync(tgz.bytes).equals(tar.bytes), 'the archive in gzip is not the bare one');
    const { program: same, index, archive } = tar;
    assert.deepEqual([tgz.program, tgz.index, tgz.archive], [same, index, archive]);
    // One byte at a time takes long where there is much.
    const pieces = tar.bytes.length > 60_000 ? lengths.map((length) => length + 4096) : lengths;
    for (const bytes of [
      tgz.bytes,
      tar.bytes,
      zstdCompressSync(tar.bytes),
      gzipSync(tar.bytes, { level: 9 }),
    ]) {
      const other = openMemoryContentStore();
      const { digests } = await read(bytes, other, pieces);
      assert.deepEqual(
        { program: digests.program, index: digests.index, archive: digests.archive, file: digests.file },
        { program: same, index, archive, file: sha256(bytes) },
      );
      const opened = await openProgram(digests.program, other);
      assert.equal(await treeOfProgram(opened), treeOfFiles(files));
    }
  }));

test('neither the order of the files nor the time zone has a part in any digest', () =>
  holds(
    20,
    [
      treeOf({ maxFiles: 8 }).chain((files) =>
        fc.tuple(fc.constant(files), fc.shuffledSubarray(files, { minLength: files.length })),
      ),
      fc.constantFrom('Asia/Kathmandu', 'America/St_Johns', 'Pacific/Chatham'),
    ],
    async ([files, shuffled], zone) => {
      const first = await pack({ files }, openMemoryContentStore());
      const before = process.env.TZ;
      process.env.TZ = zone;
      try {
        const store = openMemoryContentStore();
        const again = await pack({ files: shuffled }, store);
        assert.equal(again.digest, first.digest);
        const { archive } = await write({ program: again.digest }, store);
        process.env.TZ = 'UTC';
        assert.equal((await write({ program: again.digest }, store)).archive, archive);
      } finally {
        if (before === undefined) delete process.env.TZ;
        else process.env.TZ = before;
      }
    },
  ));

test('the files of a target are in a layer of their own, and a bundle with them reads back', () =>
  holds(15, [treeOf({ maxFiles: 5 }), treeOf({ maxFiles: 4 })], async (files, below) => {
    const targets = below.map((file) => ({ ...file, path: `infra/t/${file.path}` }));
    const all = [...files.filter(({ path }) => !/^infra/i.test(path)), ...targets].filter(
      ({ path }) => Buffer.byteLength(path) <= 1024 && path.split('/').length <= 64,
    );
    if (!all.some(({ path }) => path.startsWith('infra/t/'))) return;
    const store = openMemoryContentStore();
    const program = await pack({ files: all, infrastructure: 'infra/t' }, store);
    assert.equal(program.manifest.layers.length, 3);
    const { bytes, archive } = await write({ program: program.digest }, store);
    const { digests } = await read(bytes, openMemoryContentStore());
    assert.equal(digests.archive, archive);
  }));
