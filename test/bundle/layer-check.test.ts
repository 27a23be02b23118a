import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { askedLayers, ComingLayers } from '../../src/bundle/coming-layers.ts';
import { LayerCheck } from '../../src/bundle/layer-check.ts';
import { LIMITS } from '../../src/bundle/oci.ts';
import { layerOf } from '../../src/bundle/program-config.ts';
import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import { packSample } from './sample-program.ts';

async function sample() {
  const store = openMemoryContentStore();
  const { manifest, program, codeDigest } = await packSample(store);
  return { manifest, program, code: await store.read(codeDigest) };
}

/** Feeds bytes in pieces that all lie in the same memory, one after another. */
function feedFromOneBuffer(bytes: Buffer, pieceBytes: number, feed: (piece: Buffer) => void): void {
  const buffer = Buffer.alloc(pieceBytes);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    feed(buffer.subarray(0, bytes.copy(buffer, 0, at)));
    buffer.fill(0xff);
  }
}

describe('the check of a layer', () => {
  it('keeps nothing of a piece that it was shown, however long pieces are', async () => {
    const { code, manifest, program } = await sample();
    const [asked] = askedLayers(manifest, program);
    for (const pieceBytes of [7, 511, 512, 700, 4096, 100_000, code.length]) {
      const check = new LayerCheck('layer', { limits: LIMITS, select: asked.select! });
      feedFromOneBuffer(code, pieceBytes, (piece) => check.feed(piece));
      assert.deepEqual(check.finish(), [], `pieces of ${pieceBytes}`);
      assert.equal(check.documents().get('README.md')?.toString(), '# Speech\n');
      assert.equal(check.selected(), layerOf(manifest, 'infrastructure')!.digest);
    }
  });

  it('is told of once: what is wrong is not found twice', async () => {
    const { code } = await sample();
    const check = new LayerCheck('layer', { limits: LIMITS });
    check.feed(code.subarray(0, -512));
    assert.equal(check.isFinished, false);
    assert.equal(check.finish().length, 1);
    assert.equal(check.isFinished, true);
    check.feed(code);
    assert.equal(check.finish().length, 1);
  });
});

describe('a layer that comes', () => {
  it('is known once it came, from its first byte, as what it was asked about', async () => {
    const { code, manifest, program } = await sample();
    const layers = askedLayers(manifest, program);
    const [asked, infrastructure] = layers;
    const coming = new ComingLayers([asked, infrastructure!], LIMITS);
    assert.equal(coming.watch(manifest.config.digest), undefined);
    const watch = coming.watch(asked.blob.digest)!;
    watch.begin();
    watch.feed(Buffer.from('what was left of something else'));
    watch.begin();
    feedFromOneBuffer(code, 1000, watch.feed);
    assert.equal(coming.checked(asked), undefined);
    watch.end();
    assert.deepEqual(coming.checked(asked)!.finish(), []);
    assert.equal(coming.checked(infrastructure!), undefined);
    // Of the same bytes, something else.
    const [other] = askedLayers(manifest, { ...program, infrastructure: { targets: [] } });
    assert.equal(other.blob.digest, asked.blob.digest);
    assert.equal(coming.checked(other), undefined);
  });
});
