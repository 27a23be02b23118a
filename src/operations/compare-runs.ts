import { equalJson, type JsonValue } from '../program/json.ts';
import { directionOf, type FactGroup, factGroups, factsOf, resultsOf } from '../runs/run-facts.ts';
import { tagsOf } from '../runs/run-row.ts';
import type { ToldRun } from './find-runs.ts';
import { severalRuns } from './named-runs.ts';
import type { Ports } from './ports.ts';

/** One thing in which runs differ, with what each of them has. */
export interface Difference {
  of: FactGroup | 'metrics' | 'outputs' | 'outcome' | 'tags' | 'note';
  name: string;
  /** Null where a run has none. */
  values: (JsonValue | undefined)[];
  /** Of figures and durations: what each has more than the first. */
  deltas?: (number | undefined)[];
  /** Which way a figure is better, where that is known. */
  direction?: 'lower' | 'higher';
}

/** Runs beside one another. */
export interface Comparison {
  runs: ToldRun[];
  /** Only what differs, unless all was asked for. */
  differences: Difference[];
  /** How many things are the same in all of them. */
  equal: number;
}

/** `same compare runs`: in what runs differ (spec SAME-RUN-076). @throws SAME1608 · SAME1612 · SAME1902 */
export async function compareRuns(
  ports: Ports,
  texts: readonly string[],
  options: { all?: boolean } = {},
): Promise<Comparison> {
  return comparison(await severalRuns(ports, texts, 'compare runs'), options);
}

/** The same of runs that are known. */
export function comparison(runs: readonly ToldRun[], { all = false }: { all?: boolean } = {}): Comparison {
  const records = runs.map(({ record }) => record);
  const results = records.map(resultsOf);
  const facts = records.map((record) => factsOf(record));
  const outcomes = records.map(
    ({ status, usage }): Record<string, JsonValue> => ({
      status,
      ...(usage === undefined ? {} : { durationMs: usage.durationMs }),
      ...(usage?.peakMemoryBytes === undefined ? {} : { peakMemoryBytes: usage.peakMemoryBytes }),
    }),
  );
  const rows: Difference[] = [
    ...rowsOf('outcome', outcomes).map((row) => (row.name === 'status' ? row : withDeltas(row))),
    ...rowsOf(
      'metrics',
      results.map(({ figures }) => figures),
    ).map((row) => {
      const direction = directionOf(row.name, records);
      return { ...withDeltas(row), ...(direction === undefined ? {} : { direction }) };
    }),
    ...factGroups.flatMap((of) =>
      rowsOf(
        of,
        facts.map((known) =>
          Object.fromEntries(known.filter((fact) => fact.of === of).map(({ name, value }) => [name, value])),
        ),
      ),
    ),
    ...rowsOf(
      'outputs',
      results.map(({ outputs }) => outputs),
    ),
    ...rowsOf(
      'tags',
      runs.map(({ record, tags }) => tagsOf(record, tags)),
    ),
    ...rowsOf(
      'note',
      runs.map(({ note }): Record<string, JsonValue> => (note === undefined ? {} : { note })),
    ),
  ];
  const differences = rows.filter(({ values }) => all || differ(values));
  return { runs: [...runs], differences, equal: rows.filter(({ values }) => !differ(values)).length };
}

/** A row for each name that one of them has, in the order in which they are met. */
function rowsOf(of: Difference['of'], values: readonly Record<string, JsonValue>[]): Difference[] {
  const names = [...new Set(values.flatMap((one) => Object.keys(one)))];
  return names.map((name) => ({
    of,
    name,
    values: values.map((one) => (Object.hasOwn(one, name) ? one[name] : undefined)),
  }));
}

function withDeltas(row: Difference): Difference {
  const [first] = row.values;
  return {
    ...row,
    deltas: row.values.map((value, index) =>
      index > 0 && typeof value === 'number' && typeof first === 'number' ? value - first : undefined,
    ),
  };
}

function differ([first, ...others]: Difference['values']): boolean {
  return others.some((value) =>
    first === undefined || value === undefined ? first !== value : !equalJson(first, value),
  );
}
