import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { unpack } from '../../src/bundle/compression.ts';
import { gzip } from '../../src/bundle/gzip.ts';
import { LIMITS } from '../../src/bundle/oci.ts';

const MIB = 2 ** 20;

describe('the envelope of a bundle', () => {
  it('has neither name nor time, and is what any reader of gzip takes', async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('hello'), random(70_000), random(3 * MIB + 17)]) {
      const packed = await packedOf(bytes);
      assert.equal(packed.subarray(0, 10).toString('hex'), '1f8b08000000000004ff');
      assert.ok(gunzipSync(packed).equals(bytes));
    }
  });

  it('does not depend on how the chunks arrive', async () => {
    const bytes = Buffer.concat([
      random(MIB + 100),
      Buffer.from(text(2 * MIB)),
      random(65_536),
      Buffer.alloc(MIB),
    ]);
    const whole = await packedOf(bytes);
    for (const size of [511, 65_535, 65_536, MIB - 1, MIB, MIB + 1]) {
      assert.ok((await packedOf(bytes, size)).equals(whole), `chunks of ${size}`);
    }
  });

  it('lets random bytes through, and still shrinks text beside them', async () => {
    const dense = random(4 * MIB);
    assert.ok((await packedOf(dense)).length < dense.length * 1.001);
    const plain = Buffer.from(text(4 * MIB));
    assert.ok((await packedOf(plain)).length < plain.length / 2);
    const both = Buffer.concat([dense, plain]);
    assert.ok((await packedOf(both)).length < dense.length + plain.length / 2);
  });

  it('shrinks what uses many byte values and repeats them little: numbers, base64', async () => {
    const base64 = Buffer.from(random(3 * MIB).toString('base64'));
    assert.ok((await packedOf(base64)).length < base64.length * 0.8);
    const counts = Buffer.from(Uint32Array.from({ length: MIB }, (_, at) => at).buffer);
    assert.ok((await packedOf(counts)).length < counts.length * 0.9);
  });

  it('takes random files with headers between them for what they are', async () => {
    const files = Array.from({ length: 400 }, (_, at) => {
      const header = Buffer.alloc(512);
      header.write(`data/${at}`);
      return Buffer.concat([header, random(10_240, `${at}`)]);
    });
    const archive = Buffer.concat(files);
    const packed = await packedOf(archive);
    assert.ok(packed.length > archive.length && packed.length < archive.length * 1.001);
  });

  it('never comes near the ratio at which a reader sees a bomb', async () => {
    for (const fill of [0, 0x41]) {
      const zeros = Buffer.alloc(64 * MIB, fill);
      const packed = await packedOf(zeros);
      assert.ok(zeros.length / packed.length <= 500, `${zeros.length / packed.length}`);
      let sizeBytes = 0;
      for await (const chunk of unpack([packed], LIMITS)) sizeBytes += chunk.length;
      assert.equal(sizeBytes, zeros.length);
    }
  });
});

async function packedOf(bytes: Buffer, chunkBytes = bytes.length || 1): Promise<Buffer> {
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  }
  const packed: Uint8Array[] = [];
  for await (const piece of gzip(chunks())) packed.push(piece);
  return Buffer.concat(packed);
}

/** Bytes that nothing shrinks, the same for the same seed. */
function random(length: number, seed = ''): Buffer {
  return createHash('shake256', { outputLength: length }).update(`${length} ${seed}`).digest();
}

function text(length: number): string {
  const words = random(4096)
    .toString('base64url')
    .match(/.{1,7}/g)!;
  let made = '';
  for (let at = 0; made.length < length; at++) made += `${words[(at * at + 7) % words.length]} `;
  return made.slice(0, length);
}
