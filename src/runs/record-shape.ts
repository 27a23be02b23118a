import type { RunRecord } from './run-record.ts';

const TEXTS = ['id', 'display', 'status', 'target', 'engine', 'startedAt', 'runtime'];
const LISTS = ['steps', 'metrics', 'claims', 'waivers', 'warnings', 'redactions'];
const MAPS = ['program', 'parameters', 'data', 'code', 'environments', 'machine', 'outputs', 'services'];
const STEP_TEXTS = ['name', 'status', 'environment'];
const STEP_MAPS = ['inputs', 'outputs'];

/**
 * Whether a value from a run's own files has the shape of a record, as far as reading it relies on that: a damaged file
 * is then known before anything trips over it. The whole schema is held to where a record comes from elsewhere; loading
 * it here would slow down every listing.
 */
export function isRecordShaped(value: unknown): value is RunRecord {
  if (!isMap(value)) return false;
  const { program, steps, metrics, claims } = value;
  return (
    fits(value, TEXTS, MAPS) &&
    LISTS.every((field) => Array.isArray(value[field])) &&
    fits(program as Fields, ['name', 'version', 'digest'], []) &&
    (steps as unknown[]).every((step) => isMap(step) && fits(step, STEP_TEXTS, STEP_MAPS)) &&
    [...(metrics as unknown[]), ...(claims as unknown[])].every(isMap) &&
    MAPS.filter((field) => ['parameters', 'data', 'environments', 'outputs'].includes(field)).every((field) =>
      Object.values(value[field] as Fields).every(isMap),
    )
  );
}

type Fields = Record<string, unknown>;

/** Whether a value is an object that is no list. */
export function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fits(value: Fields, texts: readonly string[], maps: readonly string[]): boolean {
  return (
    texts.every((field) => typeof value[field] === 'string') && maps.every((field) => isMap(value[field]))
  );
}
