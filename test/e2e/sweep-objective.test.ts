import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openRig } from './rig.ts';
import { openStudy, PROGRAM, runsOf, works } from './sweep-lab.ts';

describe('a sweep by a figure that the program does not report', () => {
  it('is warned of before anything runs where it is nearly one that the program declares', async () => {
    using rig = openRig();
    const metrics = 'metrics: {loss: {from: train.stdout, regex: "loss=(.*)"}}\n';
    rig.write({ 'study/same.yaml': PROGRAM + metrics });
    await works(rig, ['create', '-f', 'study']);
    const planned = (metric: string) =>
      works(rig, ['sweep', 'study:1.0', '--plan', '--seed=0,1', '--objective', `min:${metric}`]);
    for (const metric of ['los', 'train.los']) {
      const { stderr } = await planned(metric);
      assert.match(
        stderr,
        new RegExp(`the program declares no figure "${metric}".*did you mean ${metric}s\\?`, 's'),
      );
    }
    for (const metric of ['loss', 'train.loss', 'accuracy'])
      assert.doesNotMatch((await planned(metric)).stderr, /declares no figure/);
  });

  it('ends after the first run, says which was meant, and can be deleted', async () => {
    using rig = await openStudy();
    const words = ['sweep', 'study:1.0', '--same-jobs', '1', '--seed=range(0,5)'];
    const { code, stderr } = await rig.same([...words, '--objective', 'min:los']);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^SAME1902 the program reports no figure "los" — did you mean loss\?/m);
    assert.match(stderr, /^\[1\/5\] trial 0 failed in .*: SAME1606 its run succeeded, but .*"los"/m);
    assert.doesNotMatch(stderr, /go on with it/);
    const [kept] = (await works(rig, ['list', 'sweeps', '--json'])).json().items;
    assert.deepEqual(
      [kept.status, kept.error.code, kept.results.length, typeof kept.finishedAt],
      ['failed', 'SAME1902', 1, 'string'],
    );
    const shown = (await works(rig, ['show', 'sweep', 'latest'])).stdout;
    assert.match(
      shown,
      / failed\n {2}5 trials, grid: 1 failed, 4 not begun\n {2}ended with SAME1902: the program/,
    );
    assert.doesNotMatch(shown, /go on with/);
    const again = await rig.same(['sweep', '--resume']);
    assert.deepEqual([again.code, /^SAME1620/m.test(again.stderr)], [3, true], again.stderr);
    assert.equal((await runsOf(rig)).length, 1);
    const { stdout } = await works(rig, ['delete', 'sweep', 'latest']);
    assert.match(stdout, /^deleted sweep /);
    assert.deepEqual((await works(rig, ['list', 'sweeps', '--json'])).json().items, []);
    assert.equal((await runsOf(rig)).length, 1, 'its runs stay');
  });
});
