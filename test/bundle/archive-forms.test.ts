import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type BundleContents, writeBundle, writeBundleDirectory } from '../../src/bundle/archive.ts';
import { sha256 } from '../../src/bundle/canonical-json.ts';
import { listTar } from '../../src/bundle/canonical-tar.ts';
import { originArtifact } from '../../src/bundle/origin-artifact.ts';
import type { ContentStore } from '../../src/content/content-store.ts';
import { openDiskContentStore } from '../../src/content/disk-content-store.ts';
import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import { openUserFiles } from '../../src/host/user-files.ts';
import { packSample, treeFile } from './sample-program.ts';

const root = mkdtempSync(join(tmpdir(), 'same-forms-'));
after(() => rmSync(root, { recursive: true, force: true }));

const store = openMemoryContentStore();
const program = await packSample(store);
const contents: BundleContents = { program: program.digest, referrers: [] };

async function archiveOf(what: BundleContents, from: ContentStore = store) {
  const chunks: Uint8Array[] = [];
  const written = writeBundle(what, from, { gzip: false });
  for (;;) {
    const { value, done } = await written.next();
    if (done) return { digests: value, bytes: Buffer.concat(chunks) };
    chunks.push(value);
  }
}

function indexIn(bytes: Buffer) {
  const { offset, sizeBytes } = listTar(bytes, { sorted: false }).find(({ path }) => path === 'index.json')!;
  return JSON.parse(bytes.toString('utf8', offset, offset + sizeBytes));
}

describe('the forms of a bundle', () => {
  it('a directory holds exactly the files of the archive, and has its digests but that of a file', async () => {
    const directory = join(root, 'study.oci');
    const files = openUserFiles(root);
    const digests = await writeBundleDirectory(contents, store, (file) => files.place(directory, file));
    const archive = await archiveOf(contents);
    const { file, ...rest } = archive.digests;
    assert.equal(file, rest.archive);
    assert.deepEqual(digests, rest);
    assert.equal(sha256(archive.bytes), digests.archive);
    const entries = listTar(archive.bytes, { sorted: false });
    const found = readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
    assert.deepEqual(found.sort(), entries.map(({ path }) => path).sort());
    for (const { path, offset, sizeBytes } of entries) {
      assert.ok(
        readFileSync(join(directory, path)).equals(archive.bytes.subarray(offset, offset + sizeBytes)),
      );
    }
  });

  it('a file digest that nobody wants is not told; the archive of itself is one', async () => {
    const told = async (options: Parameters<typeof writeBundle>[2]) => {
      let file: string | undefined;
      const onDigests = (digests: { file?: string }) => {
        file = digests.file;
      };
      for await (const _ of writeBundle(contents, store, { ...options, onDigests }));
      return file;
    };
    assert.match((await told({ gzip: true }))!, /^sha256:/);
    assert.equal(await told({ gzip: true, fileDigestUpTo: 1000 }), undefined);
    assert.match((await told({ gzip: false, fileDigestUpTo: 1000 }))!, /^sha256:/);
  });
});

describe('SOURCE_DATE_EPOCH', () => {
  it('is said in the first entry of the index and nowhere else', async () => {
    const origin = await originArtifact({ kind: 'git', repository: 'https://example.org/r' }, program, store);
    const what = { ...contents, referrers: [origin.digest] };
    const plain = await archiveOf(what);
    const dated = await archiveOf({ ...what, sourceDateEpoch: 253_402_300_799 });
    assert.deepEqual(indexIn(dated.bytes).manifests[0].annotations, {
      'org.opencontainers.image.created': '9999-12-31T23:59:59Z',
      'org.opencontainers.image.ref.name': '1.0',
    });
    assert.equal(dated.digests.program, plain.digests.program);
    assert.notEqual(dated.digests.index, plain.digests.index);
    const blobs = ({ bytes }: { bytes: Buffer }) =>
      listTar(bytes, { sorted: false })
        .map(({ path }) => path)
        .filter((path) => path.startsWith('blobs/'));
    assert.deepEqual(blobs(dated), blobs(plain));
    const first = indexIn((await archiveOf({ ...what, sourceDateEpoch: 0 })).bytes).manifests[0];
    assert.equal(first.annotations['org.opencontainers.image.created'], '1970-01-01T00:00:00Z');
  });
});

describe('what a reader would refuse', () => {
  it('is not written, unless its limits are raised', async () => {
    const codes = async (limits: BundleContents['limits']) =>
      archiveOf({ ...contents, ...(limits ? { limits } : {}) });
    for (const limits of [{ entries: 9 }, { unpackedBytes: 100_000 }, { jsonBytes: 300 }]) {
      await assert.rejects(codes(limits), { code: 'SAME1304' }, JSON.stringify(limits));
    }
    await assert.doesNotReject(codes({ entries: 20 }));
  });

  it('is found in the layers too: a program packed with raised limits', async () => {
    const files = Array.from({ length: 40 }, (_, at) => treeFile(`f${at}`, ''));
    const many = await packSample(store, { files, lock: null });
    const what = { program: many.digest, referrers: [] };
    await assert.rejects(archiveOf({ ...what, limits: { entries: 39 } }), {
      code: 'SAME1304',
      message: /entries/,
    });
    await assert.doesNotReject(archiveOf({ ...what, limits: { entries: 40 } }));
  });

  it('a damaged code layer is called damaged, whatever its bytes look like', async () => {
    const disk = openDiskContentStore(join(root, 'damaged'));
    const { digest, codeDigest } = await packSample(disk);
    const path = disk.pathOf(codeDigest);
    const bytes = readFileSync(path);
    chmodSync(path, 0o644);
    for (const at of [0, 600, bytes.length - 1]) {
      const broken = Buffer.from(bytes);
      broken[at]! ^= 1;
      writeFileSync(path, broken);
      await assert.rejects(
        archiveOf({ program: digest, referrers: [] }, disk),
        { code: 'SAME1301' },
        `byte ${at}`,
      );
    }
  });
});
