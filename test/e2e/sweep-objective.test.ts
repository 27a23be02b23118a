import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openStudy, runsOf, works } from './sweep-lab.ts';

describe('a sweep by a figure that the program does not report', () => {
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
