import type { ReportedMetric } from '../engines/engine.ts';
import type { Finding } from '../errors/same-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../program/json.ts';
import type { MetricSource } from '../program/schema.ts';

/** Overflows to Infinity when it is read. */
const NOT_FINITE = '1e999';

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
  const parsed = parseJson(text);
  if (!isJsonObject(parsed)) return unreadable(place, 'is not a JSON object');
  return { ...usableOnly(scalarsOf(parsed), place), problems: [] };
}

/**
 * Reads `metrics.jsonl`: one JSON object a line; the last value of each key is its figure, `step`, `epoch` and `time`
 * being positions, not figures. A torn last line is forgiven, any other is a problem.
 */
export function readMetricSeries(text: string, place: string): MetricsReading {
  const latest = new Map<string, ReportedMetric>();
  const lines = text.split('\n');
  const problems: Finding[] = [];
  lines.forEach((line, index) => {
    if (line.trim() === '') return;
    const parsed = parseJson(line);
    if (!isJsonObject(parsed)) {
      if (index < lines.length - 1) {
        problems.push({
          code: 'SAME1606',
          message: 'line is not a JSON object',
          place: `${place}:${index + 1}`,
        });
      }
      return;
    }
    for (const { name, value } of scalarsOf(parsed)) {
      if (name === 'step' || name === 'epoch' || name === 'time') continue;
      latest.set(name, { name, value, count: (latest.get(name)?.count ?? 0) + 1 });
    }
  });
  return { ...usableOnly([...latest.values()], place), problems };
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
  const document = parseJson(text) ?? text.split('\n').map(parseJson).findLast(isJsonObject);
  if (document === undefined) return 'there is no JSON in it';
  const value = source.json === undefined ? document : pointer(document, source.json);
  if (value === undefined) return `nothing at JSON pointer ${source.json}`;
  const number = typeof value === 'boolean' ? Number(value) : value;
  if (typeof number === 'number' && !Number.isFinite(number)) return 'it is not a finite number';
  return typeof number === 'number' ? number : `the value at ${source.json ?? 'its root'} is not a number`;
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
    if (typeof value === 'number') return [{ name, value }];
    if (typeof value === 'boolean') return [{ name, value: Number(value) }];
    return isJsonObject(value) ? scalarsOf(value, `${name}.`) : [];
  });
}

/** JSON, and what programs write for numbers that JSON lacks: `NaN` and `Infinity` are read as not finite. */
function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    const spelt = text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, (token) =>
      token.startsWith('"') ? token : NOT_FINITE,
    );
    if (spelt === text) return undefined;
    try {
      return JSON.parse(spelt) as JsonValue;
    } catch {
      // Not JSON by any reading: the caller says so with its place.
      return undefined;
    }
  }
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
