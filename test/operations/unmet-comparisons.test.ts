import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findRuns } from '../../src/operations/find-runs.ts';
import type { Ports } from '../../src/operations/ports.ts';
import { type RunWords, readRunQuestion } from '../../src/operations/run-question.ts';
import { openScannedIndex } from '../../src/runs/index/scanned-index.ts';
import { rowOf } from '../../src/runs/run-row.ts';
import { begun } from '../runs/record.ts';

const rows = [0.1, 0.2].map((lr) =>
  rowOf(
    {
      record: begun({
        program: { ...begun().program, name: 'mystudy' },
        parameters: { lr: { value: lr, source: '--set' }, kind: { value: 'a', source: 'default' } },
      }),
      own: true,
    },
    {},
  ),
);

async function warned(where: string): Promise<string[]> {
  return warnedOf({ where });
}

async function warnedOf(words: RunWords): Promise<string[]> {
  const found: string[] = [];
  const ports = {
    openRunIndex: async () => openScannedIndex(() => rows),
    warn: ({ message, hint }: { message: string; hint?: string }) =>
      found.push(hint === undefined ? message : `${message} — ${hint}`),
  } as unknown as Ports;
  await findRuns(ports, readRunQuestion(words));
  return found;
}

describe('a name that no run is of', () => {
  it('is told of where another is near', async () => {
    const slip = 'no run here is of a program "mystudi" — did you mean mystudy?';
    assert.deepEqual(await warnedOf({ name: 'mystudi' }), [slip]);
    assert.deepEqual(await warnedOf({ name: 'mystudi:1.0', where: 'parameters.lr > 0' }), [slip]);
    for (const name of ['MyStudy', 'mystudy:9.9', 'other'])
      assert.deepEqual(await warnedOf({ name, where: 'parameters.lr = 3' }), [], name);
  });
});

describe('a filter that no run meets', () => {
  it('is told of where it compares a number with text, or names a program that no run is of', async () => {
    for (const [where, ...messages] of [
      [
        "parameters.lr = '0.1'",
        'parameters.lr is text in no run here, and "0.1" is — write 0.1 without quotes',
      ],
      ['status = failed and parameters.lr > x', 'parameters.lr is text in no run here, and "x" is'],
      ['program = mystudi', 'no run here is of a program "mystudi" — did you mean mystudy?'],
      [
        "program in (mystudi, other) and parameters.lr in ('1', '2')",
        'no run here is of a program "mystudi" or "other" — did you mean mystudy?',
        'parameters.lr is text in no run here, and "1" or "2" is — write 1, 2 without quotes',
      ],
    ] as const)
      assert.deepEqual(await warned(where), messages, where);
  });

  it('is not told of where the values may be meant, or runs meet it', async () => {
    for (const where of [
      'parameters.lr = 3',
      'parameters.kind = b',
      "parameters.lr in (5, 'x')",
      'program = mystudy and parameters.lr = 5',
      'not program = mystudy and program != other',
      "program = mystudi or parameters.lr = 0.1 or parameters.lr = '0.1'",
    ])
      assert.deepEqual(await warned(where), [], where);
  });
});
