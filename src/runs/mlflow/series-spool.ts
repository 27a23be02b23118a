import {
  closeSync,
  dirname,
  makeDirectories,
  openSync,
  readIfThere,
  statSync,
  writeFully,
} from '../../host/files.ts';
import type { Point } from './fields.ts';
import { Refusal } from './refusal.ts';

const BUFFER_LENGTH = 64 * 1024;
/** As much as is read of a report. */
const MOST_BYTES = 256 * 1024 * 1024;
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
  #buffer = '';
  #written = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** The last point of each figure: that of the highest step, and of those the latest. */
  get latest(): ReadonlyMap<string, Latest> {
    return this.#latest;
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
      const isLater = !last || step > last.step || (step === last.step && timestamp >= last.timestamp);
      this.#latest.set(name, { ...(isLater ? point : last), count: (last?.count ?? 0) + 1 });
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

  #put(line: Record<string, number | string>): void {
    if (this.#written > MOST_BYTES) {
      throw new Refusal(
        'RESOURCE_LIMIT_EXCEEDED',
        `a run may log ${MOST_BYTES} bytes of points, and these are more`,
      );
    }
    this.#buffer += `${JSON.stringify(line)}\n`;
    if (this.#buffer.length > BUFFER_LENGTH) this.flush();
  }
}

/** The points of one figure in lines as of `metrics.jsonl`; a line without `step` is counted from 0. */
export function readSeries(text: string, name: string): Point[] {
  let position = 0;
  return text.split('\n').flatMap((line): Point[] => {
    if (!line.includes(JSON.stringify(name).slice(1, -1)) && !name.includes('.')) return [];
    let parsed: Record<string, unknown>;
    try {
      parsed = JSON.parse(line);
    } catch {
      // Torn, or with words for what JSON lacks: no point of this figure can be told from it.
      return [];
    }
    const value = Object.hasOwn(parsed, name)
      ? parsed[name]
      : name.split('.').reduce<unknown>(within, parsed);
    if (typeof value !== 'number' && typeof value !== 'boolean' && !/^(NaN|-?Infinity)$/.test(String(value)))
      return [];
    const step = [parsed.step, parsed.epoch].find((each) => Number.isSafeInteger(each)) as number | undefined;
    const time = typeof parsed.time === 'number' ? Math.round(parsed.time * 1000) : 0;
    return [{ name, value: Number(value), step: step ?? position++, timestamp: time }];
  });
}

function isSamePoint(a: Point, b: Point | undefined): boolean {
  return a.step === b?.step && a.timestamp === b.timestamp && Object.is(a.value, b.value);
}

function within(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
