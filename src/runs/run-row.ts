import type { JsonObject } from '../program/json.ts';
import type { RunRow } from './run-query.ts';
import type { MetricRecord, RunRecord } from './run-record.ts';
import type { StoredRun } from './run-store.ts';

const NUMBER = /^-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?$/;

/** The tag that says what a run was called elsewhere: the one of MLflow's clients. */
export const RUN_NAME = 'mlflow.runName';

/**
 * A run as a listing shows it (spec SAME-RUN-070).
 * @param tags that were said of it: they are no part of its record
 */
export function rowOf(
  { record, own, elsewhere }: StoredRun,
  tags: Readonly<Record<string, string>> = {},
): RunRow {
  const { program, usage } = record;
  return {
    id: record.id,
    own,
    display: record.display,
    program: program.name,
    version: program.version,
    digest: program.digest,
    status: record.status,
    ...(elsewhere ? { elsewhere } : {}),
    startedAt: record.startedAt,
    ...(record.finishedAt === undefined ? {} : { finishedAt: record.finishedAt }),
    ...(typeof usage?.durationMs === 'number' ? { durationMs: usage.durationMs } : {}),
    engine: record.engine,
    target: record.target,
    ...(record.profile === undefined ? {} : { profile: record.profile }),
    ...(record.parent === undefined ? {} : { parent: record.parent }),
    parameters: parametersOf(record),
    metrics: figuresByName(record.metrics),
    tags: tagsOf(record, tags),
  };
}

/** The parameters that a run was given, and under other names those that its steps logged. */
export function parametersOf(record: RunRecord): JsonObject {
  return {
    ...loggedParameters(record),
    ...Object.fromEntries(
      Object.entries(record.parameters).map(([name, { value }]) => [name, value ?? null]),
    ),
  };
}

/**
 * The tags that a run has: what its steps logged or it was taken over with, then what was said of it.
 * @param said tags of its annotations
 */
export function tagsOf(record: RunRecord, said: Readonly<Record<string, string>>): Record<string, string> {
  const { name, tags } = record.imported ?? {};
  return {
    ...logged(record, 'tags'),
    ...(name === undefined ? {} : { [RUN_NAME]: name }),
    ...tags,
    ...said,
  };
}

/** The row of a run of which something was said since. @param row without annotations @param said their tags */
export function withTags(row: RunRow, said: Readonly<Record<string, string>>): RunRow {
  return { ...row, tags: { ...row.tags, ...said } };
}

/** Parameters that steps logged and the program has none of; those that are written as numbers are numbers. */
export function loggedParameters(record: RunRecord): JsonObject {
  const texts = Object.entries(logged(record, 'parameters'));
  return Object.fromEntries(texts.map(([name, text]) => [name, NUMBER.test(text) ? Number(text) : text]));
}

/** Of steps that logged the same name the first counts. */
function logged({ steps }: RunRecord, of: 'parameters' | 'tags'): Record<string, string> {
  // A damaged record is listed too, as far as it goes.
  const found = Array.isArray(steps) ? steps.map((step) => step?.logged?.[of] ?? {}) : [];
  return found.length === 0 ? {} : Object.assign({}, ...found.reverse());
}

/**
 * The figure that each name alone means: the declared one, else the last that was reported; those of cells as
 * `NAME@STEP.NUMBER`, and by its name alone one that no other cell reported. One whose series ends in what is no number is
 * none (spec SAME-PIP-025), and no other stands in for it.
 */
export function figuresByName(metrics: readonly MetricRecord[]): Record<string, number> {
  const alone = new Map<string, MetricRecord>();
  const figures = new Map<string, number>();
  // A damaged record is listed too, as far as it goes.
  const whole = metrics.filter(({ name, value }) => typeof name === 'string' && typeof value === 'number');
  const cells = Map.groupBy(
    whole.filter(({ matrix }) => matrix !== undefined),
    ({ name }) => name,
  );
  for (const metric of whole) {
    const { name, step, value, matrix, declared, lost } = metric;
    if (matrix !== undefined && cells.get(name)!.length > 1) {
      if (lost === undefined) figures.set(`${name}@${step}`, value);
    } else if (declared || !alone.get(name)?.declared) {
      alone.set(name, metric);
      if (lost === undefined) figures.set(name, value);
      else figures.delete(name);
    }
  }
  return Object.fromEntries(figures);
}
