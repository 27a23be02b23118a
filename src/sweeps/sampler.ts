import type { JsonObject } from '../program/json.ts';
import { combinationKey, combinations, type Dimension, listedValues, valueAt } from './search-space.ts';
import { sobol } from './sobol.ts';
import type { Search } from './sweep.ts';
import { uniform } from './uniform.ts';

/** The values of every trial, where they do not depend on results (spec SAME-SWP-010 to 012); of tpe nothing. */
export function knownTrials(search: Search): JsonObject[] | undefined {
  const { space, algorithm, trials, samplerSeed = 0 } = search;
  if (algorithm === 'tpe') return undefined;
  if (algorithm === 'grid') return grid(space, trials);
  const point = algorithm === 'random' ? randomPoint : sobolPoint;
  return distinct(space, trials, (number) => point(space, samplerSeed, number));
}

/** Every combination in order, the last parameter changing fastest. */
function grid(space: readonly Dimension[], trials: number): JsonObject[] {
  const lists = space.map((dimension) => listedValues(dimension)!);
  return Array.from({ length: Math.min(trials, combinations(space)) }, (_, number) => {
    let left = number;
    const values: JsonObject = {};
    for (let at = space.length - 1; at >= 0; at--) {
      const list = lists[at]!;
      values[space[at]!.name] = list[left % list.length]!;
      left = Math.floor(left / list.length);
    }
    return inOrder(space, values);
  });
}

/** The point of a number: each coordinate by itself. */
export function randomPoint(space: readonly Dimension[], seed: number, number: number): JsonObject {
  return Object.fromEntries(
    space.map((dimension) => [dimension.name, valueAt(dimension, uniform(seed, number, dimension.name))]),
  );
}

function sobolPoint(space: readonly Dimension[], seed: number, number: number): JsonObject {
  return Object.fromEntries(
    space.map((dimension, index) => {
      const shift = seed === 0 ? 0 : Math.floor(uniform(seed, 'shift', dimension.name) * 2 ** 32);
      return [dimension.name, valueAt(dimension, ((sobol(number, index) ^ shift) >>> 0) / 2 ** 32)];
    }),
  );
}

/** The first so many points that differ: what was there before is passed over. */
function distinct(
  space: readonly Dimension[],
  trials: number,
  point: (number: number) => JsonObject,
): JsonObject[] {
  const found = new Map<string, JsonObject>();
  for (let number = 0; found.size < trials; number++) {
    const values = point(number);
    const key = combinationKey(space, values);
    if (!found.has(key)) found.set(key, values);
  }
  return [...found.values()];
}

function inOrder(space: readonly Dimension[], values: JsonObject): JsonObject {
  return Object.fromEntries(space.map(({ name }) => [name, values[name]!]));
}
