import assert from 'node:assert/strict';
import { it } from 'node:test';
import { stepRows } from '../../src/cli/render/program-steps.ts';
import type { Program } from '../../src/program/schema.ts';

it('Steps are shown with what makes their cells, what lets them run, and those of finally last', () => {
  const program = {
    pipeline: {
      steps: {
        list: { run: 'ls > {{outputs.names}}', outputs: { names: {} } },
        train: {
          run: ['train'],
          matrix: { lr: [0.1, 0.2], seed: Array.from({ length: 30 }, (_, n) => n) },
          when: 'parameters.fast == false',
        },
        each: { run: 'cat', foreach: 'list.names' },
      },
      finally: { tidy: { run: 'rm -rf x', inputs: { names: { from: 'list.names' } } } },
    },
  } as unknown as Program;
  assert.deepEqual(stepRows(program), [
    ['list', '', 'ls > {{outputs.names}}'],
    ['', '', '  writes names'],
    ['train', '', 'train'],
    ['', '', '  for each lr of 0.1, 0.2'],
    ['', '', '  for each seed of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 … (30)'],
    ['', '', '  when parameters.fast == false'],
    ['each', 'after list', 'cat'],
    ['', '', '  for each of the list list.names'],
    ['tidy', 'finally, after list', 'rm -rf x'],
  ]);
});

it('Steps are shown after those that they read from, in the order of the program among equals, also where some wait for each other', () => {
  const reading = (...from: string[]) => ({
    run: 'x',
    inputs: Object.fromEntries(from.map((step) => [step, { from: `${step}.o` }])),
    outputs: { o: {} },
  });
  const namesOf = (steps: object) =>
    stepRows({ pipeline: { steps } } as unknown as Program)
      .map(([name]) => name)
      .filter((name) => name !== '');
  const steps = {
    evaluate: reading('train'),
    plot: reading('load'),
    load: reading(),
    train: reading('load'),
  };
  assert.deepEqual(namesOf(steps), ['load', 'plot', 'train', 'evaluate']);
  assert.deepEqual(namesOf({ b: reading('a'), a: reading('b') }), ['b', 'a']);
});
