import { type JsonObject, type JsonValue, stableText } from '../program/json.ts';

/** What a sweep tries for one parameter: plain JSON, as the sweep's record has it (spec SAME-SWP-004). */
export type Dimension =
  /** One of these. */
  | { name: string; kind: 'choice'; values: JsonValue[] }
  /** From `start`, by `step`, up to but without `end`. */
  | { name: string; kind: 'range'; start: number; end: number; step: number }
  /** Anything between two ends, both possible; for `log` the logarithm is uniform. Multiples of `multipleOf` if given. */
  | { name: string; kind: 'linear' | 'log'; low: number; high: number; multipleOf?: number };

/** The most values of one dimension, and the most trials of a sweep. */
export const MOST_TRIALS = 100_000;

/** Digits of a value drawn between two ends: what differs beyond is rounding, and nobody's choice. */
const DIGITS = 12;

/** Digits that a multiple of a decimal fraction keeps: 3 · 0.1 is 0.3. */
const DIGITS_OF_MULTIPLES = 15;

const listed = new WeakMap<Dimension, readonly JsonValue[]>();

/** The values of a dimension that has a list of them, in order; of an interval nothing. */
export function listedValues(dimension: Dimension): readonly JsonValue[] | undefined {
  if (dimension.kind === 'choice') return dimension.values;
  if (dimension.kind !== 'range') return undefined;
  const known = listed.get(dimension);
  if (known) return known;
  const { start, step } = dimension;
  const decimals = Math.min(100, Math.max(decimalsOf(start), decimalsOf(step)));
  const values = Array.from({ length: rangeSize(dimension) }, (_, i) =>
    Number((start + i * step).toFixed(decimals)),
  );
  listed.set(dimension, values);
  return values;
}

/** How many values a range has; not finite where its step leads nowhere. */
export function rangeSize({ start, end, step }: { start: number; end: number; step: number }): number {
  // 0.3 / 0.1 is a little less than 3 for binary fractions, and a little more for others.
  return step === 0 ? Number.POSITIVE_INFINITY : Math.max(0, Math.ceil((end - start) / step - 1e-9));
}

/** How many values a dimension has. */
export function sizeOf(dimension: Dimension): number {
  if (dimension.kind === 'choice') return dimension.values.length;
  if (dimension.kind === 'range') return rangeSize(dimension);
  const { low, high, multipleOf } = dimension;
  return multipleOf === undefined ? Number.POSITIVE_INFINITY : Math.round((high - low) / multipleOf) + 1;
}

/** How many combinations there are. */
export function combinations(space: readonly Dimension[]): number {
  return space.reduce((product, dimension) => product * sizeOf(dimension), 1);
}

/** The value of a dimension at a coordinate of [0, 1): the same share of coordinates for each value of a list. */
export function valueAt(dimension: Dimension, at: number): JsonValue {
  if (dimension.kind === 'choice' || dimension.kind === 'range') {
    const values = listedValues(dimension)!;
    return values[Math.min(values.length - 1, Math.floor(at * values.length))]!;
  }
  const { low, high, multipleOf } = dimension;
  const [from, to] = scaledEnds(dimension);
  const scaled = from + at * (to - from);
  const exact = dimension.kind === 'log' ? Math.exp(scaled) : scaled;
  return Math.min(high, Math.max(low, rounded(exact, multipleOf)));
}

/** The coordinate that leads to a value: the inverse of {@link valueAt}, of a list the middle of its share. */
export function coordinateOf(dimension: Dimension, value: JsonValue): number {
  if (dimension.kind === 'choice') {
    const text = stableText(value);
    return (dimension.values.findIndex((each) => stableText(each) === text) + 0.5) / dimension.values.length;
  }
  if (dimension.kind === 'range') {
    const { start, step } = dimension;
    return (Math.round(((value as number) - start) / step) + 0.5) / rangeSize(dimension);
  }
  const [from, to] = scaledEnds(dimension);
  const scaled = dimension.kind === 'log' ? Math.log(value as number) : (value as number);
  return Math.min(1, Math.max(0, (scaled - from) / (to - from)));
}

/** What tells one combination from another. */
export function combinationKey(space: readonly Dimension[], values: JsonObject): string {
  return stableText(space.map(({ name }) => values[name] ?? null));
}

type IntervalDimension = Extract<Dimension, { low: number }>;

/** The ends on the scale that is drawn from; multiples get half of one more on both sides, so that the ends are as likely. */
function scaledEnds({ kind, low, high, multipleOf = 0 }: IntervalDimension): [number, number] {
  const [from, to] = [low - multipleOf / 2, high + multipleOf / 2];
  return kind === 'log' ? [Math.log(from), Math.log(to)] : [from, to];
}

function rounded(value: number, multipleOf: number | undefined): number {
  if (multipleOf === undefined) return Number(value.toPrecision(DIGITS));
  const near = Math.round(value / multipleOf) * multipleOf;
  return Number.isInteger(multipleOf) ? near : Number(near.toPrecision(DIGITS_OF_MULTIPLES));
}

function decimalsOf(value: number): number {
  const [, fraction = '', exponent = '0'] = /^[^.e]*(?:\.(\d+))?(?:e(.+))?$/.exec(String(value)) ?? [];
  return Math.max(0, fraction.length - Number(exponent));
}
