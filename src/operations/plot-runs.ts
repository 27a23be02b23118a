import { SameError } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import { LARGEST_REPORT_BYTES } from '../pipeline/metrics.ts';
import { readSeries, type SeriesPoint } from '../pipeline/series.ts';
import { equalJson, type JsonObject } from '../program/json.ts';
import type { MetricRecord } from '../runs/run-record.ts';
import { parametersOf } from '../runs/run-row.ts';
import { runsWithin } from '../runs/run-within.ts';
import type { ToldRun } from './find-runs.ts';
import { namedRuns } from './named-runs.ts';
import { stopIfCanceled } from './pin-program.ts';
import type { Ports } from './ports.ts';
import { seriesSoFar } from './series-so-far.ts';

/** One figure of one run, or of one cell of it, over time. */
export interface Curve {
  run: string;
  program: string;
  /** Of a run within another: what it was called. */
  name?: string;
  /** Of a figure that several steps or cells reported. */
  step?: string;
  /** The parameters and values of cells in which the curves differ. */
  given?: JsonObject;
  /** The step goes on: these are its points so far. */
  goesOn?: true;
  points: SeriesPoint[];
}

/** Curves of one figure. */
export interface Plot {
  metric: string;
  unit?: string;
  /** What tells where points stand; their order where not all curves tell the same. */
  along: 'step' | 'epoch' | 'order';
  curves: Curve[];
}

/** A figure that ends a series, and the run that it is of: one that was named, or one within it. */
export interface KnownSeries {
  run: ToldRun;
  figure: MetricRecord;
  /** Its lines, where they are not stored yet. */
  text?: string;
}

interface Found extends Pick<Plot, 'along' | 'unit'> {
  curve: Curve;
  /** What the curve may be told apart by. */
  values: JsonObject;
}

/**
 * `same plot runs`: the series of a figure in some runs; of a step that goes on what it has written so far; of a run that
 * has none itself those of the runs within it. Of a run that has none at all, or whose series is not here, the user is
 * warned.
 * @param metric its name, or `NAME@STEP.NUMBER` for one cell
 * @throws SAME1608 · SAME1612 · SAME1902 none of the runs has such a series
 */
export async function plotRuns(ports: Ports, texts: readonly string[], metric: string): Promise<Plot> {
  const runs = await namedRuns(ports, texts);
  const found: Found[] = [];
  const known: KnownSeries[] = [];
  for (const run of runs) {
    const there = await seriesIn(ports, run);
    for (const one of there) known.push(one);
    const named = there.filter(({ figure }) => isNamed(figure, metric));
    const own = named.filter((one) => one.run === run);
    const wanted = own.length > 0 ? own : named;
    const before = found.length;
    for (const one of wanted) {
      stopIfCanceled(ports);
      const curve = await curveOf(ports, one, wanted);
      if (curve) found.push(curve);
    }
    if (found.length === before) warnOfNone(ports, run, metric, wanted.length > 0);
  }
  if (found.length === 0) throw noSeries(known, metric);
  const along = found.every((one) => one.along === found[0]!.along) ? found[0]!.along : 'order';
  const unit = found.find((one) => one.unit !== undefined)?.unit;
  const differing = differingNames(found.map(({ values }) => values));
  const curves = found.map(({ curve: { points, ...curve }, values }): Curve => {
    const given = Object.entries(values).filter(([name]) => differing.has(name));
    return {
      ...curve,
      ...(given.length === 0 ? {} : { given: Object.fromEntries(given) }),
      points: along === 'order' ? points.map(([, value], at): SeriesPoint => [at + 1, value]) : points,
    };
  });
  return { metric, along, curves, ...(unit === undefined ? {} : { unit }) };
}

/** Every series of a run, of its steps that go on, and of the runs within it. */
async function seriesIn(ports: Ports, run: ToldRun): Promise<KnownSeries[]> {
  const of = (one: ToldRun): KnownSeries[] =>
    one.record.metrics
      .filter(({ series }) => series !== undefined)
      .map((figure): KnownSeries => ({ run: one, figure }));
  const within = runsWithin(run.record).map((record): ToldRun => ({ record, own: run.own, tags: {} }));
  const isOver = run.record.id.includes('/') || run.record.status !== 'running';
  return [...of(run), ...(isOver ? [] : await seriesSoFar(ports, run)), ...within.flatMap(of)];
}

async function curveOf(
  ports: Ports,
  { run, figure, text: written }: KnownSeries,
  beside: readonly KnownSeries[],
): Promise<Found | undefined> {
  const digest = figure.series;
  const text =
    written ??
    (digest !== undefined && (await ports.content.has(digest))
      ? (await ports.content.read(digest, LARGEST_REPORT_BYTES)).toString('utf8')
      : '');
  const { along, points } = readSeries(text, figure.name);
  if (points.length === 0) return undefined;
  const { id, program, display } = run.record;
  const isOne = beside.filter((one) => one.run === run).length === 1;
  return {
    curve: {
      run: id,
      program: `${program.name}:${program.version}`,
      ...(id.includes('/') ? { name: display } : {}),
      ...(isOne ? {} : { step: figure.step }),
      ...(written === undefined ? {} : { goesOn: true as const }),
      points,
    },
    values: { ...parametersOf(run.record), ...figure.matrix },
    along,
    ...(figure.unit === undefined ? {} : { unit: figure.unit }),
  };
}

/** Names whose values are not the same in all. */
function differingNames(all: readonly JsonObject[]): Set<string> {
  const names = new Set(all.flatMap((values) => Object.keys(values)));
  const known = (values: JsonObject, name: string) =>
    Object.hasOwn(values, name) ? values[name] : undefined;
  const isSame = (name: string) => {
    const first = known(all[0]!, name);
    return all.every((values) => {
      const value = known(values, name);
      return first === undefined || value === undefined ? first === value : equalJson(first, value);
    });
  };
  return new Set([...names].filter((name) => !isSame(name)));
}

function isNamed({ name, step }: MetricRecord, metric: string): boolean {
  return name === metric || `${name}@${step}` === metric || `${step}.${name}` === metric;
}

function warnOfNone(ports: Ports, { record, own }: ToldRun, metric: string, isKnown: boolean): void {
  const none = record.status === 'running' ? ' so far' : '';
  ports.warn({
    code: 'SAME1902',
    message: isKnown
      ? `the series of ${metric} in run ${record.id} is not here${own ? '' : ': it did not travel'}`
      : `run ${record.id} has no series of ${metric}${none}`,
  });
}

function noSeries(all: readonly KnownSeries[], metric: string): SameError {
  const names = [...new Set(all.map(({ figure }) => figure.name))];
  const known = all.find(({ figure }) => isNamed(figure, metric))?.run;
  if (known) {
    const { name, version } = known.record.program;
    return new SameError({
      code: 'SAME1902',
      message: `no series of ${JSON.stringify(metric)} is here${known.own ? '' : ': of runs that came along the records travelled, their series did not'}`,
      place: '--metric',
      hint: `have your own: same run program ${name}:${version}`,
    });
  }
  const meant = nearest(metric, names);
  const others =
    names.length > 0
      ? `figures with series: ${names.slice(0, 20).join(', ')}`
      : 'steps report series by metrics.jsonl';
  return new SameError({
    code: 'SAME1902',
    message: `none of these runs has a series of ${JSON.stringify(metric)} here`,
    place: '--metric',
    hint: meant === undefined || meant === metric ? others : `did you mean ${meant}?`,
  });
}
