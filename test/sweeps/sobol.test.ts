import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SOBOL_DIMENSIONS, sobol } from '../../src/sweeps/sobol.ts';

const point = (number: number, dimensions: number) =>
  Array.from({ length: dimensions }, (_, dimension) => sobol(number, dimension) / 2 ** 32);

describe('the Sobol sequence', () => {
  it('begins as Joe and Kuo publish it', () => {
    const published = [
      [0, 0, 0],
      [0.5, 0.5, 0.5],
      [0.75, 0.25, 0.25],
      [0.25, 0.75, 0.75],
      [0.375, 0.375, 0.625],
      [0.875, 0.875, 0.125],
      [0.625, 0.125, 0.875],
      [0.125, 0.625, 0.375],
      [0.1875, 0.3125, 0.9375],
      [0.6875, 0.8125, 0.4375],
    ];
    assert.deepEqual(
      published.map((_, number) => point(number, 3)),
      published,
    );
  });

  it('goes on so in higher dimensions', () => {
    assert.deepEqual(point(7, 8), [0.125, 0.625, 0.375, 0.125, 0.125, 0.375, 0.625, 0.625]);
    assert.deepEqual(
      point(1000, 40).map((x) => x * 1024),
      [
        225, 99, 531, 693, 287, 929, 47, 921, 513, 71, 87, 261, 165, 393, 147, 379, 737, 353, 1015, 743, 535,
        563, 973, 553, 597, 929, 41, 1003, 61, 349, 151, 149, 303, 607, 821, 789, 869, 851, 315, 491,
      ],
    );
  });

  it('puts one of the first 2ᵏ points of every dimension into each of 2ᵏ equal parts', () => {
    for (let dimension = 0; dimension < SOBOL_DIMENSIONS; dimension++) {
      const parts = Array.from({ length: 1024 }, (_, number) =>
        Math.floor(sobol(number, dimension) / 2 ** 22),
      );
      assert.equal(new Set(parts).size, 1024, `dimension ${dimension}`);
    }
  });
});
