import assert from 'node:assert/strict';
import { SameError } from '../../../src/errors/same-error.ts';
import type { MetricPoint } from '../../../src/runs/elsewhere/run-elsewhere.ts';
import type {
  MetadataStore,
  MetadataSurroundings,
  ToldRun,
} from '../../../src/runs/metadata/metadata-store.ts';
import { openPostgresqlStore } from '../../../src/runs/metadata/postgresql-store.ts';
import type { RunRecord } from '../../../src/runs/run-record.ts';
import type { Postgresql } from '../../components/postgresql.ts';
import { begun } from '../record.ts';

/** What a store has of a command that is in a hurry, and whose caller says these variables beside the password. */
export function surroundings(
  { password }: Postgresql,
  variables: Record<string, string> = {},
): MetadataSurroundings {
  return {
    variables: { PGPASSWORD: password, HOME: '/nowhere', ...variables },
    signal: new AbortController().signal,
    isPatient: false,
    progress: () => {},
  };
}

/** The store at an address of a server. */
export function openStore(
  server: Postgresql,
  address: string,
  variables: Record<string, string> = {},
): MetadataStore {
  return openPostgresqlStore({ kind: 'postgresql', address }, surroundings(server, variables));
}

/** A record of a run that is over, with a figure. */
export function ended(more: Partial<RunRecord> = {}): RunRecord {
  return begun({
    status: 'succeeded',
    finishedAt: '2026-01-31T10:00:00.000Z',
    usage: { durationMs: 1500.5 },
    metrics: [{ name: 'acc', step: 'one', value: 0.9 }],
    ...more,
  });
}

/** A run as a store is told of it. */
export function told(more: Partial<ToldRun> = {}, points: (MetricPoint & { of: string })[] = []): ToldRun {
  return {
    record: ended(),
    tags: { kept: 'yes' },
    async *series() {
      yield* points;
    },
    artifacts: [],
    ...more,
  };
}

/** A point of a series. */
export function point(step: number, value: number, atMs = 1_767_225_600_000): MetricPoint & { of: string } {
  return { name: 'loss', of: 'one', step, value, atMs };
}

/** The first problem of what is refused, in which no password stands. */
export async function refused(
  doing: Promise<unknown>,
): Promise<{ code: string; message: string; hint: string }> {
  const error = await doing.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof SameError, `threw ${error}`);
  assert.doesNotMatch(JSON.stringify(error.findings), /correct horse/);
  const { code, message, hint } = error.findings[0]!;
  return { code, message, hint: hint ?? '' };
}

/** How many rows there are of runs, parameters, metrics, points, tags and outputs. */
export function counts(server: Postgresql, database: string): string {
  const tables = ['runs', 'parameters', 'metrics', 'points', 'tags', 'outputs'];
  return server.psql(
    database,
    `SELECT ${tables.map((table) => `(SELECT count(*) FROM same.${table})`).join(', ')}`,
  );
}
