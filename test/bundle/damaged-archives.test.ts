import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { readBundle } from '../../src/bundle/archive.ts';
import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import { rawTar, rules, sample, write } from './sample-bundle.ts';

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
