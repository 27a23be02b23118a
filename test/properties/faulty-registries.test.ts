import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Descriptor, EMPTY_CONFIG, MEDIA } from '../../src/bundle/oci.ts';
import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import { digestOf } from '../components/fault-content.ts';
import { type Bench, bytesOf, descriptorOf, NAME, openBench, opener } from '../registry/fault-bench.ts';
import { holds, outcomeOf } from './campaign.ts';
import { fault, features, passingFault } from './faults.ts';

/** More than any bounded trying again needs for what is pushed and pulled here. */
const MOST_REQUESTS = 600;

const blobs = [0, 1, 700, 2_501, 6_007].map((length) => bytesOf(length, `blob of ${length}`));
const config = Buffer.from('{}');
const program = documentOf(
  MEDIA.program,
  blobs.map((bytes) => descriptorOf(bytes)),
);
const runs = ['first', 'second', 'third'].map((word) =>
  documentOf(MEDIA.run, [descriptorOf(bytesOf(99, word))], descriptorOf(program, MEDIA.ociManifest)),
);
const listed = runs.map((bytes) => ({ ...descriptorOf(bytes, MEDIA.ociManifest), artifactType: MEDIA.run }));
const all = [config, ...blobs, ...['first', 'second', 'third'].map((word) => bytesOf(99, word))];

function documentOf(artifactType: string, layers: Descriptor[], subject?: Descriptor): Buffer {
  const mediaType = MEDIA.ociManifest;
  return Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType, artifactType, config: EMPTY_CONFIG, layers, subject }),
  );
}

/** Leaves first, manifests next, the list of referrers, the tag last: as push does. */
async function push({ repository }: Bench): Promise<void> {
  const { ociManifest: mediaType } = MEDIA;
  for (const bytes of all) await repository.putBlob(descriptorOf(bytes), opener(bytes).open);
  for (const bytes of [program, ...runs]) await repository.putManifest(bytes, { mediaType });
  await repository.listReferrers(digestOf(program), listed);
  await repository.putManifest(program, { mediaType, tag: '1.0' });
}

/** A program by its digest, and all that belongs to it, checked into a store: of what a tag leads to, a registry is believed. */
async function pull({ repository }: Bench) {
  const store = openMemoryContentStore();
  await repository.resolve('1.0');
  const found = await repository.manifest(digestOf(program));
  if (!found) return undefined;
  for (const bytes of all) {
    const { digest, size } = descriptorOf(bytes);
    await store.ingest(repository.stream({ mediaType: '', digest, size }), { digest, sizeBytes: size });
  }
  const referrers = await repository.referrers(found.digest);
  return { store, digest: found.digest, referrers: referrers.map(({ digest }) => digest).sort() };
}

/** All that was pushed is there, byte for byte. */
function assertComplete({ server }: Bench): void {
  const stored = server.content.repository(NAME);
  for (const bytes of all) assert.ok(stored.blobs.get(digestOf(bytes))?.equals(bytes), 'a blob lacks');
  for (const bytes of [program, ...runs])
    assert.ok(stored.manifests.get(digestOf(bytes))?.bytes.equals(bytes));
  assert.equal(stored.tags.get('1.0'), digestOf(program));
}

/** No tag leads to what is not there, and nothing is there that nobody pushed. */
function assertSound({ server }: Bench): void {
  const stored = server.content.repository(NAME);
  const pushed = new Set(all.map(digestOf));
  for (const [digest, bytes] of stored.blobs) {
    assert.equal(digestOf(bytes), digest);
    assert.ok(pushed.has(digest), `${digest} is there, and was not pushed`);
  }
  if (stored.tags.has('1.0')) assertComplete({ server } as Bench);
  assert.ok(server.log.length < MOST_REQUESTS, `${server.log.length} requests`);
}

test('whatever a registry does wrong, a push is complete or an error, and complete when it is repeated', () =>
  holds(20, [features, fc.array(fault, { maxLength: 6 })], async (can, faults) => {
    await using bench = await openBench({ features: can });
    bench.server.script(...faults.map((one) => ({ ...one })));
    const { refused } = await outcomeOf(() => push(bench));
    if (refused) {
      for (const { message, hint } of refused.findings) {
        assert.ok(message.includes(bench.server.host), `no host: ${message}`);
        assert.ok(hint, `no next step: ${message}`);
      }
    } else assertComplete(bench);
    assertSound(bench);
    bench.server.faults.length = 0;
    await push(bench);
    assertComplete(bench);
    const pulled = await pull(bench);
    assert.equal(pulled?.digest, digestOf(program));
    assert.deepEqual(pulled?.referrers, listed.map(({ digest }) => digest).sort());
  }));

test('whatever a registry does wrong, a pull is complete or an error, and nothing wrong is stored', () =>
  holds(20, [features, fc.array(fault, { minLength: 1, maxLength: 6 })], async (can, faults) => {
    await using bench = await openBench({ features: can });
    await push(bench);
    bench.server.log.length = 0;
    // A registry that says there is nothing is believed.
    const lies = faults.filter((one) => one.instead?.(bench.server.log[0]!).status !== 404);
    bench.server.script(...lies.map((one) => ({ ...one })));
    const { value, refused } = await outcomeOf(() => pull(bench));
    if (refused) {
      for (const { message, hint } of refused.findings) {
        assert.ok(message.includes(bench.server.host), `no host: ${message}`);
        assert.ok(hint, `no next step: ${message}`);
      }
    } else {
      assert.equal(value?.digest, digestOf(program));
      for (const bytes of all) assert.ok((await value!.store.read(digestOf(bytes))).equals(bytes));
    }
    assert.ok(bench.server.log.length < MOST_REQUESTS, `${bench.server.log.length} requests`);
  }));

test('what passes stops neither a push nor a pull', () =>
  holds(20, [features, fc.array(passingFault, { maxLength: 4 })], async (can, faults) => {
    await using bench = await openBench({ features: can });
    const again = () => faults.map((one) => ({ ...one }));
    bench.server.script(...again());
    await push(bench);
    assertComplete(bench);
    bench.server.faults.splice(0, Infinity, ...again());
    const pulled = await pull(bench);
    assert.deepEqual(pulled?.referrers, listed.map(({ digest }) => digest).sort());
    for (const bytes of all) assert.ok((await pulled!.store.read(digestOf(bytes))).equals(bytes));
  }));
