import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { knownTrials } from '../../src/sweeps/sampler.ts';
import { combinationKey, coordinateOf, type Dimension, valueAt } from '../../src/sweeps/search-space.ts';
import type { Search } from '../../src/sweeps/sweep.ts';
import { uniform } from '../../src/sweeps/uniform.ts';

const lr: Dimension = { name: 'lr', kind: 'log', low: 1e-5, high: 1e-1 };
const model: Dimension = { name: 'model', kind: 'choice', values: ['a', 'b'] };
const seed: Dimension = { name: 'seed', kind: 'range', start: 0, end: 5, step: 1 };

const trialsOf = (search: Partial<Search> & Pick<Search, 'space' | 'algorithm' | 'trials'>) =>
  knownTrials({ jobs: 1, ...search })!;

const dimensions = fc.oneof(
  fc
    .record({
      low: fc.double({ min: 1e-6, max: 1e3, noNaN: true }),
      ratio: fc.double({ min: 1.01, max: 1e6, noNaN: true }),
    })
    .chain(({ low, ratio }) =>
      fc.constantFrom<Dimension>(
        { name: 'x', kind: 'log', low, high: low * ratio },
        { name: 'x', kind: 'linear', low, high: low * ratio },
      ),
    ),
  fc
    .record({
      low: fc.integer({ min: 1, max: 1000 }),
      more: fc.integer({ min: 1, max: 1e9 }),
      of: fc.constantFrom(1, 3),
    })
    .chain(({ low, more, of }) =>
      fc.constantFrom<Dimension>(
        { name: 'x', kind: 'log', low: low * of, high: (low + more) * of, multipleOf: of },
        { name: 'x', kind: 'linear', low: low * of, high: (low + more) * of, multipleOf: of },
      ),
    ),
);

describe('a value drawn between two ends', () => {
  it('lies between them, is a multiple where one is asked for, and its coordinate leads to it again', () => {
    fc.assert(
      fc.property(dimensions, fc.double({ min: 0, max: 1 - 2 ** -53, noNaN: true }), (dimension, at) => {
        const value = valueAt(dimension, at) as number;
        assert.ok('low' in dimension);
        assert.ok(dimension.low <= value && value <= dimension.high, String(value));
        if (dimension.multipleOf !== undefined) assert.equal(value % dimension.multipleOf, 0);
        assert.equal(valueAt(dimension, coordinateOf(dimension, value)), value);
      }),
    );
  });

  it('is of a logarithmic interval as likely in each decade', () => {
    const decades = [0, 0, 0, 0];
    for (const { lr: value } of trialsOf({
      space: [lr],
      algorithm: 'random',
      trials: 4000,
      samplerSeed: 7,
    })) {
      decades[Math.floor(Math.log10(value as number) + 5)]! += 1;
    }
    // Each is binomial with mean 1000 and standard deviation 27.
    for (const count of decades) assert.ok(Math.abs(count - 1000) < 110, decades.join(' '));
  });

  it('is of few integers each as likely, the ends too', () => {
    const n: Dimension = { name: 'n', kind: 'linear', low: 1, high: 4, multipleOf: 1 };
    const counts = new Map<unknown, number>();
    for (let at = 0; at < 4000; at++) {
      const value = valueAt(n, uniform(3, at, 'n'));
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    assert.deepEqual([...counts.keys()].sort(), [1, 2, 3, 4]);
    for (const count of counts.values()) assert.ok(Math.abs(count - 1000) < 110, String(count));
  });
});

describe('draws', () => {
  it('are the first 53 bits of a SHA-256, which any language can compute', () => {
    assert.equal(uniform(0, 0, 'lr'), 0.22418300011728343);
    assert.equal(uniform(1, 'shift', 'lr'), 0.45014916914239456);
  });

  it('are equally spread', () => {
    const counts = Array.from({ length: 10 }, () => 0);
    for (let at = 0; at < 10_000; at++) counts[Math.floor(uniform(11, at, 'p') * 10)]! += 1;
    for (const count of counts) assert.ok(Math.abs(count - 1000) < 130, counts.join(' '));
  });
});

describe('a grid', () => {
  it('is every combination in order, the last parameter changing fastest', () => {
    assert.deepEqual(trialsOf({ space: [model, seed], algorithm: 'grid', trials: 10 }), [
      ...[0, 1, 2, 3, 4].map((value) => ({ model: 'a', seed: value })),
      ...[0, 1, 2, 3, 4].map((value) => ({ model: 'b', seed: value })),
    ]);
  });

  it('is the first ones where fewer are asked for', () => {
    assert.equal(trialsOf({ space: [model, seed], algorithm: 'grid', trials: 3 }).length, 3);
  });
});

for (const algorithm of ['random', 'sobol'] as const) {
  describe(algorithm, () => {
    it('tries the same with the same seed, and something else with another', () => {
      const search = { space: [lr, model], algorithm, trials: 20 };
      assert.deepEqual(trialsOf({ ...search, samplerSeed: 5 }), trialsOf({ ...search, samplerSeed: 5 }));
      assert.notDeepEqual(trialsOf({ ...search, samplerSeed: 5 }), trialsOf({ ...search, samplerSeed: 6 }));
    });

    it('begins the same however many trials there are', () => {
      const search = { space: [lr, seed], algorithm, samplerSeed: 1 };
      assert.deepEqual(trialsOf({ ...search, trials: 30 }).slice(0, 10), trialsOf({ ...search, trials: 10 }));
    });

    it('tries no combination twice, and all of them in as many trials', () => {
      const space = [model, seed];
      const trials = trialsOf({ space, algorithm, trials: 10, samplerSeed: 2 });
      assert.equal(new Set(trials.map((values) => combinationKey(space, values))).size, 10);
    });
  });
}

describe('random', () => {
  it('draws the same for a parameter when another is added', () => {
    const alone = trialsOf({ space: [lr], algorithm: 'random', trials: 10, samplerSeed: 3 });
    const beside = trialsOf({ space: [model, lr], algorithm: 'random', trials: 10, samplerSeed: 3 });
    assert.deepEqual(
      beside.map((values) => values.lr),
      alone.map((values) => values.lr),
    );
  });
});

describe('sobol', () => {
  it('fills two dimensions more evenly than chance: 256 points, one in each of 256 squares', () => {
    const space: Dimension[] = [
      { name: 'x', kind: 'linear', low: 0, high: 16 },
      { name: 'y', kind: 'linear', low: 0, high: 16 },
    ];
    for (const samplerSeed of [0, 1, 2]) {
      const squares = trialsOf({ space, algorithm: 'sobol', trials: 256, samplerSeed }).map(
        ({ x, y }) => `${Math.min(15, Math.floor(x as number))} ${Math.min(15, Math.floor(y as number))}`,
      );
      assert.equal(new Set(squares).size, 256, `seed ${samplerSeed}`);
    }
  });
});
