import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fanIn, programOutput } from '../../src/pipeline/fan-in.ts';
import { combinationsOf } from '../../src/pipeline/matrix.ts';
import type { PlannedCell, PlannedStep } from '../../src/pipeline/plan.ts';
import type { JsonValue } from '../../src/program/json.ts';

const stepOf = (name: string, matrix: Record<string, JsonValue[]>): Pick<PlannedStep, 'name' | 'cells'> => ({
  name,
  cells: combinationsOf(matrix).map((values, number) => ({ name: `${name}.${number}`, matrix: values })),
});
const once = { name: 'prepare', cells: [{ name: 'prepare', matrix: {} }] };
const numbers = (found: { cells: readonly { number: number }[] }) => found.cells.map(({ number }) => number);

describe('an input from another step', () => {
  const train = stepOf('train', { lr: [0.1, 0.01], seed: [0, 1, 2] });

  it('is the artifact itself where that step runs once', () => {
    const found = fanIn({}, once)({ matrix: { seed: 1 } });
    assert.deepEqual([found.itself, numbers(found)], [true, [0]]);
  });

  it('is a directory of all cells where it says nothing or all', () => {
    for (const cells of [undefined, 'all'] as const) {
      const found = fanIn(cells === undefined ? {} : { cells }, train)({ matrix: { seed: 1 } });
      assert.deepEqual([found.itself, numbers(found)], [false, [0, 1, 2, 3, 4, 5]]);
    }
  });

  it('is the one artifact where the values of all its dimensions match', () => {
    const matching = fanIn({ cells: 'matching' }, train);
    const found = matching({ matrix: { seed: 1, lr: 0.01, more: true } });
    assert.deepEqual([found.itself, numbers(found)], [true, [4]]);
  });

  it('is a directory under the old numbers where some dimensions match', () => {
    const matching = fanIn({ cells: 'matching' }, train);
    const found = matching({ matrix: { seed: 2 } });
    assert.deepEqual([found.itself, numbers(found)], [false, [2, 5]]);
    assert.deepEqual(
      found.cells.map(({ cell }) => cell.name),
      ['train.2', 'train.5'],
    );
  });

  it('has no cells where none matches', () => {
    const matching = fanIn(
      { cells: 'matching' },
      { name: 'plot', foreach: { step: 'a', output: 'b' }, cells: [] },
    );
    assert.deepEqual(matching({ matrix: { item: 1 } }), { itself: true, cells: [] });
  });

  it('keeps its directory where a list has one item', () => {
    const one = {
      name: 'plot',
      foreach: { step: 'a', output: 'b' },
      cells: [{ name: 'plot.0', matrix: { item: 1 } }],
    };
    assert.equal(fanIn({}, one)({ matrix: {} }).itself, false);
    assert.equal(fanIn({}, { ...one, cells: [] })({ matrix: {} }).itself, false);
  });

  it('finds matching cells of a hundred thousand for a hundred thousand', () => {
    const many = stepOf('many', { n: Array.from({ length: 100_000 }, (_, index) => index) });
    const matching = fanIn({ cells: 'matching' }, many);
    const sum = many.cells.reduce((total, cell) => total + matching(cell).cells[0]!.number, 0);
    assert.equal(sum, (99_999 * 100_000) / 2);
  });
});

describe('an output of the program', () => {
  const steps = [once, stepOf('train', { seed: [7] })] as unknown as PlannedStep[];
  const outputs = { data: { step: 'prepare', output: 'x' }, models: { step: 'train', output: 'y' } };

  it('is the artifact of a step that runs once', () => {
    assert.deepEqual(programOutput({ outputs, steps }, 'data'), { output: 'x', cell: 'prepare' });
  });

  it('is a directory of the cells of a step that runs more than once, be it one cell', () => {
    assert.deepEqual(programOutput({ outputs, steps }, 'models'), {
      output: 'y',
      entries: [{ entry: '0', cell: 'train.0' }],
    });
  });

  it('has the cells of a list as they became known', () => {
    const plot = {
      name: 'plot',
      foreach: { step: 'train', output: 'l' },
      cells: [],
    } as unknown as PlannedStep;
    const known: PlannedCell[] = [{ name: 'plot.0', matrix: { item: 'a' } }];
    const plan = { outputs: { figures: { step: 'plot', output: 'f' } }, steps: [plot] };
    assert.deepEqual(programOutput(plan, 'figures', new Map([['plot', known]])), {
      output: 'f',
      entries: [{ entry: '0', cell: 'plot.0' }],
    });
    assert.deepEqual(programOutput(plan, 'figures'), { output: 'f', entries: [] });
    assert.equal(programOutput(plan, 'other'), undefined);
  });
});
