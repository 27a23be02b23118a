import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { columnsOf } from '../../src/cli/render/columns.ts';
import { type Canvas, layOut } from '../../src/cli/render/live-layout.ts';
import { RunState } from '../../src/cli/render/run-state.ts';
import type { EngineEvent } from '../../src/engines/engine.ts';
import type { PlannedStep } from '../../src/pipeline/plan.ts';
import { events, step } from './scripted-run.ts';

const { started, printed, finished, reused, skipped } = events;

/** A run of which these events were told at these milliseconds. */
function runOf(steps: PlannedStep[], told: [atMs: number, event: EngineEvent][] = []): RunState {
  const state = new RunState({ steps }, 0);
  for (const [atMs, event] of told) state.take(event, atMs);
  return state;
}

function frame(state: RunState, nowMs: number, canvas: Partial<Canvas> = {}): string[] {
  return layOut(state, { columns: 80, rows: 24, nowMs, frame: 0, colour: false, ...canvas });
}

const pipeline = [
  step('prepare'),
  step('train', { cells: 4, after: ['prepare'], parallel: 2 }),
  step('evaluate', { after: ['train'] }),
  step('report', { after: ['evaluate', 'prepare'] }),
  step('clean', { group: 'finally' }),
];
const underWay: [number, EngineEvent][] = [
  [0, reused('prepare')],
  [100, started('train.0')],
  [200, started('train.1')],
  [300, printed('train.0', 'epoch 1', '')],
];

describe('the view of a run', () => {
  it('names what runs, for how long, and the last line it printed; what waits, and for what; how many are where', () => {
    assert.deepEqual(frame(runOf(pipeline, underWay), 2100), [
      '⠋ train.0 (seed=0)  2.0 s  epoch 1',
      '⠋ train.1 (seed=1)  1.9 s',
      'waiting: 2 of train (its turn), evaluate (4 of train) and 2 more',
      'reused 1 · running 2 · waiting 5 · 2.1 s',
    ]);
  });

  it('says what is done, has failed and was skipped', () => {
    const state = runOf(pipeline, [
      ...underWay,
      [3000, finished('train.0')],
      [3100, finished('train.1', { status: 'failed', exitCode: 3 })],
      [3200, skipped('train.2', 'step train.1 did not succeed')],
      [3300, started('train.3')],
    ]);
    assert.deepEqual(frame(state, 4300, { columns: 100 }), [
      '⠋ train.3 (seed=3)  1.0 s of ~2.1 s',
      'waiting: evaluate (train.3), report (evaluate), clean (all others)',
      'done 1 · reused 1 · failed 1 · skipped 1 · running 1 · waiting 3 · 4.3 s',
    ]);
  });

  it('says of a run of one step no more than that step', () => {
    const state = runOf(
      [step('main')],
      [
        [0, started('main')],
        [1, printed('main', 'hello')],
      ],
    );
    assert.deepEqual(frame(state, 1500), ['⠋ main  1.5 s  hello']);
    assert.deepEqual(frame(state, 1500, { frame: 1 }), ['⠙ main  1.5 s  hello']);
  });

  it('estimates cells and the whole by earlier runs: work shared by those that run, no shorter than the longest way', () => {
    const state = runOf(pipeline, underWay);
    state.learn({
      cells: new Map([['train.0', 12_000]]),
      steps: new Map([
        ['train', 10_000],
        ['evaluate', 4000],
        ['report', 5000],
        ['clean', 1000],
      ]),
    });
    const lines = frame(state, 2100);
    assert.match(lines[0]!, /^⠋ train\.0 \(seed=0\) {2}2\.0 s of ~12 s {2}epoch 1$/);
    assert.match(lines[1]!, /^⠋ train\.1 \(seed=1\) {2}1\.9 s of ~10 s$/);
    // 10.0 + 8.1 of train run, 20 of it wait, 10 of others follow: 48.1 by two at a time.
    assert.match(lines.at(-1)!, / · 2\.1 s of ~26 s$/);
    const alone = runOf(
      [step('a'), step('b', { after: ['a'] }), step('c')],
      [
        [0, started('a')],
        [0, started('c')],
      ],
    );
    alone.learn({
      cells: new Map(),
      steps: new Map([
        ['a', 30_000],
        ['b', 20_000],
        ['c', 2000],
      ]),
    });
    assert.match(frame(alone, 1000).at(-1)!, /1\.0 s of ~50 s$/);
  });

  it('has no estimate of the whole while a step is new', () => {
    const state = runOf(pipeline, underWay);
    state.learn({ cells: new Map(), steps: new Map([['train', 10_000]]) });
    assert.match(frame(state, 2100).at(-1)!, / · 2\.1 s$/);
  });

  it('takes the cells of a list in the place of the step once the list is known, and the cell that is tried again back', () => {
    const steps = [
      step('list'),
      step('each', { after: ['list'], foreach: { step: 'list', output: 'items' } }),
    ];
    const state = runOf(steps, [[0, started('list')]]);
    assert.equal(frame(state, 1000)[1], 'waiting: each (list)');
    state.take(finished('list'), 1000);
    const cells = ['a', 'b', 'c'].map((item, number) => ({ name: `each.${number}`, matrix: { item } }));
    state.take({ type: 'step-expanded', step: 'each', cells }, 1000);
    state.take(started('each.1'), 1000);
    assert.deepEqual(frame(state, 1000), [
      '⠋ each.1 (item=b)  0.0 s',
      'waiting: 2 of each (its turn)',
      'done 1 · running 1 · waiting 2 · 1.0 s',
    ]);
    state.take(finished('each.1', { status: 'failed', retrying: true }), 2000);
    assert.deepEqual(state.counts, {
      done: 1,
      cached: 0,
      failed: 0,
      canceled: 0,
      skipped: 0,
      running: 0,
      waiting: 3,
    });
    state.take(started('each.1', 2), 3000);
    assert.match(frame(state, 3000)[0]!, /^⠋ each\.1 \(item=b\) {2}0\.0 s \(attempt 2\)$/);
  });

  it('obeys nothing that a step prints: of a bar that is drawn over itself the end is shown', () => {
    const state = runOf([step('main')], [[0, started('main')]]);
    const said = (line: string) => {
      state.take(printed('main', line), 0);
      return frame(state, 0)[0]!.slice('⠋ main  0.0 s'.length).trim();
    };
    assert.equal(said('10%\r\u001b[32m 20%\u001b[0m\r'), '20%');
    assert.equal(said('a\u001b]0;title\u0007b\tc'), 'ab c');
    assert.equal(said('\u001b[2J\u009b2J\u0007'), '\\u009b2J\\u0007');
  });

  const crowd = [
    step('wide', { cells: 300 }),
    ...Array.from({ length: 40 }, (_, each) => step(`後${each}`, { after: ['wide'] })),
  ];
  const crowded = runOf(crowd, [
    ...Array.from({ length: 60 }, (_, seed): [number, EngineEvent] => [0, started(`wide.${seed}`)]),
    ...Array.from({ length: 60 }, (_, seed): [number, EngineEvent] => [
      0,
      printed(`wide.${seed}`, '訓練'.repeat(200)),
    ]),
  ]);
  for (const columns of [2, 9, 20, 40, 60, 80, 120, 400]) {
    it(`fits a terminal of ${columns} columns whatever its height`, () => {
      for (const rows of [1, 2, 3, 4, 5, 24, 100]) {
        for (const colour of [false, true]) {
          const lines = frame(crowded, 1000, { columns, rows, colour });
          assert.ok(lines.length < rows || lines.length === 0, `${lines.length} lines in ${rows} rows`);
          assert.ok(lines.length <= 12, 'more than a few lines');
          for (const line of lines) {
            const bare = line.replace(/\u001b\[[0-9;]*m/g, '');
            assert.ok(columnsOf(bare) < columns, `${columnsOf(bare)} columns in ${columns}: ${bare}`);
            if (!colour) assert.equal(line, bare);
          }
        }
      }
    });
  }

  it('names as many as there is room for and counts the others', () => {
    const lines = frame(crowded, 1000, { columns: 120, rows: 6 });
    assert.match(lines[1]!, /^⠋ wide\.1 \(seed=1\)/);
    assert.equal(lines[2], '  and 58 more running');
    assert.match(lines[3]!, /^waiting: 240 of wide \(its turn\), 後0 \(300 of wide\), .* and [0-9]+ more$/);
    assert.equal(lines[4], 'running 60 · waiting 280 · 1.0 s');
  });

  it('costs no more for a cell however many there are', () => {
    const state = runOf([step('many', { cells: 50_000 }), step('end', { after: ['many'] })]);
    for (let seed = 0; seed < 49_990; seed++) state.take(reused(`many.${seed}`), 0);
    state.take(started('many.49999'), 0);
    assert.deepEqual(frame(state, 0), [
      '⠋ many.49999 (seed=49999)  0.0 s of ~12 s',
      'waiting: 9 of many (its turn), end (10 of many)',
      'reused 49990 · running 1 · waiting 10 · 0.0 s',
    ]);
  });
});
