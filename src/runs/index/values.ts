import type { JsonValue } from '../../program/json.ts';
import { type RunField, type RunRow, runFields } from '../run-query.ts';

/**
 * Fields that differ from run to run are looked up in the rows; of the id, the time in it is kept, and of the display id a
 * number by which it is found.
 */
const UNCODED = new Set<string>(['id', 'display']);
const INSTANTS = new Set<string>(['startedAt', 'finishedAt']);

/** What the columns have of a row. */
export function* valuesOf(row: RunRow): Generator<[of: string, name: string, value: JsonValue]> {
  yield ['run', 'id', orderOf(row.id)];
  yield ['run', 'display', markOf(row.display)];
  for (const name of runFields) {
    const value = row[name];
    if (value === undefined || UNCODED.has(name)) continue;
    yield ['run', name, INSTANTS.has(name) ? (instantOf(value as string) ?? value) : value];
  }
  for (const kind of ['parameters', 'metrics', 'tags'] as const)
    for (const [name, value] of Object.entries(row[kind])) yield [kind, name, value];
}

/** The beginning of a version 7 id as a number: larger for younger runs, rarely equal for two. */
function orderOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13) + id.slice(15, 18), 16);
}

/** A number that two texts rarely have in common: FNV-1a, twice, of which 52 bits are kept. */
export function markOf(text: string): number {
  let [one, other] = [0x811c9dc5, 0x050c5d1f];
  for (let at = 0; at < text.length; at++) {
    one = Math.imul(one ^ text.charCodeAt(at), 0x01000193);
    other = Math.imul(other ^ text.charCodeAt(at), 0x01000193);
  }
  return (one >>> 0) * 2 ** 20 + (other >>> 12);
}

function instantOf(text: string): number | undefined {
  const ms = Date.parse(text);
  return Number.isFinite(ms) && new Date(ms).toISOString() === text ? ms : undefined;
}

/** How the values of a field of a run are kept, where they are not in its column as they are. */
export function keptAs({ of, name }: RunField): 'instant' | 'row' | 'value' {
  if (of !== 'run') return 'value';
  return INSTANTS.has(name) ? 'instant' : UNCODED.has(name) ? 'row' : 'value';
}
