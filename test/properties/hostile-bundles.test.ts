import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { readBundle } from '../../src/bundle/archive.ts';
import { canonicalBytes } from '../../src/bundle/canonical-json.ts';
import { listTar } from '../../src/bundle/canonical-tar.ts';
import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import type { JsonValue } from '../../src/program/json.ts';
import { rules, type Written, write } from './bundles.ts';
import { holds, outcomeOf } from './campaign.ts';
import { changed, changes, jsonChange, jsonChanged } from './mutations.ts';
import { documents, envelopes, tar, withMember } from './sample-bundle.ts';

/**
 * What is accepted is the bundle that it was, or another one that is just as good: writing anew what was read gives its
 * very archive.
 */
async function isSoundOrRefused(bytes: Uint8Array): Promise<boolean> {
  const home = openMemoryContentStore();
  const { value } = await outcomeOf(() => readBundle([bytes], home, rules));
  if (!value || value.digests.archive === tar.archive) return value !== undefined;
  const again: Written = await write(
    {
      program: value.program,
      ancestors: value.ancestors,
      referrers: value.referrers.map(({ digest }) => digest),
    },
    home,
    { gzip: false },
  );
  assert.equal(again.archive, value.digests.archive, 'a bundle was accepted that no export would write');
  return true;
}

test('the bundle as it is, is read in every envelope', async () => {
  for (const bytes of envelopes) assert.equal(await isSoundOrRefused(bytes), true);
});

test('a bundle of mutated bytes is refused, or is what it was', () =>
  holds(120, [fc.constantFrom(...envelopes), changes], async (bytes, all) => {
    await isSoundOrRefused(changed(bytes, all));
  }));

test('an archive of mutated bytes in a fresh envelope is refused, or is what it was', () =>
  holds(100, [fc.boolean(), changes], async (zstd, all) => {
    const bytes = changed(tar.bytes, all);
    await isSoundOrRefused(zstd ? zstdCompressSync(bytes) : gzipSync(bytes, { level: 1 }));
  }));

const headers = listTar(tar.bytes, { sorted: false }).map(({ offset }) => offset - 512);

test('an archive with a changed field in a header whose checksum is right is refused', () =>
  holds(
    150,
    [
      fc.constantFrom(...headers),
      // Name, mode, uid, gid, size, mtime, type, link, magic, owner, device, prefix, and the rest.
      fc.constantFrom(
        [0, 100],
        [100, 8],
        [108, 8],
        [116, 8],
        [124, 12],
        [136, 12],
        [156, 1],
        [157, 100],
        [257, 8],
        [265, 64],
        [329, 16],
        [345, 155],
        [500, 12],
      ),
      fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 12 }),
        fc.stringMatching(/^[0-7]{1,11}$/).map((text) => Buffer.from(`${text}\0`)),
      ),
    ],
    async (at, [field, length], value) => {
      const bytes = Buffer.from(tar.bytes);
      bytes.set(value.subarray(0, length), at + field!);
      bytes.fill(' ', at + 148, at + 156);
      const sum = bytes.subarray(at, at + 512).reduce((all, byte) => all + byte, 0);
      bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
      const accepted = await isSoundOrRefused(bytes);
      assert.equal(accepted, bytes.equals(tar.bytes));
    },
  ));

test('a bundle with a changed document, all digests put right, is refused or is a bundle that an export would write', () =>
  holds(
    200,
    [fc.constantFrom(...documents), fc.array(jsonChange, { minLength: 1, maxLength: 2 })],
    async ({ path, bytes }, all) => {
      const value = all.reduce(jsonChanged, JSON.parse(bytes.toString()) as JsonValue);
      let text: Buffer;
      try {
        text = canonicalBytes(value);
      } catch {
        text = Buffer.from(JSON.stringify(value));
      }
      await isSoundOrRefused(await withMember(path, text));
    },
  ));

test('a document with mutated bytes, all digests put right, is refused or is a bundle that an export would write', () =>
  holds(80, [fc.constantFrom(...documents), changes], async ({ path, bytes }, all) => {
    await isSoundOrRefused(await withMember(path, changed(bytes, all)));
  }));

test('any bytes at all are no bundle', () =>
  holds(
    100,
    [fc.uint8Array({ maxLength: 2000 }), fc.constantFrom('', '1f8b0800', '28b52ffd', '1f8b08ff')],
    async (bytes, magic) => {
      const { refused } = await outcomeOf(() =>
        readBundle([Buffer.from(magic, 'hex'), bytes], openMemoryContentStore(), rules),
      );
      assert.ok(refused);
    },
  ));
