import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JsonObject } from '../../src/program/json.ts';
import { knownTrials } from '../../src/sweeps/sampler.ts';
import { combinationKey, type Dimension } from '../../src/sweeps/search-space.ts';
import type { Search, TrialRecord } from '../../src/sweeps/sweep.ts';
import { proposeTrial } from '../../src/sweeps/tree-parzen.ts';

const SEEDS = Array.from({ length: 12 }, (_, i) => i + 1);

/** A function of two numbers and a choice, with one lowest point. */
const space: Dimension[] = [
  { name: 'lr', kind: 'log', low: 1e-5, high: 1e-1 },
  { name: 'width', kind: 'range', start: 1, end: 65, step: 1 },
  { name: 'model', kind: 'choice', values: ['a', 'b', 'c'] },
];

function loss({ lr, width, model }: JsonObject): number {
  const far = (Math.log10(lr as number) + 3) ** 2 + (((width as number) - 20) / 16) ** 2;
  return far + { a: 1, b: 0, c: 2 }[model as 'a' | 'b' | 'c'];
}

function searchOf(samplerSeed: number, options: Partial<Search> = {}): Search {
  const objective = { direction: 'min' as const, metric: 'loss' };
  return { space, algorithm: 'tpe', trials: 50, samplerSeed, objective, jobs: 1, ...options };
}

/** Every trial of a search, each knowing all but the `jobs` − 1 before it. */
function sweep(
  search: Search,
  evaluate: (values: JsonObject, number: number) => number | undefined,
): TrialRecord[] {
  const trials: TrialRecord[] = [];
  for (let number = 0; number < search.trials; number++) {
    const learnt = Math.max(0, number - search.jobs + 1);
    const pending = trials.slice(learnt).map(({ values }) => values);
    const values = proposeTrial(search, number, trials.slice(0, learnt), pending);
    const objective = evaluate(values, number);
    trials.push({
      number,
      values,
      ...(objective === undefined ? { status: 'failed' } : { status: 'succeeded', objective }),
    });
  }
  return trials;
}

const lowest = (figures: (number | undefined)[]) => Math.min(...figures.map((figure) => figure ?? Infinity));
const mean = (figures: number[]) => figures.reduce((sum, figure) => sum + figure, 0) / figures.length;

describe('tpe', () => {
  for (const jobs of [1, 4]) {
    it(`finds a lower point than random in as many trials, ${jobs} at a time`, () => {
      const found = SEEDS.map((seed) => {
        const search = searchOf(seed, { jobs });
        const random = knownTrials({ ...search, algorithm: 'random' })!.map(loss);
        const learnt = sweep(search, loss).map(({ objective }) => objective);
        return { random: lowest(random), tpe: lowest(learnt) };
      });
      const wins = found.filter(({ random, tpe }) => tpe < random).length;
      assert.ok(wins >= 9, `${wins} of ${found.length}`);
      const [tpe, random] = [mean(found.map((f) => f.tpe)), mean(found.map((f) => f.random))];
      assert.ok(tpe < random / 2, `${tpe} ${random}`);
    });
  }

  it('finds the highest point as it finds the lowest', () => {
    const search = searchOf(1);
    const highest = { ...search, objective: { direction: 'max' as const, metric: 'score' } };
    assert.deepEqual(
      sweep(highest, (values) => -loss(values)).map(({ values }) => values),
      sweep(search, loss).map(({ values }) => values),
    );
  });

  it('tries the same with the same seed, and something else with another', () => {
    const tried = (seed: number) => sweep(searchOf(seed), loss).map(({ values }) => values);
    assert.deepEqual(tried(1), tried(1));
    assert.notDeepEqual(tried(1), tried(2));
  });

  it('begins with what random would try, and tries no combination twice', () => {
    const search = searchOf(4, { jobs: 3 });
    const trials = sweep(search, loss).map(({ values }) => values);
    assert.deepEqual(trials.slice(0, 10), knownTrials({ ...search, algorithm: 'random', trials: 10 }));
    assert.equal(new Set(trials.map((values) => combinationKey(space, values))).size, trials.length);
  });

  it('tries every combination of a small space once', () => {
    const small: Dimension[] = [
      { name: 'lr', kind: 'choice', values: [0.1, 0.01, 0.001] },
      { name: 'width', kind: 'range', start: 10, end: 20, step: 2 },
      { name: 'model', kind: 'choice', values: ['a', 'b'] },
    ];
    const trials = sweep(searchOf(1, { space: small, trials: 30 }), loss);
    assert.equal(new Set(trials.map(({ values }) => combinationKey(small, values))).size, 30);
  });

  it('goes on where trials fail, all of them too', () => {
    const some = sweep(searchOf(2), (values, number) => (number % 3 === 0 ? undefined : loss(values)));
    assert.ok(lowest(some.map(({ objective }) => objective)) < 0.2);
    assert.equal(sweep(searchOf(2), () => undefined).length, 50);
  });
});
