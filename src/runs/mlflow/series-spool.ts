import {
  closeSync,
  dirname,
  makeDirectories,
  openSync,
  readIfThere,
  statSync,
  writeFully,
} from '../../host/files.ts';
import { numberIn, parseLooseJson } from '../../pipeline/json-numbers.ts';
import { type Ending, LARGEST_REPORT_BYTES } from '../../pipeline/metrics.ts';
import { figureIn } from '../../pipeline/series.ts';
import { isJsonObject, type JsonObject } from '../../program/json.ts';
import type { Point } from './fields.ts';
import { Refusal } from './refusal.ts';

const BUFFER_LENGTH = 64 * 1024;
/** How long points wait at most until they are in the file. */
const FLUSH_MS = 1000;
/** As much as is read of a report. */
const MOST_BYTES = LARGEST_REPORT_BYTES;
/** Keys of a line that are positions. */
const POSITIONS = ['step', 'time'];

/** What is known of a figure without reading its series. */
export interface Latest extends Point {
  count: number;
}

/**
 * The points of a run while they come: lines as in `metrics.jsonl`, `{"step":3,"time":1767225600.5,"loss":0.4}`, in a file
 * that grows, so that nothing but the last of each figure is in memory.
 */
export class SeriesSpool {
  readonly #path: string;
  readonly #first = new Map<string, Point>();
  readonly #latest = new Map<string, Latest>();
  readonly #endings = new Map<string, Ending & { at?: Point }>();
  #buffer = '';
  #waiting: NodeJS.Timeout | undefined;
  #written = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** The last point of each figure: that of the highest step, and of those the latest. */
  get latest(): ReadonlyMap<string, Latest> {
    return this.#latest;
  }

  /** How the points of each figure end: with the finite one of the highest step, and of those the latest. */
  get endings(): ReadonlyMap<string, Ending> {
    return this.#endings;
  }

  /** Whether the points of a figure are in the series: those of one called like a position cannot be. */
  static holds(name: string): boolean {
    return !POSITIONS.includes(name);
  }

  /** Takes points that came together. @throws Refusal there are too many */
  add(points: readonly Point[]): void {
    let line: Record<string, number | string> | undefined;
    for (const point of points) {
      const { name, value, timestamp, step } = point;
      const last = this.#latest.get(name);
      const first = this.#first.get(name);
      if (!first) this.#first.set(name, point);
      else if (point.ofModel && (isSamePoint(point, first) || isSamePoint(point, last))) continue;
      const isLatest = isLater(point, last);
      this.#latest.set(name, { ...(isLatest ? point : last!), count: (last?.count ?? 0) + 1 });
      this.#endings.set(name, endingWith(this.#endings.get(name), point, isLatest));
      if (!SeriesSpool.holds(name)) continue;
      const time = timestamp / 1000;
      if (line && (line.step !== step || line.time !== time || Object.hasOwn(line, name))) {
        this.#put(line);
        line = undefined;
      }
      line ??= { step, time };
      Object.defineProperty(line, name, {
        value: Number.isFinite(value) ? value : String(value),
        enumerable: true,
        writable: true,
      });
    }
    if (line) this.#put(line);
  }

  /** Every point of a figure, in the order in which they came. */
  history(name: string): Point[] {
    this.flush();
    const text = readIfThere(this.#path)?.toString('utf8') ?? '';
    const found = readSeries(text, name);
    const latest = this.#latest.get(name);
    return found.length === 0 && latest ? [latest] : found;
  }

  /** @returns where the lines are, or undefined when there are none */
  flush(): string | undefined {
    if (this.#buffer !== '') {
      if (this.#written === 0) makeDirectories(dirname(this.#path));
      const fd = openSync(this.#path, 'a', 0o600);
      try {
        writeFully(fd, this.#buffer);
      } finally {
        closeSync(fd);
      }
      this.#buffer = '';
      this.#written = statSync(this.#path).size;
    }
    return this.#written === 0 ? undefined : this.#path;
  }

  /** So that who looks at a run that goes on finds its points. */
  #flushSoon(): void {
    this.#waiting = undefined;
    try {
      this.flush();
    } catch {
      // A full disk, which is said when the series is stored: what is not written yet is kept until then.
    }
  }

  #put(line: Record<string, number | string>): void {
    if (this.#written > MOST_BYTES) {
      throw new Refusal(
        'RESOURCE_LIMIT_EXCEEDED',
        `a run may log ${MOST_BYTES} bytes of points, and these are more`,
      );
    }
    this.#buffer += `${JSON.stringify(line)}\n`;
    if (this.#buffer.length > BUFFER_LENGTH) this.flush();
    else this.#waiting ??= setTimeout(() => this.#flushSoon(), FLUSH_MS).unref();
  }
}

/** The points of one figure in lines as of `metrics.jsonl`; a line without `step` is counted from 0, one without `time` has 0. */
export function readSeries(text: string, name: string): Point[] {
  let position = 0;
  return text.split('\n').flatMap((line): Point[] => {
    const point = mayHold(line, name) ? pointIn(parsedLine(line), name) : undefined;
    return point ? [{ ...point, step: point.step ?? position++ }] : [];
  });
}

/**
 * Of each figure the last point that has its value: its step, where the line has one, and time, else 0. Looks no further
 * than it must, from the end.
 * @param wanted the values by the figures' names
 */
export function readSeriesEnd(
  text: string,
  wanted: ReadonlyMap<string, number>,
): Map<string, { step?: number; timestamp: number }> {
  const found = new Map<string, { step?: number; timestamp: number }>();
  const left = new Map(wanted);
  for (let end = text.length; end > 0 && left.size > 0; ) {
    const start = text.lastIndexOf('\n', end - 1) + 1;
    const line = parsedLine(text.slice(start, end));
    end = start - 1;
    // Only where something is within something can a line have a figure that is none of its keys.
    const isFlat = !Object.values(line).some((value) => typeof value === 'object');
    for (const name of isFlat ? Object.keys(line) : [...left.keys()]) {
      const value = left.get(name);
      const point = value === undefined ? undefined : pointIn(line, name);
      if (!point || value === undefined || !Object.is(point.value + 0, value + 0)) continue;
      const { step, timestamp } = point;
      found.set(name, { ...(step === undefined ? {} : { step }), timestamp });
      left.delete(name);
    }
  }
  return found;
}

function mayHold(line: string, name: string): boolean {
  return line.includes(JSON.stringify(name).slice(1, -1)) || name.includes('.');
}

function parsedLine(line: string): JsonObject {
  const parsed = parseLooseJson(line);
  // Of a torn line no point can be told.
  return parsed !== undefined && isJsonObject(parsed) ? parsed : {};
}

function pointIn(line: JsonObject, name: string): (Omit<Point, 'step'> & { step?: number }) | undefined {
  const value = figureIn(line, name, numberIn);
  if (value === undefined) return undefined;
  const at = (key: string) => (Object.hasOwn(line, key) ? line[key] : undefined);
  const step = [at('step'), at('epoch')].find((each) => Number.isSafeInteger(each));
  const time = at('time');
  return {
    name,
    value,
    ...(step === undefined ? {} : { step: step as number }),
    timestamp: typeof time === 'number' ? Math.round(time * 1000) : 0,
  };
}

function isLater({ step, timestamp }: Point, than: Point | undefined): boolean {
  return !than || step > than.step || (step === than.step && timestamp >= than.timestamp);
}

/** Like that of lines, but by steps. @param isLatest whether the point is after all others */
function endingWith(
  ending: Ending & { at?: Point } = { finite: 0, notFinite: 0, lost: 0 },
  point: Point,
  isLatest: boolean,
): Ending & { at?: Point } {
  const isAfter = isLater(point, ending.at);
  if (!Number.isFinite(point.value))
    return { ...ending, notFinite: ending.notFinite + 1, lost: ending.lost + (isAfter ? 1 : 0) };
  const finite = ending.finite + 1;
  if (!isAfter) return { ...ending, finite };
  // One that came late may stand before points that are lost: which of them is not known any more.
  return { ...ending, finite, value: point.value, at: point, lost: isLatest ? 0 : ending.lost };
}

function isSamePoint(a: Point, b: Point | undefined): boolean {
  return a.step === b?.step && a.timestamp === b.timestamp && Object.is(a.value, b.value);
}
