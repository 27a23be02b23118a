import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openStudy, run } from './noting-study.ts';

describe('same why', () => {
  it('says that all is reused, and from which run', async () => {
    using rig = openStudy();
    const { id } = (await run(rig)).json();
    const told = await rig.same(['why', '-f', 'study']);
    assert.equal(told.code, 0, told.stderr);
    assert.match(told.stdout, new RegExp(`^make is reused: .*${id}`, 'm'));
    assert.match(told.stdout, /^2 steps: 2 reused$/m);
  });

  it('names what changed, old and new, and what waits for it', async () => {
    using rig = openStudy();
    await run(rig);
    rig.edit('make.sh', 'two');
    const told = (await rig.same(['why', '-f', 'study', '--json', '--n=5'])).json();
    const [make, count] = told.steps;
    assert.equal(make.decision, 'run');
    assert.deepEqual(
      make.changes.map(({ what }: { what: string }) => what),
      ['parameter n', 'code make.sh'],
    );
    assert.deepEqual(make.changes[0], { what: 'parameter n', old: 3, new: 5 });
    assert.equal(count.decision, 'waits');
    assert.equal(count.because, 'step make runs first');
    assert.equal((await rig.same(['list', 'runs', '--json'])).json().items.length, 1, 'nothing ran');
  });

  it('answers for one step, in its folder by the name alone', async () => {
    using rig = openStudy();
    await run(rig);
    rig.edit('count.sh', 'two');
    const told = await rig.same(['why', 'count'], { cwd: rig.path('study') });
    assert.match(
      told.stdout,
      /^count runs: .*\n {4}code count\.sh: sha256:[0-9a-f]{12} → sha256:[0-9a-f]{12}\n1 step: 1 to run\n$/,
    );
    assert.equal((await rig.same(['why', 'cuont'], { cwd: rig.path('study') })).code, 2);
  });

  it('is what run --plan says too', async () => {
    using rig = openStudy();
    await run(rig);
    const plan = (await run(rig, '--plan', '--n=9')).json();
    assert.deepEqual(
      plan.forecast.map(({ step, decision }: { step: string; decision: string }) => [step, decision]),
      [
        ['make', 'run'],
        ['count', 'waits'],
      ],
    );
  });
});
