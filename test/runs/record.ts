import type { EngineEvent } from '../../src/engines/engine.ts';
import { newRunId } from '../../src/runs/run-id.ts';
import type { RunRecord } from '../../src/runs/run-record.ts';

export const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;

/** A record of two steps as it is when a run begins. */
export function begun(more: Partial<RunRecord> = {}): RunRecord {
  return {
    apiVersion: 'same/v1',
    kind: 'Run',
    id: newRunId(),
    display: '',
    program: { name: 'study', version: '1.0', digest: digest('a'), pinned: true },
    status: 'running',
    target: 'local',
    engine: 'local',
    parameters: { epochs: { value: 3, source: '--epochs', default: 1 } },
    data: {},
    code: { digest: digest('b') },
    environments: {},
    machine: { os: 'linux', arch: 'x86_64', cpu: 2, memoryBytes: 1, gpu: [] },
    startedAt: '2026-01-31T09:30:00.000Z',
    steps: ['one', 'two'].map((name) => ({
      name,
      status: 'pending',
      attempts: 0,
      cached: false,
      command: ['sh', 'x.sh'],
      environment: 'default',
      inputs: {},
      outputs: {},
    })),
    outputs: {},
    metrics: [],
    claims: [],
    waivers: [],
    services: {},
    warnings: [],
    runtime: '0.1.0',
    redactions: [],
    ...more,
  };
}

export const started = (step: string, attempt = 1, at = '2026-01-31T09:30:01.000Z'): EngineEvent => ({
  type: 'step-started',
  step,
  attempt,
  at,
  command: 'sh x.sh',
});

type Finished = Extract<EngineEvent, { type: 'step-finished' }>;

export const finished = (step: string, more: Partial<Finished> = {}): Finished => ({
  type: 'step-finished',
  step,
  attempt: 1,
  at: '2026-01-31T09:30:02.000Z',
  status: 'succeeded',
  exitCode: 0,
  retrying: false,
  durationMs: 1000,
  key: digest('c'),
  inputs: {},
  outputs: { o: { digest: digest('d'), sizeBytes: 5 } },
  metrics: [],
  logs: { stdout: { digest: digest('e'), sizeBytes: 1 }, stderr: { digest: digest('f'), sizeBytes: 0 } },
  problems: [],
  warnings: [],
  ...more,
});
