import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { SHORT_HASH_BYTES, shortHash } from '../../src/host/short-hash.ts';

const hashed = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('the hash of a short document', () => {
  it('is that of the standard’s own examples', () => {
    const examples = {
      '': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      abc: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq:
        '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    };
    for (const [text, digest] of Object.entries(examples)) assert.equal(shortHash(Buffer.from(text)), digest);
  });

  it('is that of node:crypto for every length, whatever the bytes', () => {
    for (let length = 0; length <= SHORT_HASH_BYTES; length++) {
      const bytes = randomBytes(length);
      assert.equal(shortHash(bytes), hashed(bytes), bytes.toString('hex'));
    }
    for (const byte of [0, 0x7f, 0x80, 0xff]) {
      for (let length = 0; length < 200; length++) {
        const bytes = Buffer.alloc(length, byte);
        assert.equal(shortHash(bytes), hashed(bytes), `${length} × ${byte}`);
      }
    }
  });
});
