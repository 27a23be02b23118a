import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Tokens } from '../../src/engines/tokens.ts';
import type { PlannedStep } from '../../src/pipeline/plan.ts';

const step = (fields: Partial<PlannedStep> = {}): PlannedStep =>
  ({ name: 's', mutex: [], resources: {}, ...fields }) as PlannedStep;

const tokens = (jobs: number, machine: Partial<ConstructorParameters<typeof Tokens>[0]['machine']> = {}) =>
  new Tokens({ jobs, machine: { cpu: 4, memoryBytes: 2 ** 30, gpus: 0, ...machine } });

/** How many attempts of a step run at once. */
function fits(of: Tokens, wanted: PlannedStep): number {
  let count = 0;
  while (of.take(wanted)) count++;
  return count;
}

describe('what attempts share', () => {
  it('are places, cores and memory, whichever is used up first', () => {
    assert.equal(fits(tokens(3), step()), 3);
    assert.equal(fits(tokens(9), step({ resources: { cpu: 2 } })), 2);
    assert.equal(fits(tokens(9), step({ resources: { memory: '300Mi' } })), 3);
  });

  it('are taken whole by what wants more than there is', () => {
    assert.equal(fits(tokens(9), step({ resources: { cpu: 64 } })), 1);
    assert.equal(fits(tokens(9), step({ resources: { memory: '1Ti' } })), 1);
    assert.equal(fits(tokens(2, { gpus: 1 }), step({ resources: { gpu: { count: 8 } } })), 1);
  });

  it('are places where more steps at a time are asked for than there are cores', () => {
    assert.equal(fits(tokens(10), step()), 10);
    assert.equal(fits(tokens(7, { cpu: 3 }), step()), 7);
  });

  it('are names and places of a step', () => {
    assert.equal(fits(tokens(9, { cpu: 9 }), step({ mutex: ['port'] })), 1);
    assert.equal(fits(tokens(9, { cpu: 9 }), step({ parallel: 2 })), 2);
  });

  it('come back, GPUs by their names and in order', () => {
    const all = tokens(9, { gpus: 3, gpuIds: ['2', '5', '10'] });
    const wanted = step({ resources: { gpu: { count: 2 } }, mutex: ['a'] });
    const share = all.take(wanted)!;
    assert.deepEqual(share.gpus, ['2', '5']);
    assert.equal(all.take(wanted), undefined);
    all.release(wanted, share);
    assert.deepEqual(all.take(step({ resources: { gpu: { count: 3 } } }))?.gpus, ['2', '5', '10']);
  });
});
