import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { StepResult } from '../../src/engines/engine.ts';
import { openDiskStepResults } from '../../src/runs/disk-step-results.ts';

const NO_LOG = { digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 0 };

function resultOf(digit: string): StepResult {
  return {
    key: `sha256:${digit.repeat(64)}`,
    run: `run ${digit}`,
    step: 'a',
    outputs: {},
    metrics: [],
    logs: { stdout: NO_LOG, stderr: NO_LOG },
    durationMs: 1,
  };
}

describe('results as files', () => {
  it('are made again from the runs whole: half of it is not taken for all of it', () => {
    const home = mkdtempSync(join(tmpdir(), 'same-results-'));
    try {
      const directory = join(home, 'results');
      const stopped = openDiskStepResults(directory, function* () {
        yield resultOf('1');
        throw new Error('stopped');
      });
      assert.throws(() => stopped.find(resultOf('2').key), /stopped/);
      const whole = openDiskStepResults(directory, () => [resultOf('1'), resultOf('2')]);
      assert.deepEqual(whole.find(resultOf('2').key), resultOf('2'));
    } finally {
      rmSync(home, { recursive: true });
    }
  });

  it('are those of one command where several make them at once', () => {
    const home = mkdtempSync(join(tmpdir(), 'same-results-'));
    try {
      const directory = join(home, 'results');
      const slower = openDiskStepResults(directory, function* () {
        yield resultOf('1');
        openDiskStepResults(directory, () => [resultOf('1'), resultOf('2')]).keep(resultOf('3'));
        yield resultOf('2');
      });
      for (const digit of ['1', '2', '3'])
        assert.deepEqual(slower.find(resultOf(digit).key), resultOf(digit));
      assert.deepEqual(readdirSync(home), ['results']);
    } finally {
      rmSync(home, { recursive: true });
    }
  });

  it('are replaced in one step: whoever reads meanwhile has the one before whole', () => {
    const home = mkdtempSync(join(tmpdir(), 'same-results-'));
    try {
      const directory = join(home, 'results');
      const path = join(directory, '11', `${'1'.repeat(62)}.json`);
      const results = openDiskStepResults(directory, () => []);
      results.keep(resultOf('1'));
      const before = statSync(path).ino;
      results.keep({ ...resultOf('1'), run: 'a later one' });
      assert.notEqual(statSync(path).ino, before);
      assert.match(readFileSync(path, 'utf8'), /a later one/);
      assert.deepEqual(readdirSync(directory), ['11'], 'nothing is left beside it');
    } finally {
      rmSync(home, { recursive: true });
    }
  });
});
