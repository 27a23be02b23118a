import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { linesOf, type Measured, median, renderTable } from '../../bench/table.ts';

describe('the table of speed', () => {
  it('has medians of odd, even and single counts, and none of nothing', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.equal(median([10, 9]), 9.5);
    assert.equal(median([7]), 7);
    assert.throws(() => median([]), RangeError);
  });

  it('does not reorder what it is given', () => {
    const values = [3, 1, 2];
    median(values);
    assert.deepEqual(values, [3, 1, 2]);
  });

  const measured: Measured[] = [
    { row: 'P1', what: 'node -e 0', role: 'floor', samples: [0.02, 0.04, 0.03] },
    { row: 'P1', what: 'same --version', role: 'same', target: 1.5, samples: [0.045] },
    { row: 'P1', what: 'same --help', role: 'same', target: 1.5, samples: [0.046] },
    { row: 'P1', what: 'same --crash', role: 'same', target: 1.5, samples: [] },
    { row: 'P1', what: 'dvc --version', role: 'peer' },
    { row: 'P1', what: 'kfp --version', role: 'peer', samples: [] },
    { row: 'P2', what: 'the step', role: 'floor', samples: [0.1] },
    { row: 'P2', what: 'make all', role: 'peer', samples: [0.05] },
  ];

  it('compares with the floor of the same row; a target is met up to and with its value', () => {
    assert.deepEqual(
      linesOf(measured).map(({ ratio, verdict }) => [ratio, verdict]),
      [
        [1, ''],
        [1.5, 'ok'],
        [1.533, 'OVER'],
        [undefined, 'OVER'],
        [undefined, 'not installed'],
        [undefined, 'failed'],
        [1, ''],
        [0.5, ''],
      ],
    );
  });

  it('misses a target when its floor failed', () => {
    const floorless: Measured[] = [
      { row: 'P1', what: 'node -e 0', role: 'floor', samples: [] },
      { row: 'P1', what: 'same --version', role: 'same', target: 1.5, samples: [0.045] },
    ];
    assert.deepEqual(
      linesOf(floorless).map(({ verdict }) => verdict),
      ['failed', 'OVER'],
    );
  });

  it('is printed in columns', () => {
    assert.equal(
      renderTable(linesOf(measured.slice(0, 5).filter(({ what }) => what !== 'same --crash'))),
      [
        'row  what               CPU s  ÷ floor  target',
        'P1   node -e 0 (floor)  0.030     1.00',
        'P1   same --version     0.045     1.50  ≤ 1.5   ok',
        'P1   same --help        0.046     1.53  ≤ 1.5   OVER',
        'P1   dvc --version          –        –          not installed',
        '',
      ].join('\n'),
    );
  });

  it('misses a target when too much was in memory, and says how much', () => {
    const row = 'P10';
    const ours = {
      row,
      what: 'same push',
      role: 'same',
      target: 1.2,
      mostBytes: 150e6,
      samples: [1],
    } as const;
    const lines = linesOf([
      { row, what: 'curl', role: 'floor', samples: [1] },
      { ...ours, samples: [1], peakBytes: 112.4e6 },
      { ...ours, samples: [1], peakBytes: 150e6 + 1 },
      { ...ours, samples: [1] },
    ]);
    assert.deepEqual(
      lines.map(({ verdict }) => verdict),
      ['', 'ok', 'OVER', 'OVER'],
    );
    assert.equal(
      renderTable(lines.slice(0, 2)),
      [
        'row  what          CPU s  ÷ floor  target  memory',
        'P10  curl (floor)  1.000     1.00',
        'P10  same push     1.000     1.00  ≤ 1.2   112 of 150 MB  ok',
        '',
      ].join('\n'),
    );
  });
});
