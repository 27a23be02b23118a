import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Descriptor, MEDIA, type OciManifest } from '../../src/bundle/oci.ts';
import { storeDocument, storeManifest } from '../../src/bundle/oci-manifest.ts';
import { layerOf, programConfig } from '../../src/bundle/program-config.ts';
import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import { SameError } from '../../src/errors/same-error.ts';
import type { Ports } from '../../src/operations/ports.ts';
import { pullProgram } from '../../src/operations/pull-program.ts';
import type { JsonObject } from '../../src/program/json.ts';
import { packSample, sampleFiles, sampleManifest, treeFile } from '../bundle/sample-program.ts';
import { abandonedNames } from '../components/abandoned-names.ts';
import { digestOf } from '../components/fault-content.ts';
import { type FaultRegistry, startFaultRegistry } from '../components/fault-registry.ts';
import { openHome } from '../properties/homes.ts';

const root = mkdtempSync(join(tmpdir(), 'same-layers-'));
const [dead] = abandonedNames(1);
let registry: FaultRegistry;
before(async () => {
  registry = await startFaultRegistry();
});
after(async () => {
  await registry.dispose();
  rmSync(root, { recursive: true, force: true });
});

/** What of a program is other than it should be. */
interface Changes {
  code?: (bytes: Buffer) => Buffer;
  infrastructure?: (bytes: Buffer) => Buffer;
  /** Of what its config and its `same.yaml` say. */
  manifest?: JsonObject;
}

interface Published {
  reference: string;
  code: { digest: string; bytes: Buffer };
}

let places = 0;

/** Puts a program into the registry, whose documents agree with its layers whatever those hold. */
async function publish(longBytes: number, changes: Changes): Promise<Published> {
  const place = `p${++places}`;
  const store = openMemoryContentStore();
  const files = [...sampleFiles, treeFile('long.bin', Buffer.alloc(longBytes, 'bytes of a layer'))];
  const sample = await packSample(store, { files, lock: null });
  const value = changes.manifest ?? sampleManifest();
  const { layers, annotations } = sample.manifest;
  const put = async (layer: Descriptor, change: (bytes: Buffer) => Buffer = (bytes) => bytes) => {
    const { digest, sizeBytes } = await store.write(change(await store.read(layer.digest, 1e9)));
    return { ...layer, digest, size: sizeBytes };
  };
  const changed: Descriptor[] = [];
  for (const layer of layers) {
    if (layer.mediaType === MEDIA.code) changed.push(await put(layer, changes.code));
    else if (layer.mediaType === MEDIA.infrastructure) changed.push(await put(layer, changes.infrastructure));
    else changed.push(await put(layer, () => Buffer.from(JSON.stringify(value, null, 2))));
  }
  const config = await storeDocument(programConfig(value, changed), MEDIA.programConfig, store);
  const manifest: OciManifest = {
    ...sample.manifest,
    config,
    layers: changed,
    ...(annotations && { annotations }),
  };
  const { digest } = await storeManifest(manifest, store);
  const repository = `${place}/lab/speech`;
  for (const blob of [config, ...changed])
    registry.content.blob(repository, await store.read(blob.digest, 1e9));
  registry.content.manifest(repository, await store.read(digest), { tag: '1.0' });
  const code = layerOf(manifest, 'code')!.digest;
  return {
    reference: `oci://${registry.host}/${place}/Lab/speech:1.0`,
    code: { digest: code, bytes: await store.read(code, 1e9) },
  };
}

/** A home, and how often a layer that is in it, or came, was read to be checked. */
function openReader(code: string): { ports: Ports; home: string; reread: () => number } {
  const home = mkdtempSync(join(root, 'home-'));
  const ports = openHome(home);
  let reread = 0;
  return {
    home,
    reread: () => reread,
    ports: {
      ...ports,
      stageContent(directory) {
        const staged = ports.stageContent(directory);
        return {
          ...staged,
          async reread(digest) {
            const chunks = await staged.reread(digest);
            return (async function* () {
              if (digest === code) reread++;
              yield* chunks;
            })();
          },
        };
      },
    },
  };
}

type Way = 'comes' | 'is here' | 'is resumed' | 'is resumed after other bytes';

/** What a pull says, where the code layer comes in one of the ways; it is looked at once in each. */
async function findingsOf({ reference, code }: Published, way: Way) {
  const { ports, home, reread } = openReader(code.digest);
  if (way === 'is here') await ports.content.ingest([code.bytes]);
  if (way.startsWith('is resumed')) {
    const left = Buffer.from(code.bytes.subarray(0, 2_000_001));
    if (way !== 'is resumed') left[1_000_000]! ^= 1;
    const downloads = join(home, 'cache/downloads');
    mkdirSync(downloads, { recursive: true });
    writeFileSync(join(downloads, `${code.digest.slice('sha256:'.length)}.${dead}`), left);
  }
  const stored = ports.content.digests();
  const asked = registry.asked('GET', new RegExp(code.digest)).length;
  let findings: SameError['findings'] = [];
  try {
    await pullProgram(ports, { reference, access: { plainHttp: true } });
  } catch (error) {
    if (!(error instanceof SameError)) throw error;
    findings = error.findings;
    assert.deepEqual(ports.content.digests(), stored);
    assert.deepEqual(ports.pins.list(), []);
  }
  const times = { comes: 1, 'is here': 0, 'is resumed': 1, 'is resumed after other bytes': 2 };
  assert.equal(registry.asked('GET', new RegExp(code.digest)).length - asked, times[way], way);
  assert.equal(reread(), way === 'is here' ? 1 : 0, `${way}: it is read again`);
  return findings;
}

const faults: Record<string, { changes: Changes; clause: string; message: RegExp }> = {
  'is cut short': {
    changes: { code: (bytes) => bytes.subarray(0, -512) },
    clause: 'SAME-BND-008',
    message: /is cut short/,
  },
  'has bytes after its end': {
    changes: { code: (bytes) => Buffer.concat([bytes, Buffer.alloc(512)]) },
    clause: 'SAME-BND-008',
    message: /bytes after its end/,
  },
  'has a header that is none': {
    changes: { code: (bytes) => Buffer.concat([Buffer.alloc(512, 'x'), bytes.subarray(512)]) },
    clause: 'SAME-BND-005',
    message: /checksum/,
  },
  'is not what its infrastructure layer was made from': {
    changes: {
      infrastructure: (bytes) => Buffer.from(bytes.toString('latin1').replace('resource', 'RESOURCE')),
    },
    clause: 'SAME-BND-015',
    message: /infrastructure layer .* differs/,
  },
};

describe('a pulled layer that has its digest', () => {
  for (const [size, longBytes] of Object.entries({ short: 1000, long: 5 * 2 ** 20 + 7 })) {
    const ways: Way[] = ['comes', 'is here'];
    if (size === 'long') ways.push('is resumed', 'is resumed after other bytes');

    it(`and is whole is taken, ${size}, and read once, however it comes`, async () => {
      const published = await publish(longBytes, {});
      for (const way of ways) assert.deepEqual(await findingsOf(published, way), [], way);
    });

    for (const [fault, { changes, clause, message }] of Object.entries(faults)) {
      it(`and ${fault} is refused, ${size}, with the same words however it comes`, async () => {
        const published = await publish(longBytes, changes);
        const expected = await findingsOf(published, 'is here');
        assert.equal(expected.length, 1);
        assert.equal(expected[0]!.code, 'SAME1302');
        assert.equal(expected[0]!.clause, clause);
        assert.match(expected[0]!.message, message);
        for (const way of ways) assert.deepEqual(await findingsOf(published, way), expected, way);
      });
    }
  }

  it('and breaks the rules is SAME1301 where other bytes come, which break them too', async () => {
    const published = await publish(5 * 2 ** 20, faults['is cut short']!.changes);
    const { digest, bytes } = published.code;
    const other = Buffer.from(bytes);
    other[0]! ^= 1;
    const { blobs } = registry.content.repository(`p${places}/lab/speech`);
    assert.equal(digestOf(blobs.get(digest)!), digest);
    blobs.set(digest, other);
    const { ports, home } = openReader(digest);
    await assert.rejects(
      pullProgram(ports, { reference: published.reference, access: { plainHttp: true } }),
      {
        code: 'SAME1301',
      },
    );
    assert.deepEqual(ports.content.digests(), []);
    assert.deepEqual(readdirSync(join(home, 'cache/downloads')), []);
  });

  it('is not asked for files of targets that are none: the program is refused for them', async () => {
    for (const infrastructure of [null, 5, { targets: 5 }, { targets: [null] }, { targets: [{ path: 5 }] }]) {
      const { reference, code } = await publish(1000, { manifest: { ...sampleManifest(), infrastructure } });
      const { ports } = openReader(code.digest);
      await assert.rejects(pullProgram(ports, { reference, access: { plainHttp: true } }), (error) => {
        assert.ok(error instanceof SameError, String(error));
        assert.match(JSON.stringify(error.findings), /infrastructure/);
        return true;
      });
    }
  });
});
