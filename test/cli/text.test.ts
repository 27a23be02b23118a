import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plain, plainBytes } from '../../src/cli/render/text.ts';

describe('a JSON document', () => {
  const texts = [
    'plain',
    '訓練 é',
    'del\u007f',
    'é and del\u007f',
    'csi\u009b31m',
    'bidi\u202e',
    '\u001b[31m\u0000',
  ];

  for (const text of texts) {
    it(`says the same without control characters: ${JSON.stringify(plain(text))}`, () => {
      const bytes = plainBytes(JSON.stringify({ text }, null, 2));
      assert.doesNotMatch(bytes.toString('utf8'), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
      assert.deepEqual(JSON.parse(bytes.toString('utf8')), { text });
    });
  }
});
