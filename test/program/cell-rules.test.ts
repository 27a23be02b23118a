import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseManifest } from '../../src/program/manifest.ts';

const head = 'apiVersion: same/v1\nkind: Program\nmetadata: {name: study, version: "1.0"}\n';

/** Every finding as one line: code, place, message and hint. */
function findingsOf(manifest: string): string[] {
  const { findings } = parseManifest(Buffer.from(head + manifest), 'f');
  return findings.map(
    ({ code, place, message, hint }) => `${place} ${code} ${message}${hint ? ` — ${hint}` : ''}`,
  );
}

describe('a condition of a manifest', () => {
  it('is refused at its place with the name that was meant', () => {
    assert.deepEqual(
      findingsOf(`parameters: {epochs: {type: integer, default: 1}}
pipeline:
  steps:
    train: {run: x, matrix: {seed: [1]}, when: epoch > 3 || matrix.sed == 1}
`),
      [
        '7:48 SAME1010 pipeline.steps.train.when: "epoch" leads nowhere — did you mean epochs? (known: epochs, seed); text is written "epoch"',
        '7:48 SAME1010 pipeline.steps.train.when: "matrix.sed" leads nowhere — did you mean seed? (known: seed)',
      ].map((line) => `f:${line}`),
    );
  });

  it('says each name once', () => {
    const manifest = 'pipeline: {steps: {a: {run: x, when: "b == 1 || b == 2"}}}\n';
    assert.equal(findingsOf(manifest).length, 1);
  });
});

describe('the cells of a step', () => {
  it('say what to write where an input is ambiguous', () => {
    assert.deepEqual(
      findingsOf(`pipeline:
  steps:
    train: {run: x, matrix: {lr: [1], seed: [1]}, outputs: {o: {}}}
    test: {run: x, matrix: {seed: [1], lr: [1]}, inputs: {i: {from: train.o}}}
`),
      [
        'f:7:59 SAME1008 pipeline.steps.test.inputs.i: both steps have lr and seed, so it is not clear which cells of train it takes — write cells: matching for those with the same values, or cells: all',
      ],
    );
  });

  it('give no second finding where a matrix or an input is wrong by itself', () => {
    assert.equal(
      findingsOf(`pipeline:
  steps:
    train: {run: x, matrix: {seed: 3}, outputs: {o: {}}, parallel: 2}
    test: {run: x, matrix: {seed: [1]}, inputs: {i: {from: train.o, cells: most}}}
`).length,
      2,
    );
  });

  it('are counted in all for the whole pipeline, those of steps that are refused by themselves left out', () => {
    const numbers = (count: number) => JSON.stringify(Array.from({ length: count }, (_, index) => index));
    const step = (count: number) => `{run: x, matrix: {a: ${numbers(count)}, b: ${numbers(1000)}}}`;
    const found = findingsOf(`pipeline: {steps: {a: ${step(101)}, b: ${step(100)}}}\n`);
    assert.equal(found.length, 1);
    assert.match(found[0]!, /SAME1005 pipeline\.steps\.a\.matrix has 101000 combinations, more than 100000/);
  });
});
