import assert from 'node:assert/strict';
import { after, beforeEach } from 'node:test';
import { SameError } from '../../../src/errors/same-error.ts';
import type { MetricPoint } from '../../../src/runs/elsewhere/run-elsewhere.ts';
import type { ToldRun } from '../../../src/runs/metadata/metadata-store.ts';
import { openMlflowStore } from '../../../src/runs/metadata/mlflow-store.ts';
import type { RunRecord } from '../../../src/runs/run-record.ts';
import { type FaultTracking, startFaultTracking } from '../../components/fault-tracking.ts';
import { begun } from '../record.ts';

/** A tracking server for each test of a suite, and runs to tell it. */
export function trackingLab() {
  let server: FaultTracking;
  beforeEach(async () => {
    await server?.dispose();
    server = await startFaultTracking();
  });
  after(() => server.dispose());

  const open = (
    variables: Record<string, string> = {},
    isPatient = true,
    signal = new AbortController().signal,
  ) =>
    openMlflowStore(
      { kind: 'mlflow', address: server.address },
      { variables, signal, isPatient, progress() {} },
    );
  const record = (more: Partial<RunRecord> = {}): RunRecord =>
    begun({
      id: '01a2017f-13e4-7ef5-8bea-e5c12db3e272',
      status: 'succeeded',
      finishedAt: '2026-01-31T10:00:00.000Z',
      parameters: { lr: { value: 0.1, source: '--set' }, opt: { value: 'adam', source: '--set' } },
      metrics: [
        { name: 'loss', step: 'one', value: 0.5, count: 3 },
        { name: 'acc', step: 'one', value: 0.9 },
      ],
      ...more,
    });
  const points = [
    { name: 'loss', of: 'one', step: 0, value: 1.5, atMs: 1000 },
    { name: 'loss', of: 'one', step: 1, value: Number.NaN, atMs: 2000 },
    { name: 'loss', of: 'one', step: 2, value: Number.NEGATIVE_INFINITY, atMs: 3000 },
    { name: 'acc', of: 'one', step: 0, value: 0.9, atMs: 3000 },
  ];
  const file = (path: string, text: string): ToldRun['artifacts'][number] => ({
    path,
    artifact: { digest: 'sha256:0', sizeBytes: Buffer.byteLength(text) },
    async *body() {
      yield Buffer.from(text);
    },
  });
  const told = (more: Partial<ToldRun> = {}, all: (MetricPoint & { of: string })[] = points): ToldRun => ({
    record: record(),
    tags: { kept: 'yes' },
    note: 'good',
    async *series() {
      yield* all;
    },
    artifacts: [file('outputs/model', 'weights'), file('ä b/c+d.txt', '')],
    ...more,
  });
  /** All that it keeps but the one file whose bytes are the record's. */
  const kept = () => ({
    runs: server.runs.map((run) => ({
      ...run,
      params: Object.fromEntries(run.params),
      tags: Object.fromEntries(run.tags),
    })),
    files: [...server.files].map(([path, bytes]) => [path, path.endsWith('.json') ? '' : bytes.toString()]),
  });
  const problem = async (doing: Promise<unknown>): Promise<SameError> => {
    const error = await doing.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof SameError, `threw ${error}`);
    return error;
  };

  return {
    /** The one of this test, or another that a test has put into its place. */
    get server(): FaultTracking {
      return server;
    },
    set server(other: FaultTracking) {
      server = other;
    },
    ...{ open, record, file, told, kept, problem },
  };
}
