import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonValue } from '../../../src/program/json.ts';
import { meets, openScannedIndex } from '../../../src/runs/index/scanned-index.ts';
import type { RunComparison } from '../../../src/runs/run-query.ts';
import { figuresByName, rowOf } from '../../../src/runs/run-row.ts';
import { testRunIndex } from '../../contract/run-index.ts';
import { begun } from '../record.ts';

testRunIndex('the index that looks at every run', (runs) => {
  const rows = runs.map((run) => rowOf(run, run.tags));
  return { index: openScannedIndex(() => rows), [Symbol.dispose]: () => {} };
});

for (const [value, operator, wanted, expected] of [
  ['Adam', 'like', 'adam', true],
  ['Adam', 'like', '_DA%', true],
  ['adam', 'like', 'dam', false],
  ['', 'like', '%', true],
  ['', 'like', '_', false],
  ['\u{1f600}', 'like', '_', true],
  ['\u00c9', 'like', '\u00e9', false],
  ['a.c', 'like', 'a.c', true],
  ['abc', 'like', 'a.c', false],
  ['xaay', 'like', '%a_%y%', true],
  [5, 'like', '5', false],
  ['\uff5e', '<', '\u{1f600}', true],
  ['9', '<', '10', false],
  [9, '<', 10, true],
  [9, '<', '10', false],
  [true, '>', false, false],
  [null, '!=', 1, true],
  [[1, 2], '=', [1, 2], true],
] as [JsonValue, RunComparison, JsonValue, boolean][]) {
  test(`${JSON.stringify(value)} ${operator} ${JSON.stringify(wanted)} is ${expected}`, () => {
    const row = rowOf({ record: begun({ parameters: { p: { value, source: '--set' } } }), own: true });
    assert.equal(meets(row, { field: { of: 'parameters', name: 'p' }, operator, value: wanted }), expected);
  });
}

test('a long text against a pattern of many wildcards is looked at in no time', () => {
  const row = rowOf({ record: begun(), own: true }, { long: 'a'.repeat(5_000) });
  const condition = {
    field: { of: 'tags', name: 'long' },
    operator: 'like',
    value: `${'%a'.repeat(500)}%b`,
  } as const;
  assert.equal(meets(row, condition), false);
});

test('a name alone means the declared figure, else the last; cells are told apart where there are several', () => {
  const of = (name: string, step: string, value: number, more = {}) => ({ name, step, value, ...more });
  assert.deepEqual(
    figuresByName([
      of('acc', 'one', 1, { declared: true }),
      of('acc', 'two', 2),
      of('loss', 'one', 3),
      of('loss', 'two', 4),
      of('f1', 'train.0', 5, { matrix: { fold: 0 } }),
      of('f1', 'train.1', 6, { matrix: { fold: 1 } }),
      of('auc', 'train.0', 7, { matrix: { fold: 0 } }),
    ]),
    { acc: 1, loss: 4, 'f1@train.0': 5, 'f1@train.1': 6, auc: 7 },
  );
});

test('a name whose series ends in what is no number means no figure, and no other stands in for it', () => {
  const of = (name: string, step: string, value: number, more = {}) => ({ name, step, value, ...more });
  assert.deepEqual(
    figuresByName([
      of('loss', 'one', 3),
      of('loss', 'two', 4, { count: 45, lost: 5 }),
      of('f1', 'train.0', 5, { matrix: { fold: 0 } }),
      of('f1', 'train.1', 6, { matrix: { fold: 1 }, lost: 1 }),
    ]),
    { 'f1@train.0': 5 },
  );
});

test('what lacks a field meets no comparison, not even that it is another; then the opposite of one is met', () => {
  const row = rowOf({ record: begun(), own: true });
  const field = { of: 'metrics', name: 'acc' } as const;
  for (const operator of ['=', '!=', '<', '>='] as const)
    assert.equal(meets(row, { field, operator, value: 1 }), false);
  assert.equal(meets(row, { not: { field, operator: '=', value: 1 } }), true);
});
