import type { SweepRecord } from '../../src/sweeps/sweep.ts';

/** The record of a sweep that begins. */
export function sweepRecord(id: string, startedAt = new Date().toISOString()): SweepRecord {
  return {
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
    startedAt,
    results: [],
    runtime: '0.1.0',
  };
}
