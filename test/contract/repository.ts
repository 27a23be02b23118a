import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { type Descriptor, EMPTY_CONFIG, MEDIA } from '../../src/bundle/oci.ts';
import type { Repository } from '../../src/registry/registry.ts';

/** What differs between servers that all are right. */
export interface RepositoryKind {
  /** How referrers are found there. */
  referrers: 'api' | 'tag';
  /** Whether the server mounts a blob of another repository when it is asked to. */
  mounts: boolean;
}

const absent = `sha256:${'0'.repeat(64)}`;
/** Longer than one piece, where the suite is run with pieces of a MiB. */
const long = Buffer.alloc(3 * 2 ** 20 + 77, 'a line of a long blob\n');

/**
 * What every repository does, whatever server is behind it.
 * @param open gives a repository of that name, with pieces of at most 1 MiB; each test uses names of its own
 */
export function repositoryContract(
  name: string,
  open: (repository: string) => Promise<Repository>,
  { referrers: way, mounts }: RepositoryKind,
): void {
  const opened = async (): Promise<Repository> => open(`contract/${randomUUID()}`);

  test(`${name}: a repository that nothing was put into has nothing`, async () => {
    const repository = await opened();
    const blob = { mediaType: 'application/octet-stream', digest: absent, size: 5 };
    assert.equal(await repository.resolve('1.0'), undefined);
    assert.equal(await repository.resolve(absent), undefined);
    assert.equal(await repository.manifest('1.0'), undefined);
    assert.equal(await repository.manifest(absent), undefined);
    assert.equal(await repository.hasBlob(blob), false);
    assert.deepEqual(await repository.referrers(absent), []);
    await assert.rejects(bytesOf(repository, blob), { code: 'SAME1305' });
    await assert.rejects(repository.tags(), { code: 'SAME1803' });
    repository.close();
  });

  test(`${name}: a blob comes back as it was put, whole and from any offset, and is sent once`, async () => {
    const repository = await opened();
    for (const bytes of [Buffer.alloc(0), Buffer.from('x'), Buffer.from('hello'), long]) {
      const blob = descriptorOf(bytes);
      assert.equal(await repository.hasBlob(blob), false);
      assert.equal(await repository.putBlob(blob, from(bytes)), 'uploaded');
      assert.equal(await repository.hasBlob(blob), true);
      const again = await repository.putBlob(blob, () => assert.fail('what is there was opened again'));
      assert.equal(again, 'there');
      assert.ok((await bytesOf(repository, blob)).equals(bytes));
      for (const at of [1, bytes.length - 1].filter((offset) => offset > 0 && offset < bytes.length)) {
        assert.ok((await bytesOf(repository, blob, at)).equals(bytes.subarray(at)));
      }
    }
    repository.close();
  });

  test(`${name}: bytes that are not those of the digest are not stored`, async () => {
    const repository = await opened();
    for (const bytes of [Buffer.from('hello'), long]) {
      const blob = descriptorOf(bytes);
      const other = Buffer.from(bytes);
      other[bytes.length - 1]! ^= 1;
      await assert.rejects(repository.putBlob(blob, from(other)), (error: { code: string }) =>
        /^SAME1\d\d\d$/.test(error.code),
      );
      assert.equal(await repository.hasBlob(blob), false);
    }
    repository.close();
  });

  test(`${name}: several blobs are put at once`, async () => {
    const repository = await opened();
    const all = Array.from({ length: 8 }, (_, index) =>
      Buffer.from(`blob ${index}`.repeat(1000 * index + 1)),
    );
    await Promise.all(all.map((bytes) => repository.putBlob(descriptorOf(bytes), from(bytes))));
    for (const bytes of all) assert.ok((await bytesOf(repository, descriptorOf(bytes))).equals(bytes));
    repository.close();
  });

  test(`${name}: a blob of another repository is there after it was to be mounted`, async () => {
    const [first, second] = [await opened(), await opened()];
    const bytes = Buffer.from('shared by two programs');
    await first.putBlob(descriptorOf(bytes), from(bytes));
    const mountFrom = first.address.repository;
    const placed = await second.putBlob(descriptorOf(bytes), from(bytes), { mountFrom });
    assert.equal(placed, mounts ? 'mounted' : 'uploaded');
    assert.ok((await bytesOf(second, descriptorOf(bytes))).equals(bytes));
    const unknown = descriptorOf(Buffer.from('in no repository'));
    assert.equal(
      await second.putBlob(unknown, from(Buffer.from('in no repository')), { mountFrom }),
      'uploaded',
    );
    first.close();
    second.close();
  });

  test(`${name}: a manifest is found by its digest and by its tag, byte for byte`, async () => {
    const repository = await opened();
    const one = await programIn(repository, 'one');
    const descriptor = { mediaType: MEDIA.ociManifest, digest: one.digest, size: one.bytes.length };
    await repository.putManifest(one.bytes, { mediaType: MEDIA.ociManifest });
    assert.deepEqual(await repository.resolve(one.digest), descriptor);
    assert.equal(await repository.resolve('1.0'), undefined);
    await repository.putManifest(one.bytes, { mediaType: MEDIA.ociManifest, tag: '1.0' });
    for (const reference of [one.digest, '1.0']) {
      assert.deepEqual(await repository.resolve(reference), descriptor);
      assert.deepEqual(await repository.manifest(reference), {
        bytes: one.bytes,
        digest: one.digest,
        mediaType: MEDIA.ociManifest,
      });
    }
    const two = await programIn(repository, 'two');
    await repository.putManifest(two.bytes, { mediaType: MEDIA.ociManifest, tag: '1.0' });
    assert.equal((await repository.resolve('1.0'))?.digest, two.digest);
    assert.equal((await repository.resolve(one.digest))?.digest, one.digest);
    await assert.rejects(repository.manifest('1.0', 100), { code: 'SAME1304' });
    repository.close();
  });

  test(`${name}: all tags are listed`, async () => {
    const repository = await opened();
    const { bytes } = await programIn(repository, 'tagged');
    const tags = Array.from({ length: 12 }, (_, index) => `1.${index}`);
    for (const tag of tags) await repository.putManifest(bytes, { mediaType: MEDIA.ociManifest, tag });
    assert.deepEqual((await repository.tags()).sort(), tags.sort());
    repository.close();
  });

  test(`${name}: what refers to a manifest is listed, each once, with what it is`, async () => {
    const repository = await opened();
    const { bytes, digest } = await programIn(repository, 'subject');
    await repository.putManifest(bytes, { mediaType: MEDIA.ociManifest, tag: '1.0' });
    const subject = { mediaType: MEDIA.ociManifest, digest, size: bytes.length };
    const all: Descriptor[] = [];
    for (const word of ['first', 'second', 'third']) {
      const run = await referrerIn(repository, subject, word);
      all.push(run);
      assert.equal(await repository.listReferrers(digest, all), way);
    }
    assert.equal(await repository.listReferrers(digest, all), way);
    const listed = await repository.referrers(digest);
    const seen = listed.map(({ digest, size, mediaType, artifactType }) => ({
      ...{ digest, size, mediaType, artifactType },
    }));
    assert.deepEqual(byDigest(seen), byDigest(all.map(({ annotations: _, ...rest }) => rest)));
    for (const { annotations } of listed) assert.equal(annotations?.['vnd.same.test'], 'kept');
    assert.deepEqual(await repository.referrers(all[0]!.digest), []);
    repository.close();
  });
}

function descriptorOf(bytes: Buffer, mediaType = 'application/octet-stream'): Descriptor {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { mediaType, digest, size: bytes.length };
}

function from(bytes: Buffer): (startBytes: number) => AsyncIterable<Uint8Array> {
  return async function* (startBytes) {
    for (let at = startBytes; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
  };
}

async function bytesOf(repository: Repository, blob: Descriptor, startBytes?: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of repository.stream(blob, startBytes)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function byDigest<T extends { digest: string }>(all: T[]): T[] {
  return all.toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
}

/** Puts a small program's blobs there. */
async function programIn(repository: Repository, word: string): Promise<{ bytes: Buffer; digest: string }> {
  const [config, layer] = [Buffer.from('{}'), Buffer.from(`layer of ${word}`)];
  await repository.putBlob(EMPTY_CONFIG, from(config));
  await repository.putBlob(descriptorOf(layer), from(layer));
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      artifactType: MEDIA.program,
      config: EMPTY_CONFIG,
      layers: [descriptorOf(layer)],
    }),
  );
  return { bytes, digest: descriptorOf(bytes).digest };
}

/** Puts a manifest there that refers to another one. */
async function referrerIn(repository: Repository, subject: Descriptor, word: string): Promise<Descriptor> {
  const record = Buffer.from(JSON.stringify({ word }));
  await repository.putBlob(EMPTY_CONFIG, from(Buffer.from('{}')));
  await repository.putBlob(descriptorOf(record), from(record));
  const annotations = { 'vnd.same.test': 'kept' };
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      artifactType: MEDIA.run,
      config: EMPTY_CONFIG,
      layers: [descriptorOf(record, MEDIA.runRecord)],
      subject,
      annotations,
    }),
  );
  await repository.putManifest(bytes, { mediaType: MEDIA.ociManifest });
  return { ...descriptorOf(bytes, MEDIA.ociManifest), artifactType: MEDIA.run, annotations };
}
