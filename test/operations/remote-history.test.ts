import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SameError } from '../../src/errors/same-error.ts';
import { chooseRuns } from '../../src/operations/remote-history.ts';

const program = `sha256:${'a'.repeat(64)}`;
const runs = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    digest: `sha256:${String(index).padStart(64, '0')}`,
    program,
    id: `01a-${String(index).padStart(4, '0')}`,
    status: 'succeeded',
  }));

function hintFor(count: number, id: string): string | undefined {
  try {
    chooseRuns(runs(count), [program], [id]);
  } catch (error) {
    assert.equal((error as SameError).code, 'SAME1608');
    return (error as SameError).findings[0]!.hint;
  }
  return undefined;
}

describe('runs of a registry that are chosen by their ids', () => {
  it('are told where an id names none', () => {
    assert.equal(hintFor(0, 'x'), 'runs there: none');
    assert.equal(hintFor(2, 'x'), 'runs there: 01a-0001, 01a-0000');
  });

  it('are told by the newest where they are many', () => {
    const hint = hintFor(5000, 'x')!;
    assert.match(hint, /^runs there: 01a-4999, 01a-4998, .*, 01a-4990, and 4990 older ones$/);
  });

  it('are found by the end of an id', () => {
    assert.deepEqual(chooseRuns(runs(20), [program], ['0013']), [runs(20)[13]!.digest]);
  });
});
