import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Ports } from '../../src/operations/ports.ts';
import { stepEstimates } from '../../src/operations/step-estimates.ts';
import type { RunRecord, StepRecord } from '../../src/runs/run-record.ts';
import { begun } from '../runs/record.ts';

function ran(name: string, durationMs: number, rest: Partial<StepRecord> = {}): StepRecord {
  const [step] = begun().steps as [StepRecord];
  const of = name.includes('.') ? { of: name.split('.')[0]! } : {};
  return { ...step, name, ...of, status: 'succeeded', usage: { durationMs }, ...rest };
}

const program = (name: string) => ({ ...begun().program, name });

/** Ports of a home with these runs, newest first; what is read of them is counted. */
function homeOf(records: RunRecord[]): { ports: Ports; read: () => number } {
  let read = 0;
  const ports = {
    monotonicMs: () => 0,
    runs: {
      *newest() {
        for (const record of records) {
          read++;
          yield { record, own: true };
        }
      },
    },
  };
  return { ports: ports as unknown as Ports, read: () => read };
}

describe('estimates of steps', () => {
  it('are what a cell took when it ran last, and what the cells of a step took on average', () => {
    const now = begun({ id: 'now', steps: [ran('prepare', 1)] });
    const { ports } = homeOf([
      now,
      begun({ program: program('other'), steps: [ran('prepare', 2)] }),
      begun({ steps: [ran('train.0', 10_000), ran('train.1', 20_000), ran('prepare', 3, { cached: true })] }),
      begun({
        steps: [
          ran('train.0', 1000),
          ran('train.2', 9000),
          ran('prepare', 4000),
          ran('odd', 5, { status: 'failed' }),
        ],
      }),
    ]);
    const { cells, steps } = stepEstimates(ports, 'study', 'now');
    assert.deepEqual(Object.fromEntries(cells), {
      'train.0': 10_000,
      'train.1': 20_000,
      'train.2': 9000,
      prepare: 4000,
    });
    assert.deepEqual(Object.fromEntries(steps), { train: 15_000, prepare: 4000 });
  });

  it('look at a few runs only', () => {
    const { ports, read } = homeOf(Array.from({ length: 1000 }, () => begun({ program: program('other') })));
    assert.equal(stepEstimates(ports, 'study', 'now').cells.size, 0);
    assert.ok(read() <= 10, `${read()} records were read`);
  });

  it('do not trip over a record of which parts are missing', () => {
    const { ports } = homeOf([begun({ steps: [ran('a', 1, { usage: {} as never })] })]);
    assert.equal(stepEstimates(ports, 'study', 'now').cells.size, 0);
  });
});
