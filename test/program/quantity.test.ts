import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatBytes, parseDuration, parseQuantity } from '../../src/program/quantity.ts';

describe('sizes', () => {
  it('have binary and decimal units', () => {
    const cases: Record<string, number> = {
      '0': 0,
      '440000000': 440e6,
      '1k': 1000,
      '4Gi': 2 ** 32,
      '1.5Ki': 1536,
      '2M': 2e6,
      '1P': 1e15,
      '1Pi': 2 ** 50,
    };
    for (const [text, bytes] of Object.entries(cases)) assert.equal(parseQuantity(text), bytes, text);
  });

  it('are refused in other spellings', () => {
    for (const text of ['', 'Gi', '4GiB', '4 Gi', '-1', '1K', '1e3', '.5Gi', '99999999Pi']) {
      assert.throws(() => parseQuantity(text), { code: 'SAME1005' }, text);
    }
  });

  it('are shown in binary units', () => {
    const cases: [number, string][] = [
      [0, '0 B'],
      [512, '512 B'],
      [1536, '1.5 KiB'],
      [1048575, '1 MiB'],
      [2 ** 32, '4 GiB'],
      [2 ** 70, '1048576 PiB'],
    ];
    for (const [bytes, text] of cases) assert.equal(formatBytes(bytes), text);
  });
});

describe('durations', () => {
  it('have one unit', () => {
    const cases: Record<string, number> = {
      '500ms': 500,
      '10s': 10_000,
      '30m': 1_800_000,
      '1.5h': 5_400_000,
      '2d': 172_800_000,
    };
    for (const [text, ms] of Object.entries(cases)) assert.equal(parseDuration(text), ms, text);
    for (const text of ['', '10', '10 s', '1h30m', '-1s', '1w']) {
      assert.throws(() => parseDuration(text), { code: 'SAME1005' }, text);
    }
  });
});
