import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LIMITS, MEDIA } from '../../src/bundle/oci.ts';
import type { TrustedContentStore } from '../../src/content/content-store.ts';
import { refuseOtherTag } from '../../src/operations/registry-tags.ts';
import { RemoteObjects, type RemoteProgram } from '../../src/operations/remote-objects.ts';
import type { Repository } from '../../src/registry/registry.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;

/** A repository that has some tags, and one manifest under every name. */
function repositoryWith(tags: string[], manifest?: object) {
  const opened: number[] = [];
  const repository = {
    label: 'oci://ghcr.io/org/study',
    tags: async () => tags,
    resolve: async () => undefined,
    referrers: async () => tags.map(() => ({ digest: digest('a') })),
    manifest: async () =>
      manifest && { bytes: Buffer.from(JSON.stringify(manifest)), mediaType: MEDIA.ociManifest },
    stream({ size }: { size: number }) {
      opened.push(size);
      return [Buffer.alloc(0)];
    },
  } as unknown as Repository;
  const store = { write: async () => ({ sizeBytes: 1 }) } as unknown as TrustedContentStore;
  return { repository, objects: new RemoteObjects(repository, store, LIMITS), opened };
}

/** In canonical form, as it is written. */
const program = (configBytes: number) => ({
  annotations: { 'org.opencontainers.image.version': '0.9' },
  artifactType: MEDIA.program,
  config: { digest: digest('c'), mediaType: MEDIA.programConfig, size: configBytes },
  layers: [
    { digest: digest('d'), mediaType: 'application/vnd.same.manifest.v1+yaml', size: 1 },
    { digest: digest('e'), mediaType: 'application/vnd.same.code.v1.tar', size: 1 },
  ],
  mediaType: MEDIA.ociManifest,
  schemaVersion: 2,
});

describe('what is said of a registry', () => {
  it('names the highest versions where there are many', async () => {
    const { objects } = repositoryWith(Array.from({ length: 5000 }, (_, index) => `1.${index}`));
    await assert.rejects(objects.root({ name: 'study', version: '2.0' }), {
      code: 'SAME1803',
      message: /; versions: 1\.4990, .*, 1\.4999, and 4990 lower ones$/,
    });
  });

  it('has no more of the type of an object than a type may have', async () => {
    const { objects } = repositoryWith(['1.0'], { artifactType: `x/${'y'.repeat(10_000)}` });
    assert.deepEqual(await objects.referrersOf(digest('b')), []);
    assert.deepEqual(
      objects.left.map(({ artifactType }) => artifactType.length),
      [256],
    );
    await assert.rejects(objects.root({ name: 'study', version: '1.0' }), (error: Error) => {
      assert.ok(error.message.length < 400);
      return true;
    });
  });
});

describe('a registry that has more than a reader takes', () => {
  it('of documents together is refused', async () => {
    const tags = Array.from({ length: 65 }, (_, index) => `1.${index}`);
    const { objects } = repositoryWith(tags, { artifactType: 'x/y', more: ' '.repeat(LIMITS.jsonBytes) });
    await assert.rejects(objects.referrersOf(digest('b')), {
      code: 'SAME1304',
      message: /the documents of what belongs to it have more than 268435456 bytes/,
    });
  });

  it('in the config of the program that is there is not asked for it before a push', async () => {
    for (const [sizeBytes, asked] of [
      [100, [100]],
      [50e9, []],
    ] as const) {
      const { repository, opened } = repositoryWith(['0.9'], program(sizeBytes));
      const wanted = { name: 'study', version: '1.0', digest: digest('b') };
      assert.equal(await refuseOtherTag(repository, wanted, { force: false }), undefined);
      assert.deepEqual(opened, asked);
    }
  });
});

describe('an ancestor', () => {
  it('is asked for by a digest, whatever a config says', async () => {
    const asked: string[] = [];
    const repository = {
      label: 'oci://ghcr.io/org/study',
      manifest: async (text: string) => void asked.push(text),
    } as unknown as Repository;
    const objects = new RemoteObjects(repository, {} as TrustedContentStore, LIMITS);
    const derived: unknown[] = [
      undefined,
      null,
      'x',
      {},
      { digest: '1.0' },
      { digest: '../../x/manifests/1' },
    ];
    for (const derivedFrom of [...derived, { digest: digest('a') }]) {
      const program = { program: { metadata: { derivedFrom } }, self: { digest: digest('b') } };
      assert.equal(await objects.ancestorOf(program as unknown as RemoteProgram), undefined);
    }
    assert.deepEqual(asked, [digest('a')]);
  });
});
