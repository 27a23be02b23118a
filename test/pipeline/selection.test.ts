import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planRun } from '../../src/pipeline/plan-run.ts';
import { type StepSelection, selectSteps } from '../../src/pipeline/selection.ts';
import { programOf } from './program.ts';

const program = programOf(`
environments: {r: {system: true}}
pipeline:
  steps:
    prepare: {run: x, outputs: {o: {}}}
    other: {run: x, outputs: {o: {}}, environment: r}
    train: {run: x, inputs: {i: {from: prepare.o}}, outputs: {o: {}}}
    test: {run: x, inputs: {i: {from: train.o}, j: {from: other.o}}, outputs: {o: {}}}
    plot: {run: x, foreach: train.o}
  finally:
    report: {run: x, inputs: {i: {from: other.o}}}
outputs: {model: {from: train.o}, scores: {from: test.o}}
metrics: {a: {from: test.stdout, regex: x}, b: {from: prepare.stderr, regex: x}}
`);
const { plan } = planRun({ program, digest: 'sha256:0', target: 'here', engine: 'local', parameters: {} });

/** Each step that is left in the plan, those to be reused in brackets. */
function selected(selection: StepSelection): string[] {
  const { plan: part, findings } = selectSteps(plan, selection);
  assert.deepEqual(findings, []);
  return part.steps.map(({ name, selected: how }) => (how === 'run' ? name : `(${name})`)).sort();
}

describe('a selection of steps', () => {
  it('is the whole plan where nothing is asked for', () => {
    assert.equal(selectSteps(plan, {}).plan, plan);
  });

  it('runs the steps that are named and reuses what these need, at whatever distance', () => {
    assert.deepEqual(selected({ steps: ['train'] }), ['(prepare)', 'train']);
    assert.deepEqual(selected({ steps: ['test', 'prepare'] }), ['(other)', '(train)', 'prepare', 'test']);
    assert.deepEqual(selected({ steps: ['report'] }), ['(other)', 'report']);
  });

  it('runs a step and what follows it, finally too', () => {
    assert.deepEqual(selected({ from: 'train' }), [
      '(other)',
      '(prepare)',
      'plot',
      'report',
      'test',
      'train',
    ]);
    assert.deepEqual(selected({ from: 'plot' }), ['(other)', '(prepare)', '(train)', 'plot', 'report']);
  });

  it('runs a step and all that it needs', () => {
    assert.deepEqual(selected({ until: 'test' }), ['other', 'prepare', 'test', 'train']);
    assert.deepEqual(selected({ until: 'prepare' }), ['prepare']);
    assert.deepEqual(selected({ until: 'plot' }), ['plot', 'prepare', 'train']);
  });

  it('runs what lies between two steps', () => {
    assert.deepEqual(selected({ from: 'train', until: 'test' }), ['(other)', '(prepare)', 'test', 'train']);
    assert.deepEqual(selected({ from: 'other', until: 'report' }), ['other', 'report']);
  });

  it('keeps of the plan what its steps make and need, and says what it left out', () => {
    const { plan: part } = selectSteps(plan, { steps: ['train'] });
    assert.deepEqual(Object.keys(part.outputs), ['model']);
    assert.deepEqual(Object.keys(part.metrics), ['b']);
    assert.deepEqual(Object.keys(part.environments), ['default']);
    assert.deepEqual(part.leftOut?.toSorted(), ['other', 'plot', 'report', 'test']);
    assert.equal(plan.leftOut, undefined);
    assert.deepEqual(plan.steps[0]!.selected, 'run');
  });

  it('of names that are no steps is refused with SAME1009, each with the nearest', () => {
    const { findings } = selectSteps(plan, { steps: ['trian', 'train', 'zzzzzz'] });
    assert.deepEqual(
      findings.map(({ code, place, message }) => [code, place, message]),
      [
        ['SAME1009', '--step', 'there is no step "trian"'],
        ['SAME1009', '--step', 'there is no step "zzzzzz"'],
      ],
    );
    assert.match(findings[0]!.hint!, /did you mean train\? \(steps: /);
    assert.match(findings[1]!.hint!, /^steps: other, prepare, /);
    assert.equal(selectSteps(plan, { from: 'x', until: 'y' }).findings.length, 2);
  });

  it('of --step with --from or --until, or of nothing, is refused with SAME1902', () => {
    for (const selection of [
      { steps: ['train'], from: 'test' },
      { steps: ['train'], until: 'test' },
      { from: 'test', until: 'train' },
    ]) {
      const { findings, plan: same } = selectSteps(plan, selection);
      assert.deepEqual(
        findings.map(({ code }) => code),
        ['SAME1902'],
      );
      assert.equal(same, plan);
    }
  });
});
