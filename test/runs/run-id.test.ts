import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isRunId, monthOf, newRunId } from '../../src/runs/run-id.ts';

/** The id with another time: its first 48 bits are milliseconds. */
const idAt = (ms: number) => {
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}${newRunId().slice(13)}`;
};

describe('a run id', () => {
  it('is a UUID of version 7 in lower case, and never the same twice', () => {
    const ids = Array.from({ length: 10_000 }, newRunId);
    for (const id of ids) {
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.ok(isRunId(id));
    }
    assert.equal(new Set(ids).size, ids.length);
  });

  it('holds its time, so that ids of later milliseconds sort later', () => {
    const before = Date.now();
    const id = newRunId();
    const at = Number.parseInt(id.replace('-', '').slice(0, 12), 16);
    assert.ok(before <= at && at <= Date.now());
    const times = [0, 1, 0xffff, 0x1_0000, 1_700_000_000_000, 1_700_000_000_001, 2 ** 48 - 1];
    const ids = times.map(idAt);
    assert.deepEqual([...ids].sort(), ids);
    for (const id of ids) assert.ok(isRunId(id), id);
  });

  it('lies in the directory of its month in UTC', () => {
    const months: [string, string, string][] = [
      ['2026-01-01T00:00:00.000Z', '2026', '01'],
      ['2025-12-31T23:59:59.999Z', '2025', '12'],
      ['2024-02-29T12:00:00.000Z', '2024', '02'],
      ['2026-10-31T23:30:00.000Z', '2026', '10'],
    ];
    for (const [at, year, month] of months) assert.deepEqual(monthOf(idAt(Date.parse(at))), { year, month });
  });

  it('is nothing shorter, longer, of another version, or in upper case', () => {
    const id = newRunId();
    for (const text of [
      '',
      'latest',
      id.slice(1),
      `${id}0`,
      id.toUpperCase(),
      `${id.slice(0, 14)}4${id.slice(15)}`,
      `../${id}`,
      `${id}\n`,
    ]) {
      assert.equal(isRunId(text), false, text);
    }
  });
});
