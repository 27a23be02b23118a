import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../../src/bundle/canonical-json.ts';
import type { JsonValue } from '../../src/program/json.ts';
import type { RunRecord } from '../../src/runs/run-record.ts';
import { begun } from '../runs/record.ts';
import type { Rig } from './rig.ts';

/** The id of the run of a number that {@link storeRun} writes. */
export const idOf = (number: number): string =>
  `019a3b5c-7d00-7abc-8def-${number.toString(16).padStart(12, '0')}`;

/** Where the files of a run lie in a home. */
export function directoryOf(rig: Rig, id: string): string {
  const at = new Date(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toISOString();
  return join(rig.home, 'runs', at.slice(0, 4), at.slice(5, 7), id);
}

/** Writes the record of a run that is over into a home, as if it had run there. @returns its id */
export function storeRun(rig: Rig, number: number, more: Partial<RunRecord> = {}): string {
  const record = begun({
    id: idOf(number),
    display: `2cf24_e3b0c_44136_${number.toString(16).padStart(5, '0')}:60303`,
    status: 'succeeded',
    finishedAt: '2026-01-31T09:31:00.000Z',
    usage: { durationMs: 60_000 },
    ...more,
  });
  const directory = directoryOf(rig, record.id);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'run.json'), `${canonicalJson(record as unknown as JsonValue)}\n`);
  return record.id;
}

/** What a run was given and what came of it, in short. */
export function outcome(
  parameters: Record<string, JsonValue>,
  metrics: Record<string, number> = {},
): Pick<RunRecord, 'parameters' | 'metrics'> {
  return {
    parameters: Object.fromEntries(
      Object.entries(parameters).map(([name, value]) => [name, { value, source: '--set' as const }]),
    ),
    metrics: Object.entries(metrics).map(([name, value]) => ({ name, step: 'one', value })),
  };
}
