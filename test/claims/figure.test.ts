import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareClaims } from '../../src/claims/compare-claims.ts';
import type { JsonObject } from '../../src/program/json.ts';
import type { Claim } from '../../src/program/schema.ts';
import type { MetricRecord } from '../../src/runs/run-record.ts';

const cell = (
  number: number,
  matrix: JsonObject,
  value: number,
  step = 'train',
  more: Partial<MetricRecord> = {},
) => ({
  name: 'loss',
  step: `${step}.${number}`,
  matrix,
  value,
  ...more,
});
/** As they ended, not as they are numbered. */
const cells: MetricRecord[] = [
  cell(2, { seed: 2 }, 0.9),
  cell(0, { seed: 0 }, 0.1),
  cell(3, { seed: 3 }, 0.4),
  cell(1, { seed: 1 }, 0.2),
];

function outcomeOf(
  claim: Partial<Claim>,
  facts: { metrics?: MetricRecord[]; parameters?: Record<string, number>; leftOut?: string[] } = {},
) {
  const { parameters = {}, metrics = cells, leftOut = [] } = facts;
  const [record] = compareClaims([{ id: 'c', metric: 'loss', expect: 0.4, ...claim }], {
    metrics,
    leftOut,
    parameters: Object.fromEntries(
      Object.entries(parameters).map(([name, value]) => [name, { value, source: 'default' as const }]),
    ),
  });
  return record!;
}

describe('a claim about cells', () => {
  it('takes the figure of the cell that given names, whatever the parameter of that name is', () => {
    const { outcome, got } = outcomeOf({ given: { seed: 2 } }, { parameters: { seed: 7 } });
    assert.deepEqual([outcome, got], ['outside', 0.9]);
  });

  it('does not speak of a run without such a cell', () => {
    const { outcome, because } = outcomeOf({ given: { seed: 9 } });
    assert.equal(outcome, 'not-run');
    assert.match(because!, /speaks of seed=9; no cell of this run/);
  });

  it('can name a dimension and a parameter together', () => {
    const given = { seed: 3, epochs: 10 };
    assert.equal(outcomeOf({ given }, { parameters: { epochs: 10 } }).outcome, 'within');
    assert.equal(outcomeOf({ given }, { parameters: { epochs: 11 } }).outcome, 'not-run');
  });

  it('does not speak of a metric that is of no cell', () => {
    const metrics = [{ name: 'loss', step: 'all', value: 0.4 }];
    const { outcome, because } = outcomeOf({ given: { seed: 0 } }, { metrics });
    assert.equal(outcome, 'not-run');
    assert.match(because!, /this metric is of no cell/);
  });

  it('finds none alone among several, and says what to do', () => {
    const { outcome, because } = outcomeOf({});
    assert.equal(outcome, 'error');
    assert.match(because!, /reported by 4 cells of step train: pick one by given, or say over and aggregate/);
  });

  it('names all cells by the step, and one by its number', () => {
    assert.equal(outcomeOf({ metric: 'train.3.loss' }).outcome, 'within');
    assert.equal(outcomeOf({ metric: 'train.loss', given: { seed: 3 } }).outcome, 'within');
    assert.match(outcomeOf({ metric: 'train.4.loss' }).because!, /no step reported/);
  });

  it('takes the one cell of a matrix that has one', () => {
    assert.equal(outcomeOf({}, { metrics: [cells[2]!] }).outcome, 'within');
  });
});

describe('a claim over a dimension', () => {
  const figures: [aggregate: NonNullable<Claim['aggregate']>, got: number][] = [
    ['mean', (0.1 + 0.2 + 0.9 + 0.4) / 4],
    ['median', (0.2 + 0.4) / 2],
    ['min', 0.1],
    ['max', 0.9],
  ];
  for (const [aggregate, got] of figures) {
    it(`takes the ${aggregate} of the cells in the order of their numbers`, () => {
      assert.equal(outcomeOf({ over: 'seed', aggregate }).got, got);
    });
  }

  it('takes the figure in the middle of an odd number', () => {
    assert.equal(outcomeOf({ over: 'seed', aggregate: 'median' }, { metrics: cells.slice(1) }).got, 0.2);
  });

  it('has a finite mean of figures that are too large together', () => {
    const metrics = [cell(0, { seed: 0 }, 1.5e308), cell(1, { seed: 1 }, 1.5e308)];
    assert.equal(outcomeOf({ over: 'seed', aggregate: 'mean' }, { metrics }).got, 1.5e308);
  });

  it('takes those cells that given leaves, and needs them to differ in nothing else', () => {
    const metrics = [
      cell(0, { lr: 1, seed: 0 }, 1),
      cell(1, { lr: 1, seed: 1 }, 3),
      cell(2, { lr: 2, seed: 0 }, 10),
    ];
    const claim = { over: 'seed', aggregate: 'mean' } as const;
    assert.equal(outcomeOf({ ...claim, given: { lr: 1 } }, { metrics }).got, 2);
    const { outcome, because } = outcomeOf(claim, { metrics });
    assert.equal(outcome, 'error');
    assert.match(because!, /differ in lr too: say which by given/);
  });

  it('is an error where several steps reported the metric', () => {
    const metrics = [cell(0, { seed: 0 }, 1), cell(0, { seed: 0 }, 1, 'test')];
    assert.match(
      outcomeOf({ over: 'seed', aggregate: 'min' }, { metrics }).because!,
      /by steps train and test/,
    );
  });

  it('speaks of several runs where the metric has no such dimension', () => {
    const { outcome, because } = outcomeOf({ over: 'epochs', aggregate: 'mean' });
    assert.equal(outcome, 'not-run');
    assert.match(because!, /several runs \(over epochs\)/);
  });

  it('does not speak of a run with one of over and aggregate alone', () => {
    assert.equal(outcomeOf({ over: 'seed' }).outcome, 'not-run');
    assert.equal(outcomeOf({ aggregate: 'mean' }).outcome, 'not-run');
  });

  it('takes declared figures before reported ones', () => {
    const metrics = [...cells, cell(0, { seed: 0 }, 5, 'test', { declared: true })];
    assert.equal(outcomeOf({ over: 'seed', aggregate: 'max' }, { metrics }).got, 5);
  });
});

describe('a claim about a series that ends in what is no number', () => {
  it('cannot be compared, alone and over cells, and says why', () => {
    const metrics = [cell(0, { seed: 0 }, 0.4, 'train', { lost: 2 }), cell(1, { seed: 1 }, 0.4)];
    for (const claim of [{ given: { seed: 0 } }, { over: 'seed', aggregate: 'mean' } as const]) {
      const { outcome, because } = outcomeOf(claim, { metrics });
      assert.equal(outcome, 'error');
      assert.equal(because, 'metric "loss" of step train.0 is not a finite number in its last 2 points');
    }
    assert.equal(outcomeOf({ given: { seed: 1 } }, { metrics }).outcome, 'within');
  });
});

describe('a claim in a run that left steps out', () => {
  it('is not run where no step reported its metric', () => {
    const { outcome, because } = outcomeOf({ metric: 'bleu' }, { leftOut: ['test', 'evaluate'] });
    assert.equal(outcome, 'not-run');
    assert.match(because!, /this run left out test, evaluate/);
    assert.equal(outcomeOf({ metric: 'bleu' }).outcome, 'error');
  });
});
