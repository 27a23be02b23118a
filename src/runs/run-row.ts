import type { RunRow } from './run-query.ts';
import type { MetricRecord } from './run-record.ts';
import type { StoredRun } from './run-store.ts';

/**
 * A run as a listing shows it (spec SAME-RUN-070).
 * @param tags that it has now: they are no part of its record
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
    parameters: Object.fromEntries(
      Object.entries(record.parameters).map(([name, { value }]) => [name, value ?? null]),
    ),
    metrics: figuresByName(record.metrics),
    tags: { ...tags },
  };
}

/**
 * The figure that each name alone means: the declared one, else the last that was reported; those of cells as
 * `NAME@STEP.NUMBER`, and by its name alone one that no other cell reported.
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
    const { name, step, value, matrix, declared } = metric;
    if (matrix !== undefined && cells.get(name)!.length > 1) figures.set(`${name}@${step}`, value);
    else if (declared || !alone.get(name)?.declared) {
      alone.set(name, metric);
      figures.set(name, value);
    }
  }
  return Object.fromEntries(figures);
}
