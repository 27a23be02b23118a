import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { columnsOf, cut, pad } from '../../src/cli/render/columns.ts';

describe('columns of a terminal', () => {
  const widths: [text: string, columns: number][] = [
    ['train.3', 7],
    ['', 0],
    ['訓練', 4],
    ['한국', 4],
    ['e\u0301', 1],
    ['Ж', 1],
    ['🚀', 2],
    ['👩‍🔬', 2],
    ['⠋ ✓', 3],
    ['ｆ', 2],
  ];
  for (const [text, columns] of widths)
    it(`${JSON.stringify(text)} takes ${columns}`, () => assert.equal(columnsOf(text), columns));

  it('are never exceeded by what is cut, which says that it is', () => {
    assert.equal(cut('train', 5), 'train');
    assert.equal(cut('trains', 5), 'trai…');
    assert.equal(cut('訓練訓練', 8), '訓練訓練');
    assert.equal(cut('訓練訓練', 7), '訓練訓…');
    assert.equal(cut('訓練訓練', 6), '訓練…');
    assert.equal(cut('e\u0301e\u0301e\u0301', 2), 'e\u0301…');
    assert.equal(cut('anything', 1), '…');
    assert.equal(cut('anything', 0), '');
    for (let columns = 0; columns < 12; columns++)
      for (const text of ['a訓b練c🚀d👩‍🔬e', 'plain text as it is', 'é'.repeat(20)])
        assert.ok(columnsOf(cut(text, columns)) <= columns, `${text} in ${columns}`);
  });

  it('are filled up by blanks', () => {
    assert.equal(pad('訓', 4), '訓  ');
    assert.equal(pad('long', 2), 'long');
  });
});
