import { createHash } from 'node:crypto';
import type { JsonValue } from '../../program/json.ts';
import type { Annotations } from '../annotations.ts';
import type { RunQuery, RunRow, RunRows } from '../run-query.ts';
import type { RunRecord, StepRecord } from '../run-record.ts';
import { RUN_NAME, tagsOf as saidTags } from '../run-row.ts';
import { isSameText } from './fields.ts';

/** A run with what users said of it. */
export interface HistoryRun extends Annotations {
  record: RunRecord;
}

/** The runs of a home, for reading. */
export interface History {
  search(query: RunQuery): RunRows;
  /** Their records, in the same order; those that are gone meanwhile are left out. */
  read(rows: readonly RunRow[]): Promise<HistoryRun[]>;
  /** By its whole id; undefined when there is none. */
  run(id: string): Promise<HistoryRun | undefined>;
  /** A stored text, as of a series; undefined when it is not here. */
  text(digest: string): Promise<string | undefined>;
  /** The files of a stored tree; undefined when it is not here. */
  tree(digest: string): Promise<{ path: string; digest: string; sizeBytes: number }[] | undefined>;
  /** The bytes of a blob; undefined when it is not here. */
  blob(digest: string): Promise<AsyncIterable<Uint8Array> | undefined>;
}

/** Bytes of a hash that an experiment's number is made from. */
const NUMBER_DIGITS = 13;

/** The number of the experiment that a program is, the same in every home. */
export function experimentOf(program: string): string {
  const hex = createHash('sha256').update(program).digest('hex').slice(0, NUMBER_DIGITS);
  return String(Number.parseInt(hex, 16));
}

/** A value as MLflow's clients write it. */
export function wordOf(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Parameters of a run: those of the program, and what steps logged beside them, by the step's name where two differ. */
export function parametersOf({ parameters, steps }: RunRecord): Map<string, string> {
  const found = new Map(Object.entries(parameters).map(([name, { value }]) => [name, wordOf(value ?? null)]));
  return merged(found, steps, 'parameters');
}

/** What a run is called: as it was elsewhere or by who logged in it, else by what it is made of. */
export function nameOf(record: RunRecord): string {
  return saidTags(record, {})[RUN_NAME] || record.display;
}

/** Tags of a run: what users said, what steps logged, and what it is. */
export function tagsOf({ record, tags, note }: HistoryRun): Map<string, string> {
  const { program, status, parent } = record;
  const own: Record<string, string> = {
    ...record.imported?.tags,
    [RUN_NAME]: nameOf(record),
    'mlflow.source.name': `${program.name}:${program.version}`,
    'mlflow.source.type': 'PROJECT',
    'same.program': program.name,
    'same.version': program.version,
    'same.digest': program.digest,
    'same.status': status,
    ...(parent === undefined ? {} : { 'mlflow.parentRunId': parent }),
    ...(note === undefined ? {} : { 'mlflow.note.content': note }),
  };
  return merged(new Map(Object.entries({ ...own, ...tags })), record.steps, 'tags');
}

function merged(
  found: Map<string, string>,
  steps: readonly StepRecord[],
  of: 'parameters' | 'tags',
): Map<string, string> {
  for (const { name: step, logged } of steps) {
    for (const [name, value] of Object.entries(logged?.[of] ?? {})) {
      const other = found.get(name);
      if (other === undefined) found.set(name, value);
      else if (!isSameText(other, value)) found.set(`${step}.${name}`, value);
    }
  }
  return found;
}
