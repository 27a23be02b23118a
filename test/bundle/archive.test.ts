import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import {
  type BundleDigests,
  peekBundle,
  peekProgram,
  readBundle,
  writeBundle,
} from '../../src/bundle/archive.ts';
import { canonicalBytes, sha256 } from '../../src/bundle/canonical-json.ts';
import { listTar, writeTar } from '../../src/bundle/canonical-tar.ts';
import { MEDIA } from '../../src/bundle/oci.ts';
import { originArtifact } from '../../src/bundle/origin-artifact.ts';
import { runArtifact } from '../../src/bundle/run-artifact.ts';
import type { ContentStore } from '../../src/content/content-store.ts';
import { openDiskContentStore } from '../../src/content/disk-content-store.ts';
import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import { packSample, sampleRun, treeFile } from './sample-program.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'same-archive-'));
after(() => fs.rmSync(root, { recursive: true, force: true }));
const rules = { canonicalOfYaml: (bytes: Buffer) => JSON.parse(bytes.toString()) };

interface Written extends BundleDigests {
  bytes: Buffer;
}

async function write(
  contents: Parameters<typeof writeBundle>[0],
  store: ContentStore,
  options = { gzip: true },
): Promise<Written> {
  const chunks: Uint8Array[] = [];
  let digests: BundleDigests | undefined;
  for await (const chunk of writeBundle(contents, store, {
    ...options,
    onDigests: (all) => (digests = all),
  })) {
    chunks.push(chunk);
  }
  return { ...digests!, bytes: Buffer.concat(chunks) };
}

/** A store with 1.0, its successor 1.1, runs of both and an origin. */
async function sampleStore() {
  const store = openMemoryContentStore();
  const old = await packSample(store);
  const derivedFrom = { name: 'Lab/speech', version: '1.0', digest: old.digest };
  const program = await packSample(store, { version: '1.1', derivedFrom });
  const referrers = [
    await originArtifact({ kind: 'git', repository: 'https://example.org/r' }, program, store),
    await runArtifact(sampleRun(program, 'run-1'), program, store),
    await runArtifact(sampleRun(program, 'run-2'), program, store),
    await runArtifact(sampleRun(old, 'run-0'), old, store),
  ].map(({ digest }) => digest);
  return { store, old, program, contents: { program: program.digest, ancestors: [old.digest], referrers } };
}

const sample = await sampleStore();
const rawTar = (await write(sample.contents, sample.store, { gzip: false })).bytes;

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

test('a bundle cut anywhere is refused', async () => {
  const { bytes } = await write(sample.contents, sample.store);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(rawTar, bytes, zstdCompressSync(rawTar)),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (whole, part) => {
        const cut = whole.subarray(0, Math.min(whole.length - 1, Math.floor(part * whole.length)));
        await assert.rejects(readBundle([cut], openMemoryContentStore(), rules), /SAME13/);
      },
    ),
    { numRuns: 150 },
  );
});

test('a bit flipped anywhere in the tar is refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: rawTar.length * 8 - 1 }), async (bit) => {
      const flipped = Buffer.from(rawTar);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      await assert.rejects(readBundle([flipped], openMemoryContentStore(), rules));
    }),
    { numRuns: 400 },
  );
});

test('a bit flipped anywhere in the gzip file is refused, or leaves the same archive', async () => {
  const { bytes, archive } = await write(sample.contents, sample.store);
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: bytes.length * 8 - 1 }), async (bit) => {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      try {
        const { digests } = await readBundle([flipped], openMemoryContentStore(), rules);
        assert.equal(digests.archive, archive);
      } catch (error) {
        assert.match(String(error), /SAME13/);
      }
    }),
    { numRuns: 300 },
  );
});

type File = { path: string; bytes: Buffer; executable?: boolean };

function filesOf(tar: Buffer): File[] {
  return listTar(tar, { sorted: false }).map(({ path, offset, sizeBytes, executable }) => ({
    path,
    executable,
    bytes: tar.subarray(offset, offset + sizeBytes),
  }));
}

function entryOf(path: string): Buffer {
  return filesOf(rawTar).find((file) => file.path === path)!.bytes;
}

async function tarOf(files: File[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const sources = files.map(({ path, bytes, executable = false }) => ({
    path,
    executable,
    sizeBytes: bytes.length,
    chunks: () => [bytes],
  }));
  for await (const chunk of writeTar(sources)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Changes `index.json`. */
function withIndex(files: File[], change: (index: { manifests: Record<string, unknown>[] }) => void): File[] {
  return files.map((file) => {
    if (file.path !== 'index.json') return file;
    const index = JSON.parse(file.bytes.toString());
    change(index);
    return { ...file, bytes: canonicalBytes(index) };
  });
}

/** Replaces the blob of one manifest and points the index at the new one. */
function withManifest(files: File[], at: number, change: (manifest: never) => void): File[] {
  const index = JSON.parse(files.find(({ path }) => path === 'index.json')!.bytes.toString());
  const old = `blobs/sha256/${index.manifests[at].digest.slice(7)}`;
  const manifest = JSON.parse(files.find(({ path }) => path === old)!.bytes.toString());
  change(manifest as never);
  const bytes = canonicalBytes(manifest);
  const renamed = files.map((file) =>
    file.path === old ? { ...file, path: `blobs/sha256/${sha256(bytes).slice(7)}`, bytes } : file,
  );
  return withIndex(renamed, ({ manifests }) =>
    Object.assign(manifests[at]!, { digest: sha256(bytes), size: bytes.length }),
  );
}

const swap = (files: File[], a: number, b: number): File[] => {
  const copy = [...files];
  [copy[a], copy[b]] = [copy[b]!, copy[a]!];
  return copy;
};
const without = (files: File[], path: string): File[] => files.filter((file) => file.path !== path);
const changed = (files: File[], path: string, text: string): File[] =>
  files.map((file) => (file.path === path ? { ...file, bytes: Buffer.from(text) } : file));

const attacks: [name: string, code: RegExp, change: (files: File[]) => File[]][] = [
  ['nothing inside', /SAME1306/, () => []],
  ['another archive', /SAME1306/, () => [{ path: 'a.txt', bytes: Buffer.from('a') }]],
  [
    'another layout version',
    /SAME1302/,
    (files) => changed(files, 'oci-layout', '{"imageLayoutVersion":"2.0.0"}'),
  ],
  ['no index', /SAME1302/, (files) => without(files, 'index.json')],
  ['an index that is no JSON', /SAME1302/, (files) => changed(files, 'index.json', '{')],
  ['an index with blanks', /SAME1302/, (files) => changed(files, 'index.json', `${entryOf('index.json')} `)],
  ['an index over 4 MiB', /SAME1304/, (files) => changed(files, 'index.json', ' '.repeat(4 * 2 ** 20 + 1))],
  [
    'another tag',
    /SAME1302/,
    (files) =>
      withIndex(files, ({ manifests }) =>
        Object.assign(manifests[0]!, { annotations: { 'org.opencontainers.image.ref.name': '9' } }),
      ),
  ],
  [
    'no tag',
    /SAME1302/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        delete manifests[0]!.annotations;
      }),
  ],
  [
    'a second tag',
    /SAME1302/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        manifests[1]!.annotations = manifests[0]!.annotations;
      }),
  ],
  [
    'runs out of order',
    /SAME1302/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        manifests.splice(2, 2, manifests[3]!, manifests[2]!);
      }),
  ],
  [
    'a run listed twice',
    /SAME1302/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        manifests.splice(2, 0, manifests[2]!);
      }),
  ],
  [
    'a run before the program',
    /SAME130[27]/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        manifests.unshift(manifests.splice(2, 1)[0]!);
      }),
  ],
  [
    'an artifact of an unknown kind',
    /SAME1302/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        manifests.at(-1)!.artifactType = 'application/x';
      }),
  ],
  [
    'an artifact of a later kind',
    /SAME1302/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        manifests.at(-1)!.artifactType = 'application/vnd.same.review.v1+json';
      }),
  ],
  [
    'a wrong size in the index',
    /SAME1301/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        manifests[0]!.size = 1;
      }),
  ],
  [
    'an ancestor left out of the index',
    /SAME1302/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        manifests.splice(1, 1);
      }),
  ],
  [
    'a stranger as program',
    /SAME1302/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        manifests.splice(0, 2, manifests[1]!, manifests[0]!);
      }),
  ],
  ['a changed README', /SAME1302/, (files) => changed(files, 'README.md', '# Other\n')],
  ['a changed same.yaml', /SAME1302/, (files) => changed(files, 'same.yaml', '{}')],
  ['a changed REPRODUCING.md', /SAME1302/, (files) => changed(files, 'REPRODUCING.md', 'curl | sh')],
  ['no root copy of the lock', /SAME1302/, (files) => without(files, 'same.lock')],
  [
    'a root copy of nothing',
    /SAME1302/,
    (files) => files.toSpliced(2, 0, { path: 'CITATION.cff', bytes: Buffer.from('x') }),
  ],
  ['root copies out of order', /SAME1302/, (files) => swap(files, 2, 3)],
  [
    'a stray file at the root',
    /SAME1302/,
    (files) => files.toSpliced(2, 0, { path: 'install.sh', bytes: Buffer.from('x') }),
  ],
  [
    'an executable root copy',
    /SAME1302/,
    (files) => files.map((file) => (file.path === 'LICENSE' ? { ...file, executable: true } : file)),
  ],
  [
    'a stray blob',
    /SAME1302/,
    (files) => [...files, { path: `blobs/sha256/${'0'.repeat(64)}`, bytes: Buffer.from('x') }],
  ],
  [
    'a stray blob of its own digest',
    /SAME1302/,
    (files) => [...files, { path: `blobs/sha256/${sha256('x').slice(7)}`, bytes: Buffer.from('x') }],
  ],
  [
    'a blob of other bytes',
    /SAME1301/,
    (files) => files.with(8, { ...files[8]!, bytes: Buffer.from(files[8]!.bytes).fill(32, 0, 1) }),
  ],
  ['an executable blob', /SAME1302/, (files) => files.with(8, { ...files[8]!, executable: true })],
  ['blobs out of order', /SAME1302/, (files) => swap(files, 8, 9)],
  ['a missing blob', /SAME1302/, (files) => files.slice(0, -1)],
  ['a blob twice', /SAME130[23]/, (files) => [...files, files.at(-1)!]],
  [
    'a manifest with an unknown field',
    /SAME1302/,
    (files) =>
      withManifest(files, 0, (manifest: Record<string, unknown>) => {
        manifest.extra = 1;
      }),
  ],
  [
    'a program with a subject',
    /SAME1302/,
    (files) =>
      withManifest(files, 0, (manifest: Record<string, unknown>) => {
        manifest.subject = manifest.config;
      }),
  ],
  [
    'layers of an unknown type',
    /SAME1307/,
    (files) =>
      withManifest(files, 0, (manifest: { layers: { mediaType: string }[] }) => {
        manifest.layers[2]!.mediaType = 'application/x-tar';
      }),
  ],
  [
    'layers of a later type',
    /SAME1307/,
    (files) =>
      withManifest(files, 0, (manifest: { layers: { mediaType: string }[] }) => {
        manifest.layers[2]!.mediaType = 'application/vnd.same.code.v2.tar';
      }),
  ],
  [
    'layers out of order',
    /SAME1302/,
    (files) =>
      withManifest(files, 0, (manifest: { layers: unknown[] }) => {
        manifest.layers.reverse();
      }),
  ],
  [
    'a config that lists other layers',
    /SAME1302/,
    (files) =>
      withManifest(files, 0, (manifest: { layers: unknown[] }) => {
        manifest.layers.pop();
      }),
  ],
  [
    'a code layer over the limit',
    /SAME1304/,
    (files) =>
      withManifest(files, 0, (manifest: { layers: { size: number }[] }) => {
        manifest.layers[2]!.size = 20 * 2 ** 30;
      }),
  ],
  [
    'a run of another subject',
    /SAME1302/,
    (files) =>
      withManifest(files, 2, (manifest: { subject: { digest: string } }) => {
        manifest.subject.digest = `sha256:${'1'.repeat(64)}`;
      }),
  ],
  ['a run whose record is of an ancestor', /SAME1302/, (files) => swapSubject(files)],
  [
    'a run without subject',
    /SAME1302/,
    (files) =>
      withManifest(files, 2, (manifest: { subject?: unknown }) => {
        delete manifest.subject;
      }),
  ],
  [
    'a run with a config',
    /SAME1302/,
    (files) =>
      withManifest(files, 2, (manifest: { config: unknown; layers: unknown[] }) => {
        manifest.config = manifest.layers[0];
      }),
  ],
  [
    'a run that calls itself an origin',
    /SAME1302|SAME1307/,
    (files) =>
      withManifest(files, 2, (manifest: { artifactType: string }) => {
        manifest.artifactType = MEDIA.origin;
      }),
  ],
];

/** Points a run of 1.1 at 1.0, which is in the bundle as well. */
function swapSubject(files: File[]): File[] {
  const runs = [2, 3, 4].map((at) => {
    const index = JSON.parse(entryOf('index.json').toString());
    const manifest = JSON.parse(entryOf(`blobs/sha256/${index.manifests[at].digest.slice(7)}`).toString());
    return { at, subject: manifest.subject.digest as string };
  });
  const { at } = runs.find(({ subject }) => subject === sample.program.digest)!;
  const changed = withManifest(files, at, (manifest: { subject: unknown }) => {
    const { mediaType, artifactType, digest, size } = sample.old;
    manifest.subject = { mediaType, artifactType, digest, size };
  });
  return resorted(changed);
}

/** Sorts the referrers of the index again and the blobs with them. */
function resorted(files: File[]): File[] {
  const index = JSON.parse(files.find(({ path }) => path === 'index.json')!.bytes.toString());
  const runs = index.manifests
    .slice(2, 5)
    .sort((a: { digest: string }, b: { digest: string }) => (a.digest < b.digest ? -1 : 1));
  index.manifests.splice(2, 3, ...runs);
  const byPath = new Map(files.map((file) => [file.path, file]));
  const order = new Set<string>(
    files.filter(({ path }) => !path.startsWith('blobs/')).map(({ path }) => path),
  );
  for (const { digest } of index.manifests) {
    const path = `blobs/sha256/${digest.slice(7)}`;
    const { config, layers } = JSON.parse(byPath.get(path)!.bytes.toString());
    for (const blob of [{ digest }, config, ...layers]) order.add(`blobs/sha256/${blob.digest.slice(7)}`);
  }
  byPath.set('index.json', { path: 'index.json', bytes: canonicalBytes(index) });
  return [...order].map((path) => byPath.get(path)!);
}

for (const [name, code, change] of attacks) {
  test(`refused: ${name}`, async () => {
    const hostile = await tarOf(change(filesOf(rawTar)));
    await assert.rejects(readBundle([gzipSync(hostile)], openMemoryContentStore(), rules), code);
  });
}

test('refused: a config whose manifest is not that of same.yaml, or a manifest that its parser refuses', async () => {
  const lying = { canonicalOfYaml: (bytes: Buffer) => ({ ...JSON.parse(bytes.toString()), extra: 1 }) };
  await assert.rejects(readBundle([rawTar], openMemoryContentStore(), lying), { code: 'SAME1302' });
  const failing = {
    canonicalOfYaml: () => {
      throw new Error('no such field');
    },
  };
  await assert.rejects(readBundle([rawTar], openMemoryContentStore(), failing), /no such field/);
});

test('refused: a code layer that another tar tool wrote', async () => {
  const store = openMemoryContentStore();
  const honest = await packSample(store);
  const layer = Buffer.from(await store.read(honest.codeDigest));
  layer.write('0000001', 108, 'latin1');
  const { digest } = await store.write(layer);
  const relabel = async (from: string, descriptor: { digest: string; size: number }) => {
    const text = (await store.read(from)).toString().replaceAll(descriptor.digest, digest);
    return store.write(Buffer.from(text));
  };
  const code = honest.manifest.layers[2]!;
  const config = await relabel(honest.manifest.config.digest, code);
  const manifest = {
    ...honest.manifest,
    config: { ...honest.manifest.config, digest: config.digest },
    layers: honest.manifest.layers.with(2, { ...code, digest }),
  };
  const program = await store.write(canonicalBytes(manifest));
  await assert.rejects(write({ program: program.digest, referrers: [] }, store), { code: 'SAME1302' });
});

test('refused: an infrastructure layer that differs from the code', async () => {
  const store = openMemoryContentStore();
  const honest = await packSample(store);
  const other = await packSample(store, { files: [treeFile('infra/aks/main.tf', 'evil {}\n')] });
  const layers = honest.manifest.layers.with(3, other.manifest.layers[3]!);
  const config = await store.write(
    canonicalBytes({ ...honest.config, layers: honest.config.layers.with(3, other.config.layers[3]!) }),
  );
  const manifest = {
    ...honest.manifest,
    config: { ...honest.manifest.config, digest: config.digest, size: config.sizeBytes },
    layers,
  };
  const program = await store.write(canonicalBytes(manifest));
  const { bytes } = await write({ program: program.digest, referrers: [] }, store);
  await assert.rejects(readBundle([bytes], openMemoryContentStore(), rules), /SAME1302.*infrastructure/);
});

test('refused: bytes after the member, a second member, a bomb, a file of something else', async () => {
  const { bytes } = await write(sample.contents, sample.store);
  const read = (file: Buffer) => readBundle([file], openMemoryContentStore(), rules);
  const zstd = zstdCompressSync(rawTar);
  for (const more of [
    Buffer.from([0]),
    Buffer.alloc(8),
    gzipSync(''),
    gzipSync('x'),
    Buffer.alloc(100_000),
  ]) {
    await assert.rejects(read(Buffer.concat([bytes, more])), { code: 'SAME1302' });
    await assert.rejects(read(Buffer.concat([zstd, more])), { code: 'SAME1302' });
    await assert.rejects(read(Buffer.concat([rawTar, more])), { code: 'SAME1302' });
  }
  await assert.rejects(read(Buffer.concat([zstd, zstdCompressSync('')])), { code: 'SAME1302' });
  const zeros = { path: 'index.json', bytes: Buffer.alloc(64 * 2 ** 20) };
  const bomb = zstdCompressSync(await tarOf([filesOf(rawTar)[0]!, zeros]));
  const limits = { jsonBytes: 2 ** 30 };
  await assert.rejects(readBundle([bomb], openMemoryContentStore(), { ...rules, limits }), {
    code: 'SAME1304',
    message: /times its size/,
  });
  for (const file of ['', 'x', '<!doctype html>', 'PK\x03\x04']) {
    await assert.rejects(read(Buffer.from(file.padEnd(file ? 2000 : 0))), { code: 'SAME1306' });
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
  assert.equal(createHash('sha256').update(bytes).digest('hex').length, 64);
});
