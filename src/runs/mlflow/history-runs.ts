import type { LoggedRun } from '../../engines/intake.ts';
import { isRunId } from '../run-id.ts';
import type { MetricRecord, RunRecord, RunStatus } from '../run-record.ts';
import { RUN_NAME } from '../run-row.ts';
import type { ProtocolRun } from './answers.ts';
import type { Point } from './fields.ts';
import { experimentOf, type HistoryRun, nameOf, parametersOf, tagsOf } from './history.ts';
import { readSeries, readSeriesEnd } from './series-spool.ts';

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

/** A figure of a run, or of one that a step began within it. */
export interface ToldFigure extends Pick<MetricRecord, 'name' | 'value' | 'count' | 'series'> {
  /** What its series calls it, where listings add the cell to its name. */
  seriesName?: string;
}

/** A status in the protocol's words. */
export function statusOf(status: RunStatus): ProtocolRun['status'] {
  return STATUSES[status];
}

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

/** A run of the history in the protocol's words; its figures as {@link withSeriesEnds} finds them without series. */
export function historyAnswer(run: HistoryRun): ProtocolRun {
  const { record } = run;
  const { startedAt, finishedAt } = record;
  return {
    id: record.id,
    experiment: experimentOf(record.program.name),
    name: run.tags[RUN_NAME] ?? nameOf(record),
    status: STATUSES[record.status],
    startedMs: Date.parse(startedAt),
    ...(finishedAt === undefined ? {} : { endedMs: Date.parse(finishedAt) }),
    metrics: figuresOf(record).map((metric) => lastPoint(metric, finishedAt ?? startedAt)),
    parameters: parametersOf(record),
    tags: tagsOf(run),
  };
}

/** A run that a step began, in the protocol's words, as {@link historyAnswer}. */
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
export function figuresOf({ metrics }: RunRecord): ToldFigure[] {
  const cells = Map.groupBy(
    metrics.filter(({ matrix }) => matrix !== undefined),
    ({ name }) => name,
  );
  const found = new Map<string, MetricRecord & ToldFigure>();
  for (const metric of metrics) {
    const { name, step, matrix, declared } = metric;
    if (matrix !== undefined && cells.get(name)!.length > 1)
      found.set(`${name}@${step}`, { ...metric, name: `${name}@${step}`, seriesName: name });
    else if (declared || !found.get(name)?.declared) found.set(name, metric);
  }
  return [...found.values()];
}

/**
 * Every point of a figure.
 * @param text its series, where that is here
 * @param at when the run ended, for points without a time
 */
export function historyOf(figure: ToldFigure, text: string | undefined, at: string): Point[] {
  const { name, seriesName = name } = figure;
  const points = text === undefined ? [] : readSeries(text, seriesName);
  return points.length > 0
    ? points.map((point) => ({ ...point, name, timestamp: point.timestamp || Date.parse(at) }))
    : [lastPoint(figure, at)];
}

/**
 * The same answer with steps and times of its figures from the ends of their series, as far as those are here.
 * @param text reads a series by its digest
 */
export async function withSeriesEnds(
  answer: ProtocolRun,
  figures: readonly ToldFigure[],
  text: (digest: string) => Promise<string | undefined>,
): Promise<ProtocolRun> {
  const ends = new Map<string, { step?: number; timestamp: number }>();
  for (const [series, those] of Map.groupBy(figures, (figure) => figure.series)) {
    // What is damaged is told of where its points are asked for; here it is as good as absent.
    const read = series === undefined ? undefined : await text(series).catch(() => undefined);
    if (read === undefined) continue;
    const wanted = new Map(those.map(({ name, seriesName = name, value }) => [seriesName, value]));
    const found = readSeriesEnd(read, wanted);
    for (const { name, seriesName = name } of those) {
      const end = found.get(seriesName);
      if (end) ends.set(name, end);
    }
  }
  const metrics = [...answer.metrics].map((point) => {
    const { step = point.step, timestamp = 0 } = ends.get(point.name) ?? {};
    return { ...point, step, timestamp: timestamp || point.timestamp };
  });
  return { ...answer, metrics };
}

/** Where a figure has no series here, it is its last point, at the end of the run. */
function lastPoint({ name, value, count }: ToldFigure, at: string): Point {
  return { name, value, step: count === undefined ? 0 : count - 1, timestamp: Date.parse(at) };
}
