import { SameError } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import { readSeries, type SeriesPoint } from '../pipeline/series.ts';
import type { MetricRecord } from '../runs/run-record.ts';
import type { ToldRun } from './find-runs.ts';
import { namedRuns } from './named-runs.ts';
import type { Ports } from './ports.ts';

/** One figure of one run, or of one cell of it, over time. */
export interface Curve {
  run: string;
  program: string;
  /** Of a figure that several steps or cells reported. */
  step?: string;
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

/** Longer series are not read. */
const READ_LIMIT_BYTES = 256 * 1024 * 1024;

/**
 * `same plot runs`: the series of a figure in some runs. Of a run that has none, or whose series is not here, the user is
 * warned.
 * @param metric its name, or `NAME@STEP.NUMBER` for one cell
 * @throws SAME1608 · SAME1612 · SAME1902 none of the runs has such a series
 */
export async function plotRuns(ports: Ports, texts: readonly string[], metric: string): Promise<Plot> {
  const runs = await namedRuns(ports, texts);
  const found: { curve: Curve; along: Plot['along']; unit?: string }[] = [];
  for (const run of runs) {
    const wanted = seriesOf(run, metric);
    const before = found.length;
    for (const one of wanted) {
      if (!(await ports.content.has(one.series!))) continue;
      const text = (await ports.content.read(one.series!, READ_LIMIT_BYTES)).toString('utf8');
      const { along, points } = readSeries(text, one.name);
      const { id, program } = run.record;
      const curve: Curve = {
        run: id,
        program: `${program.name}:${program.version}`,
        ...(wanted.length > 1 ? { step: one.step } : {}),
        points,
      };
      if (points.length > 0)
        found.push({ curve, along, ...(one.unit === undefined ? {} : { unit: one.unit }) });
    }
    if (found.length === before) warnOfNone(ports, run, metric, wanted.length > 0);
  }
  if (found.length === 0) throw noSeries(runs, metric);
  const along = found.every((one) => one.along === found[0]!.along) ? found[0]!.along : 'order';
  const unit = found.find((one) => one.unit !== undefined)?.unit;
  const curves = found.map(({ curve }) =>
    along === 'order'
      ? { ...curve, points: curve.points.map(([, value], at): SeriesPoint => [at + 1, value]) }
      : curve,
  );
  return { metric, along, curves, ...(unit === undefined ? {} : { unit }) };
}

function seriesIn({ record }: ToldRun): MetricRecord[] {
  return record.metrics.filter(({ series }) => series !== undefined);
}

function seriesOf(run: ToldRun, metric: string): MetricRecord[] {
  return seriesIn(run).filter(
    ({ name, step }) => name === metric || `${name}@${step}` === metric || `${step}.${name}` === metric,
  );
}

function warnOfNone(ports: Ports, { record, own }: ToldRun, metric: string, isKnown: boolean): void {
  ports.warn({
    code: 'SAME1902',
    message: isKnown
      ? `the series of ${metric} in run ${record.id} is not here${own ? '' : ': it did not travel'}`
      : `run ${record.id} has no series of ${metric}`,
  });
}

function noSeries(runs: readonly ToldRun[], metric: string): SameError {
  const names = [...new Set(runs.flatMap(seriesIn).map(({ name }) => name))];
  const known = runs.find((run) => seriesOf(run, metric).length > 0);
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
