import { isJsonObject, type JsonObject, type JsonValue } from '../program/json.ts';
import type { RunRecord } from './run-record.ts';
import { figuresByName, parametersOf } from './run-row.ts';

/** What kinds of things make a run what it is, those first that most often make two runs differ (spec SAME-RUN-076). */
export const factGroups = ['parameters', 'code', 'data', 'packages', 'variables', 'run', 'machine'] as const;

/** One of {@link factGroups}. */
export type FactGroup = (typeof factGroups)[number];

/** One thing that a record says of what a run was made from. */
export interface Fact {
  of: FactGroup;
  name: string;
  value: JsonValue;
}

/** Everything a record says of what a run was made from, by groups and names. */
export function factsOf(record: RunRecord): Fact[] {
  const facts: Fact[] = [];
  const add = (of: FactGroup, values: Record<string, unknown>) => {
    for (const [name, value] of Object.entries(values))
      if (value !== undefined) facts.push({ of, name, value: value as JsonValue });
  };
  const { program, machine } = record;
  // Of a run that another tool kept nothing is known of these: what its record has there only fills its fields.
  const isKnown = record.imported === undefined;
  const { digest, ...origin } = record.code;
  const code = isKnown ? { digest, ...origin } : origin;
  add('parameters', parametersOf(record));
  add('code', { program: program.name, version: program.version, ...code, ...record.selection });
  for (const [name, { digest, uri }] of Object.entries(record.data))
    add('data', { [name]: digest, [`${name} (place)`]: uri });
  for (const [name, { key, locked, resolved, variables }] of Object.entries(record.environments)) {
    add('packages', flattened({ key, locked, ...resolved }, `${name}.`));
    add('variables', flattened(variables, `${name}.`));
  }
  add('run', {
    engine: isKnown ? record.engine : undefined,
    target: isKnown ? record.target : undefined,
    profile: record.profile,
    services: Object.keys(record.services).length === 0 ? undefined : record.services,
    same: isKnown ? record.runtime : undefined,
  });
  if (!isKnown) return facts;
  add('machine', { ...machine, gpu: machine.gpu.length === 0 ? undefined : machine.gpu.join(', ') });
  return facts;
}

/** What came of a run: its figures by the names that mean them, and digests of its outputs. */
export function resultsOf(record: RunRecord): {
  figures: Record<string, number>;
  outputs: Record<string, string>;
} {
  return {
    figures: figuresByName(record.metrics),
    outputs: Object.fromEntries(Object.entries(record.outputs).map(([name, { digest }]) => [name, digest])),
  };
}

/** Which way a figure is better, as far as one of the runs says. */
export function directionOf(name: string, records: readonly RunRecord[]): 'lower' | 'higher' | undefined {
  for (const { metrics } of records) {
    const found = metrics.find(
      (metric) => metric.direction && (metric.name === name || `${metric.name}@${metric.step}` === name),
    );
    if (found) return found.direction;
  }
  return undefined;
}

/** Leaves of an object by their paths. */
function flattened(value: JsonObject, before: string): JsonObject {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]): [string, JsonValue][] =>
      isJsonObject(inner)
        ? Object.entries(flattened(inner, `${before}${name}.`))
        : [[`${before}${name}`, inner]],
    ),
  );
}
