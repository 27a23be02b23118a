import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readSeries, type SeriesPoint, thinned } from '../../src/pipeline/series.ts';

describe('the points of a figure', () => {
  it('stand at their steps, else at their epochs, else in their order', () => {
    const text = (...lines: object[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    assert.deepEqual(readSeries(text({ step: 5, loss: 1 }, { step: 9, loss: 0.5, acc: 1 }), 'loss'), {
      along: 'step',
      points: [
        [5, 1],
        [9, 0.5],
      ],
    });
    assert.equal(
      readSeries(text({ epoch: 1, loss: 1 }, { step: 2, epoch: 2, loss: 1 }), 'loss').along,
      'epoch',
    );
    assert.deepEqual(readSeries(text({ loss: 4 }, { loss: 3 }), 'loss'), {
      along: 'order',
      points: [
        [1, 4],
        [2, 3],
      ],
    });
  });

  it('are read by nested names, and lines without one have none', () => {
    const text = '{"val":{"a.b":true}}\n{"val":{"a":{"b":2}}}\n{"val":"x"}\n{"val.a.b":"NaN"}\n[]\n{"val":';
    assert.deepEqual(readSeries(text, 'val.a.b'), {
      along: 'order',
      points: [
        [1, 1],
        [2, 2],
      ],
    });
    assert.deepEqual(readSeries(text, 'toString'), { along: 'order', points: [] });
  });

  it('are those of every line that has it, also beside what is no number', () => {
    const text = '{"step":1,"loss":2,"acc":0.5}\n{"step":2,"loss":NaN,"acc":0.6}\n';
    assert.deepEqual(readSeries(text, 'loss').points, [[1, 2]]);
    assert.deepEqual(readSeries(text, 'acc').points, [
      [1, 0.5],
      [2, 0.6],
    ]);
  });

  it('are thinned to no more than is asked, with both ends, the lowest and the highest', () => {
    const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), {
      minLength: 1,
      maxLength: 300,
    });
    fc.assert(
      fc.property(values, fc.integer({ min: 8, max: 60 }), (all, most) => {
        const points = all.map((value, at): SeriesPoint => [at, value]);
        const kept = thinned(points, most);
        assert.ok(kept.length <= most);
        assert.deepEqual([kept[0], kept.at(-1)], [points[0], points.at(-1)]);
        const of = (some: SeriesPoint[]) => some.map(([, value]) => value);
        assert.deepEqual(
          [Math.min(...of(kept)), Math.max(...of(kept))],
          [Math.min(...all), Math.max(...all)],
        );
      }),
    );
  });
});
