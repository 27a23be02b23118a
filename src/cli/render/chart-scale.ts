import type { Curve, Plot } from '../../operations/plot-runs.ts';
import { figure } from './text.ts';

/** From where to where a chart goes in both directions; never empty. */
export interface Extent {
  x: [number, number];
  y: [number, number];
}

/** What a chart of curves covers. */
export function extentOf({ curves }: Plot): Extent {
  const of = (index: 0 | 1): [number, number] => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const { points } of curves) {
      for (const point of points) {
        low = Math.min(low, point[index]);
        high = Math.max(high, point[index]);
      }
    }
    if (low < high) return [low, high];
    const around = Math.abs(low) / 10 || 1;
    return [low - around, high + around];
  };
  return { x: of(0), y: of(1) };
}

/** Round numbers within a range: about so many, a 1, 2 or 5 of some power of ten apart. */
export function ticksOf([low, high]: [number, number], about: number): number[] {
  const raw = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= raw * (1 - 1e-9)) ?? raw;
  if (!Number.isFinite(step) || step <= 0) return [low, high];
  const ticks: number[] = [];
  for (
    let index = Math.ceil(low / step - 1e-9);
    index * step <= high + step * 1e-9 && ticks.length < 100;
    index++
  )
    ticks.push(Number((index * step).toPrecision(12)));
  return ticks;
}

/** A tick as text, short. */
export function tickText(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) return value.toExponential().replace('e+', 'e');
  return String(value);
}

/** Parameters that a curve is called by at most: more fill no line. */
const MOST_GIVEN = 6;

/**
 * What curves are called beside one another: the ends of their runs' ids, as far as needed, the names of runs within others,
 * their steps, and the values in which they differ.
 */
export function labelsOf(curves: readonly Curve[]): string[] {
  const runs = [...new Set(curves.map(({ run }) => run))];
  let length = 6;
  while (length < 36 && new Set(runs.map((run) => run.slice(-length))).size < runs.length) length++;
  return curves.map(({ run, name, step, given = {} }) => {
    const values = Object.entries(given)
      .slice(0, MOST_GIVEN)
      .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
    return [run.slice(-length), name, step, values.join(' ')]
      .filter((part) => part !== undefined && part !== '')
      .join(' ');
  });
}

/** What a curve comes to: `0.4 after 10 points`. */
export function endOf({ points, goesOn }: Curve): string {
  const many = `${points.length} ${points.length === 1 ? 'point' : 'points'}`;
  return `${figure(points.at(-1)![1])} after ${many}${goesOn ? ' so far' : ''}`;
}
