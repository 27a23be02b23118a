import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { mentionedHex } from '../../src/bundle/mentions.ts';

const A = 'a1'.repeat(32);
const B = '0f'.repeat(32);
const found = (...pieces: string[]) => [...mentionedHex(pieces.map((piece) => Buffer.from(piece)))];

describe('the digests that a text mentions', () => {
  test('are 64 hexadecimal digits with something else around them', () => {
    assert.deepEqual(found(`{"x":"sha256:${A}","y":["${B}"]}`), [A, B]);
    assert.deepEqual(found(A), [A]);
    assert.deepEqual(found(`tree:sha256:${A} `, B), [A, B]);
  });

  test('are no part of a longer run of digits, and no upper case', () => {
    assert.deepEqual(found(`${A}${B}`, ` ${A.slice(1)} ${A.toUpperCase()}`), []);
  });

  test('are the same however the text is cut', () => {
    const text = `é"sha256:${A}",${B}x${A}${B}:${B}`;
    fc.assert(
      fc.property(fc.array(fc.nat(Buffer.byteLength(text)), { maxLength: 12 }), (cuts) => {
        const bytes = Buffer.from(text);
        const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const pieces = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        assert.deepEqual([...mentionedHex(pieces)], [A, B, B]);
      }),
    );
  });
});
