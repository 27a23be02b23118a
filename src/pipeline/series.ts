import { isJsonObject, type JsonObject, type JsonValue } from '../program/json.ts';
import { numberIn, parseLooseJson } from './json-numbers.ts';

/** One point of a figure over a run: where it stands, and its value. */
export type SeriesPoint = [at: number, value: number];

/** The points of one figure, and what tells where they stand: `step`, `epoch`, or their own order. */
export interface Series {
  along: 'step' | 'epoch' | 'order';
  points: SeriesPoint[];
}

/**
 * The points of one figure in the text of `metrics.jsonl`, in the order in which they were reported. A line that is no
 * object, or where the figure is not finite, has none.
 * @param name as a record has it: nested keys joined with `.`
 */
export function readSeries(text: string, name: string): Series {
  const lines: { line: JsonObject; value: number }[] = [];
  for (const source of text.split('\n')) {
    if (source.trim() === '') continue;
    const line = parseLooseJson(source);
    const value = isJsonObject(line) ? figureIn(line, name, finite) : undefined;
    if (value !== undefined) lines.push({ line: line as JsonObject, value });
  }
  const isAt = (key: 'step' | 'epoch') => lines.every(({ line }) => typeof line[key] === 'number');
  const along = lines.length === 0 ? 'order' : isAt('step') ? 'step' : isAt('epoch') ? 'epoch' : 'order';
  const points = lines.map(
    ({ line, value }, index): SeriesPoint => [along === 'order' ? index + 1 : (line[along] as number), value],
  );
  return { along, points };
}

/**
 * At most so many points that look as all do: of each stretch the lowest and the highest, and both ends.
 * @param most at least 4
 */
export function thinned(points: readonly SeriesPoint[], most: number): SeriesPoint[] {
  if (points.length <= most) return [...points];
  const stretch = Math.ceil(points.length / Math.floor(most / 2 - 1));
  const kept = new Set([0, points.length - 1]);
  for (let from = 0; from < points.length; from += stretch) {
    const end = Math.min(points.length, from + stretch);
    let [low, high] = [from, from];
    for (let index = from; index < end; index++) {
      if (points[index]![1] < points[low]![1]) low = index;
      if (points[index]![1] > points[high]![1]) high = index;
    }
    kept.add(low).add(high);
  }
  return [...kept].sort((a, b) => a - b).map((index) => points[index]!);
}

/**
 * The figure of a name in a line of `metrics.jsonl`, nested keys being joined with `.`, also those that have one.
 * @param read what a value is taken for; undefined where it is none
 */
export function figureIn(
  line: JsonObject,
  name: string,
  read: (value: JsonValue) => number | undefined,
): number | undefined {
  if (Object.hasOwn(line, name)) return read(line[name]!);
  for (let dot = name.indexOf('.'); dot > 0; dot = name.indexOf('.', dot + 1)) {
    const inner = Object.hasOwn(line, name.slice(0, dot)) ? line[name.slice(0, dot)] : undefined;
    const found = isJsonObject(inner) ? figureIn(inner, name.slice(dot + 1), read) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function finite(value: JsonValue): number | undefined {
  const figure = numberIn(value);
  return figure !== undefined && Number.isFinite(figure) ? figure : undefined;
}
