import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { needRows } from '../../src/cli/render/program-needs.ts';
import type { Program } from '../../src/program/schema.ts';

describe('what a program is shown to need', () => {
  it('is what it says for all steps, and what each step says, those of finally too', () => {
    const program = {
      resources: { cpu: 2 },
      pipeline: {
        steps: { train: { run: 'train', resources: { gpu: { count: 1, memory: '16Gi' } } } },
        finally: { report: { run: 'report', resources: { memory: '1Gi' } } },
      },
    } as unknown as Program;
    assert.deepEqual(needRows(program), [
      ['cpu', '2'],
      ['gpu', '1 with 16Gi (step train)'],
      ['memory', '1Gi (step report)'],
    ]);
  });
});
