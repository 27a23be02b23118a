import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { SameError } from '../../src/errors/same-error.ts';
import { openDiskSweepStore } from '../../src/runs/disk-sweep-store.ts';
import { newRunId } from '../../src/runs/run-id.ts';
import { sweepRecord } from './sweep-record.ts';

const isRefused = (code: string) => (error: unknown) => error instanceof SameError && error.code === code;

describe('a sweep that is deleted', () => {
  it('is gone at once, also where it is damaged, and not while it goes on', () => {
    const directory = mkdtempSync(join(tmpdir(), 'same-sweeps-'));
    try {
      const store = openDiskSweepStore(directory);
      const id = newRunId();
      const journal = store.begin(sweepRecord(id));
      assert.throws(() => store.remove(id), isRefused('SAME1622'));
      journal.finish({ ...sweepRecord(id), status: 'succeeded', finishedAt: new Date().toISOString() });
      const damaged = newRunId();
      store.begin(sweepRecord(damaged)).close();
      const [year] = readdirSync(directory);
      const [month] = readdirSync(join(directory, year!));
      writeFileSync(join(directory, year!, month!, damaged, 'owner.1.json'), '{}');
      assert.equal(store.survey().findings.length, 1);
      for (const each of [damaged, id]) assert.equal(store.remove(each), each);
      assert.deepEqual(store.survey(), { sweeps: [], findings: [] });
      assert.throws(() => store.get(id), isRefused('SAME1620'));
      assert.deepEqual(readdirSync(join(directory, year!, month!)), []);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
