import type { LoggedRun } from '../../engines/intake.ts';
import { isRunId } from '../run-id.ts';
import type { MetricRecord, RunRecord, RunStatus } from '../run-record.ts';
import type { ProtocolRun } from './answers.ts';
import type { Point } from './fields.ts';
import { experimentOf, type HistoryRun, parametersOf, tagsOf } from './history.ts';
import { readSeries } from './series-spool.ts';

const STATUSES: Record<RunStatus, ProtocolRun['status']> = {
  pending: 'SCHEDULED',
  running: 'RUNNING',
  succeeded: 'FINISHED',
  failed: 'FAILED',
  timeout: 'FAILED',
  interrupted: 'FAILED',
  canceled: 'KILLED',
};
const ID_LENGTH = 36;

/** The id of a run, and that of one which a step began within it: they are written `RUN-CHILD`. */
export function splitRunId(id: string): { run: string; child?: string } {
  const whole = /^[0-9a-f]{32}$/.test(id) ? id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') : id;
  const run = whole.slice(0, ID_LENGTH);
  if (whole[ID_LENGTH] !== '-' || !isRunId(run)) return { run: whole };
  return { run, child: whole.slice(ID_LENGTH + 1) };
}

/** What a step began within a run, by its id. */
export function loggedRunOf({ steps }: RunRecord, id: string): LoggedRun | undefined {
  return steps.flatMap(({ logged }) => logged?.runs ?? []).find((run) => run.id === id);
}

/** A run of the history in the protocol's words. */
export function historyAnswer(run: HistoryRun): ProtocolRun {
  const { record } = run;
  const { startedAt, finishedAt } = record;
  return {
    id: record.id,
    experiment: experimentOf(record.program.name),
    name: record.display,
    status: STATUSES[record.status],
    startedMs: Date.parse(startedAt),
    ...(finishedAt === undefined ? {} : { endedMs: Date.parse(finishedAt) }),
    metrics: figuresOf(record).map((metric) => lastPoint(metric, finishedAt ?? startedAt)),
    parameters: parametersOf(record),
    tags: tagsOf(run),
  };
}

/** A run that a step began, in the protocol's words. */
export function loggedRunAnswer(record: RunRecord, logged: LoggedRun): ProtocolRun {
  const {
    id,
    name = '',
    parent,
    status,
    startedAt,
    finishedAt,
    metrics,
    parameters = {},
    tags = {},
  } = logged;
  const above = parent === undefined ? record.id : `${record.id}-${parent}`;
  return {
    id: `${record.id}-${id}`,
    experiment: experimentOf(record.program.name),
    name,
    status: status.toUpperCase() as ProtocolRun['status'],
    startedMs: Date.parse(startedAt),
    ...(finishedAt === undefined ? {} : { endedMs: Date.parse(finishedAt) }),
    metrics: metrics.map((metric) => lastPoint(metric, finishedAt ?? startedAt)),
    parameters: Object.entries(parameters),
    tags: Object.entries({ ...tags, 'mlflow.parentRunId': above }),
  };
}

/** The figures of a run by the names that listings have: that of a cell as `NAME@STEP.NUMBER`. */
export function figuresOf({ metrics }: RunRecord): MetricRecord[] {
  const cells = Map.groupBy(
    metrics.filter(({ matrix }) => matrix !== undefined),
    ({ name }) => name,
  );
  const found = new Map<string, MetricRecord>();
  for (const metric of metrics) {
    const { name, step, matrix, declared } = metric;
    if (matrix !== undefined && cells.get(name)!.length > 1)
      found.set(`${name}@${step}`, { ...metric, name: `${name}@${step}` });
    else if (declared || !found.get(name)?.declared) found.set(name, metric);
  }
  return [...found.values()];
}

/**
 * Every point of a figure.
 * @param text its series, where that is here
 * @param at when the run ended, for a figure without a series
 */
export function historyOf(
  { name, value, count }: Pick<MetricRecord, 'name' | 'value' | 'count'>,
  text: string | undefined,
  at: string,
): Point[] {
  const points = text === undefined ? [] : readSeries(text, name.replace(/@.*$/, ''));
  return points.length > 0
    ? points.map((point) => ({ ...point, name }))
    : [lastPoint({ name, value, ...(count === undefined ? {} : { count }) }, at)];
}

function lastPoint(
  { name, value, count }: Pick<MetricRecord, 'name' | 'value' | 'count'>,
  at: string,
): Point {
  return { name, value, step: count === undefined ? 0 : count - 1, timestamp: Date.parse(at) };
}
