import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderPlan } from '../../src/cli/render/plan.ts';
import { renderFailure, renderRun } from '../../src/cli/render/run.ts';
import type { Plan } from '../../src/pipeline/plan.ts';
import type { RunRecord, StepRecord } from '../../src/runs/run-record.ts';
import { begun } from '../runs/record.ts';
import { step } from './scripted-run.ts';

const earlier = '019a3b5c-7d00-7abc-8def-0123456789ab';

function stepRecord(name: string, rest: Partial<StepRecord> = {}): StepRecord {
  return {
    name,
    status: 'succeeded',
    attempts: 1,
    cached: false,
    command: 'true',
    environment: 'default',
    inputs: {},
    outputs: {},
    ...rest,
  };
}

function accountOf(steps: StepRecord[], rest: Partial<RunRecord> = {}): string[] {
  return renderRun(
    { ...begun({ id: earlier }), steps, ...rest },
    { own: true, colour: false, full: true },
  ).split('\n');
}

const steps = [
  stepRecord('prepare', { cached: true, cachedFrom: earlier, attempts: 0 }),
  stepRecord('convert', { cached: true, cachedFrom: earlier, acceptedFrom: 'sha256:77', attempts: 0 }),
  stepRecord('train.0', {
    of: 'train',
    matrix: { lr: 0.1, model: 'a\u001b[2J' },
    exitCode: 0,
    usage: { durationMs: 2100 },
  }),
  stepRecord('train.1', {
    of: 'train',
    matrix: { lr: 0.2, model: 'b' },
    status: 'failed',
    exitCode: 3,
    attempts: 2,
  }),
  stepRecord('report', { status: 'skipped', because: 'step train.1 did not succeed', attempts: 0 }),
];

describe('the account of a run', () => {
  it('says of each step what became of it, where a reused one came from, and the values of cells', () => {
    const lines = accountOf(steps);
    const from = lines.indexOf('  steps');
    assert.deepEqual(lines.slice(from + 1, from + 6), [
      `    prepare                            reused            from run ${earlier}`,
      `    convert                            accepted          from run ${earlier}, accepted from sha256:77`,
      '    train.0  lr=0.1, model=a\\u001b[2J  succeeded  2.1 s  exit 0',
      '    train.1  lr=0.2, model=b           failed            exit 3, 2 attempts',
      '    report                             skipped           step train.1 did not succeed',
    ]);
    assert.ok(
      lines.includes('  5 steps: 1 reused, 1 accepted, 1 ran, 1 failed, 1 skipped'),
      lines.join('\n'),
    );
  });

  it('says what it went on from and what it was restricted to', () => {
    const lines = accountOf(steps, { resumes: earlier, selection: { steps: ['a', 'b'], until: 'c' } });
    assert.ok(lines.includes(`  went on from run ${earlier}`));
    assert.ok(lines.includes('  only --step a --step b --until c'));
  });

  it('puts the cells of a step together where there are many', () => {
    const cells = Array.from({ length: 1000 }, (_, seed) =>
      stepRecord(`train.${seed}`, {
        of: 'train',
        matrix: { seed },
        ...(seed < 980 ? { cached: true, cachedFrom: earlier } : { usage: { durationMs: 3000 } }),
        ...(seed > 995 ? { status: 'failed' } : {}),
      }),
    );
    const lines = accountOf([...cells, stepRecord('report')]);
    const from = lines.indexOf('  steps');
    assert.deepEqual(lines.slice(from + 1, from + 3), [
      `    train   1000 cells  980 reused, 16 ran, 4 failed  1 min 0 s  failed: train.996, train.997, train.998 and 1 more, from run ${earlier}`,
      '    report              succeeded',
    ]);
    assert.ok(lines.includes('  1001 steps: 980 reused, 17 ran, 4 failed'));
  });

  it('names figures with the values of the cells that reported them, and not thousands of them', () => {
    const metrics = Array.from({ length: 100 }, (_, seed) => ({
      name: 'loss',
      step: `train.${seed}`,
      matrix: { seed },
      value: 0.5,
    }));
    const lines = accountOf(steps, { metrics });
    assert.ok(lines.includes('    loss  0.5  train.3           seed=3'), lines.join('\n'));
    assert.ok(lines.includes('    loss  0.5  train.1 (failed)  seed=1'), lines.join('\n'));
    assert.ok(lines.includes('    and 60 more, told by --json'));
  });
});

describe('why a run did not succeed', () => {
  it('is said with the last lines of the steps that failed, not of those that ran beside them', () => {
    const tails: Record<string, string[]> = { 'train.0': ['all is well'], 'train.1': ['out of luck\u0007'] };
    const text = renderFailure(
      { ...begun({ id: earlier }), steps, status: 'failed' },
      [{ code: 'SAME1601', message: 'step train.1 exited with code 3' }],
      (name) => tails[name] ?? [],
      false,
    );
    assert.equal(
      text,
      [
        'last lines of step train.1:',
        '  out of luck\\u0007',
        'SAME1601 step train.1 exited with code 3',
        `see everything it printed: same logs ${earlier} --step train.1`,
        '',
      ].join('\n'),
    );
  });

  it('is not said a thousand times', () => {
    const failed = Array.from({ length: 1000 }, (_, seed) =>
      stepRecord(`train.${seed}`, { status: 'failed' }),
    );
    const problems = failed.map(({ name }) => ({
      code: 'SAME1601' as const,
      message: `step ${name} exited`,
    }));
    const text = renderFailure({ ...begun({ id: earlier }), steps: failed }, problems, () => ['oh'], false);
    const lines = text.split('\n');
    assert.equal(lines.filter((line) => line.startsWith('last lines of step')).length, 3);
    assert.equal(lines.filter((line) => line.startsWith('SAME1601')).length, 20);
    assert.ok(lines.includes('and 980 problems more'));
  });
});

describe('a plan', () => {
  it('says of each step its cells, when it runs, what it needs alone, and whether it is reused', () => {
    const grid = step('grid', {
      cells: [
        { lr: 0.1, seed: 0 },
        { lr: 0.1, seed: 1 },
        { lr: 0.2, seed: 0 },
        { lr: 0.2, seed: 1 },
      ],
    });
    grid.cells[3]!.skipped = 'its condition is false: seed == 0';
    const plan: Plan = {
      apiVersion: 'same/v1',
      kind: 'Plan',
      program: { name: 'study', version: '1.0', digest: 'sha256:0' },
      target: 'local',
      engine: 'local',
      parameters: {},
      steps: [
        step('list', { selected: 'reuse' }),
        step('each', {
          after: ['list'],
          foreach: { step: 'list', output: 'items' },
          when: 'item != 3',
          cache: false,
        }),
        {
          ...grid,
          parallel: 2,
          mutex: ['port', 'disk'],
          cache: 'portable',
          resources: { cpu: 2, memory: '4Gi', gpu: { count: 1, optional: true } },
        },
        step('many', { cells: 1000 }),
        step('clean', { group: 'finally' }),
      ],
      environments: {},
      data: {},
      outputs: {},
      metrics: {},
      claims: [],
    };
    assert.deepEqual(renderPlan(plan, []).split('\n').slice(3), [
      '  list: not asked for, a stored result must stand in for it',
      '    make list',
      '    environment default',
      '  each (after list)',
      '    a cell for each item of list.items',
      '    only when item != 3',
      '    make each',
      '    environment default · never reused',
      '  grid',
      '    4 cells: lr 0.1, 0.2 × seed 0, 1',
      '    1 skipped (grid.3): its condition is false: seed == 0',
      '    make grid',
      '    environment default · at most 2 cells at a time · alone with port · alone with disk · cpu 2 · memory 4Gi · gpu 1 if there is one · reused across platforms',
      '  many',
      '    1000 cells: seed 0, 1, 2, 3, 4, 5, 6, 7 … 1000 in all',
      '    make many',
      '    environment default',
      '  clean (finally)',
      '    make clean',
      '    environment default',
    ]);
  });
});
