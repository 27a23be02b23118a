import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { SameError } from '../../src/errors/same-error.ts';
import { openDiskSweepStore } from '../../src/runs/disk-sweep-store.ts';
import { newRunId } from '../../src/runs/run-id.ts';
import type { SweepRecord } from '../../src/sweeps/sweep.ts';

const recordOf = (id: string): SweepRecord => ({
  apiVersion: 'same/v1',
  kind: 'Sweep',
  id,
  program: { name: 'study', version: '1.0', digest: `sha256:${'0'.repeat(64)}` },
  status: 'running',
  space: [{ name: 'seed', kind: 'range', start: 0, end: 3, step: 1 }],
  algorithm: 'grid',
  trials: 3,
  jobs: 1,
  target: 'local',
  parameters: {},
  startedAt: new Date().toISOString(),
  results: [],
  runtime: '0.1.0',
});

const isRefused = (code: string) => (error: unknown) => error instanceof SameError && error.code === code;

describe('a sweep that is deleted', () => {
  it('is gone at once, also where it is damaged, and not while it goes on', () => {
    const directory = mkdtempSync(join(tmpdir(), 'same-sweeps-'));
    try {
      const store = openDiskSweepStore(directory);
      const id = newRunId();
      const journal = store.begin(recordOf(id));
      assert.throws(() => store.remove(id), isRefused('SAME1622'));
      journal.finish({ ...recordOf(id), status: 'succeeded', finishedAt: new Date().toISOString() });
      const damaged = newRunId();
      store.begin(recordOf(damaged)).close();
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
