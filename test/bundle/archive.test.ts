import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { peekBundle, peekProgram, readBundle } from '../../src/bundle/archive.ts';
import { sha256 } from '../../src/bundle/canonical-json.ts';
import { listTar } from '../../src/bundle/canonical-tar.ts';
import { MEDIA } from '../../src/bundle/oci.ts';
import { openDiskContentStore } from '../../src/content/disk-content-store.ts';
import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import { entryOf, filesOf, rawTar, rules, sample, tarOf, withIndex, write } from './sample-bundle.ts';
import { packSample, treeFile } from './sample-program.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'same-archive-'));
after(() => fs.rmSync(root, { recursive: true, force: true }));

test('a bundle is written in the fixed order with its root copies', async () => {
  const paths = listTar(rawTar, { sorted: false }).map(({ path }) => path);
  assert.deepEqual(paths.slice(0, 8), [
    'oci-layout',
    'index.json',
    'LICENSE',
    'README.md',
    'REPRODUCING.md',
    'same.lock',
    'same.yaml',
    `blobs/sha256/${sample.program.digest.slice(7)}`,
  ]);
  const index = JSON.parse(entryOf('index.json').toString());
  assert.deepEqual(index.manifests[0].annotations, { 'org.opencontainers.image.ref.name': '1.1' });
  assert.deepEqual(
    index.manifests.map(({ artifactType }: { artifactType: string }) => artifactType),
    [MEDIA.program, MEDIA.program, MEDIA.run, MEDIA.run, MEDIA.run, MEDIA.origin],
  );
  assert.equal(new Set(paths).size, paths.length);
});

test('two exports are the same bytes, in any order of referrers, from memory or disk', async () => {
  const first = await write(sample.contents, sample.store);
  const again = await write(
    { ...sample.contents, referrers: sample.contents.referrers.toReversed() },
    sample.store,
  );
  assert.ok(first.bytes.equals(again.bytes));
  const disk = openDiskContentStore(join(root, 'same-bytes'));
  await readBundle([first.bytes], disk, rules);
  assert.ok((await write(sample.contents, disk)).bytes.equals(first.bytes));
});

test('the four digests are those of their bytes', async () => {
  const { bytes, ...digests } = await write(sample.contents, sample.store);
  assert.deepEqual(digests, {
    program: sample.program.digest,
    index: sha256(entryOf('index.json')),
    archive: sha256(rawTar),
    file: sha256(bytes),
    sizeBytes: bytes.length,
  });
  assert.ok(gunzipSync(bytes).equals(rawTar));
  assert.equal(bytes.subarray(0, 10).toString('hex'), '1f8b08000000000004ff');
  const raw = await write(sample.contents, sample.store, { gzip: false });
  assert.equal(raw.file, raw.archive);
});

test('export, import, export is a fixed point, runs included', async () => {
  const first = await write(sample.contents, sample.store);
  const store = openDiskContentStore(join(root, 'fixed-point'));
  const read = await readBundle([first.bytes], store, rules);
  const { bytes, ...digests } = first;
  assert.deepEqual(read.digests, digests);
  assert.equal(read.name, 'Lab/speech');
  assert.equal(read.version, '1.1');
  assert.deepEqual(read.ancestors, [sample.old.digest]);
  assert.deepEqual(
    read.referrers.map(({ kind }) => kind),
    ['run', 'run', 'run', 'origin'],
  );
  const second = await write(
    {
      program: read.program,
      ancestors: read.ancestors,
      referrers: read.referrers.map(({ digest }) => digest),
    },
    store,
  );
  assert.ok(second.bytes.equals(bytes));
});

test('gzip of any encoder, zstd and plain tar are read alike, however the bytes arrive', async () => {
  const named = gzipSync(rawTar, { level: 9 });
  // A file name in the header, as gzip(1) writes it.
  named[3] = 8;
  const withName = Buffer.concat([named.subarray(0, 10), Buffer.from('f.tar\0'), named.subarray(10)]);
  for (const bytes of [rawTar, gzipSync(rawTar), withName, zstdCompressSync(rawTar)]) {
    for (const size of [97, 4096, bytes.length - 5, bytes.length]) {
      const pieces = function* () {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      };
      const { digests } = await readBundle(pieces(), openMemoryContentStore(), rules);
      assert.equal(digests.archive, sha256(rawTar));
      assert.equal(digests.file, sha256(bytes));
      assert.equal(digests.sizeBytes, bytes.length);
    }
  }
});

test('a program without lock, documents or infrastructure travels too', async () => {
  const store = openMemoryContentStore();
  const program = await packSample(store, { files: [], lock: null });
  const { bytes } = await write({ program: program.digest, referrers: [] }, store);
  const read = await peekBundle([bytes], openMemoryContentStore(), rules);
  assert.equal(read.artifact.digest, program.digest);
  assert.equal(await peekProgram([bytes]), program.digest);
});

test('a referrer of another program is not written', async () => {
  const { program, ...contents } = sample.contents;
  await assert.rejects(write({ ...contents, program: sample.old.digest }, sample.store), {
    code: 'SAME1302',
  });
  await assert.rejects(write({ program, referrers: contents.referrers }, sample.store), { code: 'SAME1302' });
  await assert.rejects(
    write({ program: sample.old.digest, ancestors: [program], referrers: [] }, sample.store),
    {
      code: 'SAME1302',
    },
  );
});

test('the digest of a program in derivedFrom does not make it an ancestor under another name or version', async () => {
  const { store, old } = sample;
  for (const claimed of [
    { name: 'Lab/other', version: '1.0' },
    { name: 'Lab/speech', version: '0.9' },
  ]) {
    const program = await packSample(store, {
      version: '1.2',
      derivedFrom: { ...claimed, digest: old.digest },
    });
    const contents = { program: program.digest, referrers: [] };
    await assert.rejects(write({ ...contents, ancestors: [old.digest] }, store), { code: 'SAME1302' });
    const honest = filesOf((await write(contents, store, { gzip: false })).bytes);
    const other = filesOf(
      (await write({ program: old.digest, referrers: [] }, store, { gzip: false })).bytes,
    );
    const { mediaType, artifactType, digest, size } = old;
    const hostile = withIndex(
      honest.concat(
        other.filter(({ path }) => path.startsWith('blobs/') && honest.every((file) => file.path !== path)),
      ),
      ({ manifests }) => manifests.push({ mediaType, artifactType, digest, size }),
    );
    await assert.rejects(readBundle([await tarOf(hostile)], openMemoryContentStore(), rules), {
      code: 'SAME1302',
      message: /is not derived from it/,
    });
  }
});

test('limits can be raised and lowered by the caller', async () => {
  const read = (limits: object) => readBundle([rawTar], openMemoryContentStore(), { ...rules, limits });
  await assert.rejects(read({ entries: 5 }), { code: 'SAME1304' });
  await assert.rejects(read({ unpackedBytes: 10_000 }), { code: 'SAME1304' });
  await assert.rejects(read({ yamlBytes: 10 }), { code: 'SAME1304' });
  await read({ entries: 1000 });
});

test('a program of zeros makes a bundle that is no bomb', async () => {
  const store = openDiskContentStore(join(root, 'zeros'));
  const program = await packSample(store, { files: [treeFile('zeros', Buffer.alloc(96 * 2 ** 20))] });
  const { bytes } = await write({ program: program.digest, referrers: [] }, store);
  assert.ok(bytes.length < 2 ** 20);
  await readBundle([bytes], openDiskContentStore(join(root, 'zeros-back')), rules);
});

test('REPRODUCING.md is the constant of the spec, byte for byte', () => {
  const constant = fs.readFileSync(join(import.meta.dirname, '../../spec/v1/constants/REPRODUCING.txt'));
  assert.ok(entryOf('REPRODUCING.md').equals(constant));
});

test('a reader that stops early lets go of its source', async () => {
  const { bytes } = await write(sample.contents, sample.store);
  let closed = false;
  async function* source() {
    try {
      for (let at = 0; at < bytes.length; at += 50) yield bytes.subarray(at, at + 50);
    } finally {
      closed = true;
    }
  }
  assert.equal(await peekProgram(source()), sample.program.digest);
  assert.equal(closed, true);
});
