import type { JsonObject } from '../program/json.ts';
import { randomPoint } from './sampler.ts';
import { combinationKey, coordinateOf, type Dimension, sizeOf, valueAt } from './search-space.ts';
import type { Search, TrialRecord } from './sweep.ts';
import { uniform } from './uniform.ts';

/** Trials that are drawn at random before there is anything to learn from. */
const STARTUP = 10;
/** Points that are drawn where the good ones lie, of which the most promising is tried. */
const CANDIDATES = 48;
/** The share of trials that count as good. */
const GOOD = 0.15;
/** How much of a choice's kernel goes to its other values. */
const ELSEWHERE = 0.2;

/** A trial's values as coordinates of [0, 1). */
type Point = readonly number[];

/**
 * Proposes the values of a trial by a tree-structured Parzen estimator (Bergstra et al., "Algorithms for hyper-parameter
 * optimization", 2011): kernel densities of the good and of the other trials, and of points drawn from the former the one
 * where it exceeds the latter most. What is not known yet counts as not good, so that trials at one time differ. The
 * proposal depends on nothing but what is given here.
 * @param known the trials that may be learnt from, in the order of their numbers
 * @param pending values of the trials before this one that are not known yet
 */
export function proposeTrial(
  search: Search,
  number: number,
  known: readonly TrialRecord[],
  pending: readonly JsonObject[],
): JsonObject {
  const { space, samplerSeed: seed = 0 } = search;
  const tried = new Set(
    [...known.map(({ values }) => values), ...pending].map((v) => combinationKey(space, v)),
  );
  const isNew = (values: JsonObject) => !tried.has(combinationKey(space, values));
  const good = goodTrials(search, known);
  if (number < STARTUP || good.length === 0) return firstNew((at) => randomPoint(space, seed, at), isNew);

  const pointOf = (values: JsonObject): Point =>
    space.map((dimension) => coordinateOf(dimension, values[dimension.name]!));
  const goodNumbers = new Set(good.map((trial) => trial.number));
  const above = mixture(
    space,
    good.map(({ values }) => pointOf(values)),
  );
  const below = mixture(space, [
    ...known.filter((trial) => !goodNumbers.has(trial.number)).map(({ values }) => pointOf(values)),
    ...pending.map(pointOf),
  ]);
  let best: { values: JsonObject; promise: number } | undefined;
  for (let candidate = 0; candidate < CANDIDATES; candidate++) {
    const draw = (what: string) => uniform(seed, 'tpe', number, candidate, what);
    const point = above.draw(draw);
    const values = Object.fromEntries(
      space.map((dimension, i) => [dimension.name, valueAt(dimension, point[i]!)]),
    );
    if (!isNew(values)) continue;
    const at = pointOf(values);
    const promise = above.logDensity(at) - below.logDensity(at);
    if (best === undefined || promise > best.promise) best = { values, promise };
  }
  return best?.values ?? firstNew((at) => randomPoint(space, seed, at), isNew);
}

/** The best trials so far. */
function goodTrials({ objective }: Search, known: readonly TrialRecord[]): TrialRecord[] {
  const sign = objective?.direction === 'max' ? -1 : 1;
  return known
    .filter(({ objective: figure }) => figure !== undefined)
    .sort((a, b) => sign * (a.objective! - b.objective!) || a.number - b.number)
    .slice(0, Math.ceil(GOOD * known.length));
}

function firstNew(point: (at: number) => JsonObject, isNew: (values: JsonObject) => boolean): JsonObject {
  for (let at = 0; ; at++) {
    const values = point(at);
    if (isNew(values)) return values;
  }
}

/** Kernels at points, and one that is the same everywhere. */
function mixture(space: readonly Dimension[], points: readonly Point[]) {
  const width = 0.15 * Math.max(1, points.length) ** (-1 / (4 + space.length));
  const kernel = (dimension: Dimension, centre: number, at: number): number => {
    if (dimension.kind === 'choice') {
      const size = sizeOf(dimension);
      const same = Math.floor(centre * size) === Math.floor(at * size);
      return size * ((same ? 1 - ELSEWHERE : 0) + ELSEWHERE / size);
    }
    // What would lie outside is folded back, so that the ends are no less likely than what is beside them.
    return [at, -at, 2 - at].reduce((sum, x) => sum + normalDensity((x - centre) / width) / width, 0);
  };
  return {
    draw(draw: (what: string) => number): Point {
      const centre = points[Math.floor(draw('') * (points.length + 1))];
      return space.map((dimension, i) => {
        const u = draw(dimension.name);
        if (centre === undefined) return u;
        if (dimension.kind === 'choice') return u < ELSEWHERE ? u / ELSEWHERE : centre[i]!;
        const angle = draw(`${dimension.name}/angle`);
        const normal = Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * angle);
        return folded(centre[i]! + width * normal);
      });
    },
    logDensity(at: Point): number {
      const densities = points.map((centre) =>
        space.reduce((product, dimension, i) => product * kernel(dimension, centre[i]!, at[i]!), 1),
      );
      return Math.log(densities.reduce((sum, density) => sum + density, 1) / (points.length + 1));
    },
  };
}

function normalDensity(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}

/** A number mirrored at 0 and 1 until it lies between them, below 1. */
function folded(x: number): number {
  const turned = Math.abs(x) % 2;
  return Math.min(1 - 2 ** -53, turned > 1 ? 2 - turned : turned);
}
