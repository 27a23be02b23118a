import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type LineStyle, RunLines } from '../../src/cli/render/run-lines.ts';
import { StepTails } from '../../src/cli/render/step-tails.ts';
import type { EngineEvent } from '../../src/engines/engine.ts';
import { events } from './scripted-run.ts';

const { started, printed, finished, reused, skipped } = events;

function linesOf(told: EngineEvent[], style: Partial<LineStyle> = {}): string[] {
  const lines = new RunLines({ marks: false, colour: false, ...style });
  return [...told.flatMap((event) => lines.take(event)), ...lines.flush()];
}

const many = (count: number, of: (cell: string) => EngineEvent, name = 'train') =>
  Array.from({ length: count }, (_, number) => of(`${name}.${number}`));

describe('the lines of a run', () => {
  it('tell off a terminal what started, how it ended, what was reused and what was left out', () => {
    const told = [
      reused('prepare'),
      started('train.0'),
      printed('train.0', 'epoch 1'),
      finished('train.0', { status: 'failed', exitCode: 3, retrying: true }),
      started('train.0', 2),
      finished('train.0', { status: 'failed', signal: 'SIGKILL' }),
      reused('extra', { acceptedFrom: 'sha256:1' }),
      skipped('report', 'step train.0 did not succeed'),
    ];
    assert.deepEqual(linesOf(told), [
      'step prepare reused from run 0123456789ab',
      'step train.0 started: make train.0',
      'step train.0 failed (exit 3) in 2.1 s, trying again',
      'step train.0 started (attempt 2): make train.0',
      'step train.0 failed (SIGKILL) in 2.1 s',
      'step extra reused from run 0123456789ab, accepted as it is',
      'step report skipped: step train.0 did not succeed',
    ]);
    assert.deepEqual(linesOf(told, { marks: true, label: (cell) => `${cell} (seed=0)` }), [
      '= prepare (seed=0) reused from run 0123456789ab',
      '✗ train.0 (seed=0) failed (exit 3) in 2.1 s, trying again',
      '✗ train.0 (seed=0) failed (SIGKILL) in 2.1 s',
      '= extra (seed=0) reused from run 0123456789ab, accepted as it is',
      '- report (seed=0) skipped: step train.0 did not succeed',
    ]);
    assert.deepEqual(linesOf([finished('train.3')], { marks: true, colour: true }), [
      '\u001b[32m✓\u001b[0m train.3 in 2.1 s',
    ]);
  });

  it('name a few cells that were reused one after another, and count many', () => {
    assert.equal(linesOf(many(5, reused)).length, 5);
    assert.deepEqual(linesOf(many(6, reused)), ['6 cells of train reused']);
    const mixed = [
      ...many(700, reused),
      ...many(300, (cell) => reused(cell), 'evaluate'),
      reused('a'),
      reused('b'),
      reused('c'),
    ];
    assert.deepEqual(linesOf(mixed, { marks: true }), [
      '= 1003 steps reused (700 of train, 300 of evaluate, a and 2 more)',
    ]);
  });

  it('count what was left out for one reason apart from what was for another', () => {
    const told = [
      ...many(9, (cell) => skipped(cell, 'the run was\ncanceled')),
      skipped('clean', 'step train.1 did not succeed'),
      ...many(9, reused, 'last'),
    ];
    assert.deepEqual(linesOf(told), [
      '9 cells of train skipped: the run was\\u000acanceled',
      'step clean skipped: step train.1 did not succeed',
      '9 cells of last reused',
    ]);
  });

  it('keep their order: what was held back comes before what follows, and what a step prints follows nothing', () => {
    const lines = new RunLines({ marks: false, colour: false });
    assert.deepEqual(
      many(7, reused).flatMap((event) => lines.take(event)),
      [],
    );
    assert.deepEqual(lines.take(printed('x', 'hello')), []);
    assert.equal(lines.isHolding, true);
    assert.deepEqual(lines.take(finished('x')), ['7 cells of train reused', 'step x succeeded in 2.1 s']);
    assert.equal(lines.isHolding, false);
    assert.deepEqual(lines.flush(), []);
  });
});

describe('the last lines of steps', () => {
  it('are kept for each that runs, and for those that failed', () => {
    const tails = new StepTails();
    const told = [
      started('a'),
      started('b'),
      printed('a', ...Array.from({ length: 30 }, (_, line) => `a ${line}`)),
      printed('b', 'b 0'),
      printed('a', 'a 30'),
      finished('b', { status: 'failed' }),
      printed('a', 'a 31'),
    ];
    for (const event of told) tails.take(event);
    assert.deepEqual(tails.of('b'), ['b 0']);
    assert.deepEqual(
      tails.of('a'),
      Array.from({ length: 20 }, (_, line) => `a ${line + 12}`),
    );
    tails.take(finished('a'));
    assert.deepEqual(tails.of('a'), []);
    assert.deepEqual(tails.of('none'), []);
  });

  it('are those of the last attempt', () => {
    const tails = new StepTails();
    for (const event of [
      started('a'),
      printed('a', 'first'),
      finished('a', { status: 'failed', retrying: true }),
      started('a', 2),
      printed('a', 'second'),
      finished('a', { status: 'failed' }),
    ])
      tails.take(event);
    assert.deepEqual(tails.of('a'), ['second']);
  });
});
