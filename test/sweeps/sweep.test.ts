import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bestTrial, hasEnded, parseObjective, type TrialRecord } from '../../src/sweeps/sweep.ts';

const trial = (
  number: number,
  objective?: number,
  status: TrialRecord['status'] = 'succeeded',
): TrialRecord => ({
  number,
  values: {},
  status,
  ...(objective === undefined ? {} : { objective }),
});
const min = { direction: 'min' as const, metric: 'loss' };
const max = { direction: 'max' as const, metric: 'loss' };

describe('the best trial', () => {
  it('has the lowest or highest figure, and is the first of equal ones', () => {
    const trials = [trial(3, 1), trial(1, 2), trial(2, 1), trial(0, 2)];
    assert.equal(bestTrial(min, trials), 2);
    assert.equal(bestTrial(max, trials), 0);
  });

  it('has succeeded', () => {
    assert.equal(bestTrial(min, [trial(0, 0, 'failed'), trial(1), trial(2, 5)]), 2);
    assert.equal(bestTrial(min, [trial(0, 0, 'failed'), trial(1)]), undefined);
  });

  it('is none without an objective', () => {
    assert.equal(bestTrial(undefined, [trial(0, 1)]), undefined);
  });
});

describe('a trial', () => {
  it('has ended when its run did by itself', () => {
    const states: TrialRecord['status'][] = [
      'pending',
      'running',
      'succeeded',
      'failed',
      'canceled',
      'timeout',
      'interrupted',
    ];
    assert.deepEqual(
      states.filter((status) => hasEnded(trial(0, undefined, status))),
      ['succeeded', 'failed', 'timeout'],
    );
  });
});

describe('an objective', () => {
  it('is a direction and the name of a figure', () => {
    assert.deepEqual(parseObjective('min:train.loss'), { direction: 'min', metric: 'train.loss' });
    assert.deepEqual(parseObjective('max:val:acc'), { direction: 'max', metric: 'val:acc' });
  });

  for (const text of ['loss', 'min:', 'least:loss', ':loss', 'Min:loss'])
    it(`is not ${text}`, () => {
      const read = parseObjective(text);
      assert.ok('code' in read);
      assert.equal(read.code, 'SAME1902');
    });
});
