import type { ReportedMetric } from '../engines/engine.ts';
import type { Finding } from '../errors/same-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../program/json.ts';
import type { MetricSource } from '../program/schema.ts';
import { numberIn, parseLooseJson } from './json-numbers.ts';

/** Bytes of a report, a log or a series that is read for figures: of more nothing is read. */
export const LARGEST_REPORT_BYTES = 256 * 1024 * 1024;

/** What a metrics file said, and what of it could not be understood. */
export interface MetricsReading {
  metrics: ReportedMetric[];
  problems: Finding[];
  /** Figures that are not finite or have no name: said, and left out. */
  warnings: string[];
}

/**
 * Reads `metrics.json`: final scalars, nested keys joined with `.`. Text, lists and null are left out; true and false
 * are 1 and 0.
 */
export function readFinalMetrics(text: string, place: string): MetricsReading {
  const parsed = parseLooseJson(text);
  if (!isJsonObject(parsed)) return unreadable(place, 'is not a JSON object');
  return { ...usableOnly(scalarsOf(parsed), place), problems: [] };
}

/**
 * Reads `metrics.jsonl`: one JSON object a line; the last finite value of each key is its figure, `step`, `epoch` and
 * `time` being positions, not figures. A torn last line is forgiven, any other is a problem.
 */
export function readMetricSeries(text: string, place: string): MetricsReading {
  const reading = metricSeriesIn(text, place);
  for (;;) {
    const { done, value } = reading.next();
    if (done) return value;
  }
}

/** Lines that are read at a stretch: tens of milliseconds. */
const STRETCH = 10_000;

/** {@link readMetricSeries} in stretches, between which others go on: it takes long where there are millions of lines. */
export function* metricSeriesIn(
  text: string,
  place: string,
): Generator<undefined, MetricsReading, undefined> {
  const latest = new Map<string, Ending>();
  const lines = text.split('\n');
  const problems: Finding[] = [];
  for (const [index, line] of lines.entries()) {
    if (index > 0 && index % STRETCH === 0) yield;
    if (line.trim() === '') continue;
    const parsed = parseLooseJson(line);
    if (!isJsonObject(parsed)) {
      if (index < lines.length - 1) {
        problems.push({
          code: 'SAME1606',
          message: 'line is not a JSON object',
          place: `${place}:${index + 1}`,
        });
      }
      continue;
    }
    for (const { name, value } of scalarsOf(parsed)) {
      if (name === 'step' || name === 'epoch' || name === 'time') continue;
      latest.set(name, endingWith(latest.get(name), value));
    }
  }
  const reading: MetricsReading = { metrics: [], problems, warnings: [] };
  for (const [name, ending] of latest) {
    const { figure, warning } = endOf(name, ending);
    if (figure) reading.metrics.push(figure);
    if (warning !== undefined) reading.warnings.push(`${place}: ${warning}`);
  }
  return reading;
}

/**
 * Reads one declared metric from the text it names: by JSON pointer (RFC 6901) over the text, or by the first group of
 * a pattern over its lines. A pointer over printed lines reads the last line that is a JSON object.
 * @param compile makes a linear-time matcher of an RE2 pattern: each match's first group, else the whole match.
 */
export function readDeclaredMetric(
  text: string,
  source: MetricSource,
  compile: (pattern: string) => (text: string) => string[],
): number | string {
  if (source.regex !== undefined) {
    const found = compile(source.regex)(text);
    if (found.length === 0) return `nothing matches ${JSON.stringify(source.regex)}`;
    return pick(found.map(numberOf), source.take ?? 'last') ?? `"${found.at(-1)}" is not a finite number`;
  }
  const document = parseLooseJson(text) ?? text.split('\n').map(parseLooseJson).findLast(isJsonObject);
  if (document === undefined) return 'there is no JSON in it';
  const value = source.json === undefined ? document : pointer(document, source.json);
  if (value === undefined) return `nothing at JSON pointer ${source.json}`;
  const number = numberIn(value);
  if (number !== undefined && !Number.isFinite(number)) return 'it is not a finite number';
  return number ?? `the value at ${source.json ?? 'its root'} is not a number`;
}

function pick(values: number[], take: NonNullable<MetricSource['take']>): number | undefined {
  const chosen = {
    first: () => values[0],
    last: () => values.at(-1),
    min: () => values.reduce((a, b) => Math.min(a, b)),
    max: () => values.reduce((a, b) => Math.max(a, b)),
  }[take]();
  return chosen === undefined || !Number.isFinite(chosen) ? undefined : chosen;
}

function numberOf(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text.trim());
}

function pointer(document: JsonValue, path: string): JsonValue | undefined {
  let value: JsonValue | undefined = document;
  for (const token of path.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(value) && /^(0|[1-9][0-9]*)$/.test(key)) value = value[Number(key)];
    else if (isJsonObject(value) && Object.hasOwn(value, key)) value = value[key];
    else return undefined;
  }
  return value;
}

function scalarsOf(object: JsonObject, prefix = ''): ReportedMetric[] {
  return Object.entries(object).flatMap(([key, value]): ReportedMetric[] => {
    const name = prefix + key;
    if (isJsonObject(value)) return scalarsOf(value, `${name}.`);
    const number = numberIn(value);
    return number === undefined ? [] : [{ name, value: number }];
  });
}

/** How the points of a figure end. */
export interface Ending {
  /** The last that is finite. */
  value?: number;
  /** Points that are finite, and that are not. */
  finite: number;
  notFinite: number;
  /** Those after the value that are not finite. */
  lost: number;
}

/** What an ending becomes by one more point. */
function endingWith(ending: Ending = { finite: 0, notFinite: 0, lost: 0 }, value: number): Ending {
  return Number.isFinite(value)
    ? { ...ending, value, finite: ending.finite + 1, lost: 0 }
    : { ...ending, notFinite: ending.notFinite + 1, lost: ending.lost + 1 };
}

/**
 * The figure that a series ends with, where any point is finite, and what is to be said where any is not (spec
 * SAME-PIP-025).
 */
export function endOf(
  name: string,
  { value, finite, notFinite, lost }: Ending,
): { figure?: ReportedMetric; warning?: string } {
  if (name === '') return { warning: 'a metric without a name is left out' };
  const all = finite + notFinite;
  // Escaped as JSON, for a name may hold what a terminal obeys.
  const what = `metric ${JSON.stringify(name)} is not a finite number`;
  if (value === undefined) return { warning: `${what} and is left out (${notFinite} of ${all} points)` };
  const figure = { name, value, count: finite, ...(lost === 0 ? {} : { lost }) };
  if (notFinite === 0) return { figure };
  const after = lost === 0 ? '' : `, the last ${lost === 1 ? 'one' : lost} among them`;
  return { figure, warning: `${what} in ${notFinite} of ${all} points, which are left out${after}` };
}

/** What a record can hold: a figure without a name could not be named by a claim, and no record with one is valid. */
function usableOnly(metrics: ReportedMetric[], place: string): Pick<MetricsReading, 'metrics' | 'warnings'> {
  const why = ({ name, value }: ReportedMetric): string | undefined => {
    if (name === '') return 'a metric without a name';
    // Escaped as JSON, for a name may hold what a terminal obeys.
    return Number.isFinite(value) ? undefined : `metric ${JSON.stringify(name)} is not a finite number and`;
  };
  return {
    metrics: metrics.filter((metric) => why(metric) === undefined),
    warnings: metrics.map(why).flatMap((reason) => (reason ? [`${place}: ${reason} is left out`] : [])),
  };
}

function unreadable(place: string, why: string): MetricsReading {
  return { metrics: [], problems: [{ code: 'SAME1606', message: `${place} ${why}`, place }], warnings: [] };
}
