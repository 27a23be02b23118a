import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { monotonicMs } from '../../src/host/clock.ts';
import { killSurvivors } from '../../src/host/survivors.ts';
import { isAlive } from '../components/facts.ts';

const staying = async (env: Record<string, string>): Promise<ChildProcess> => {
  const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)'], {
    env: { ...process.env, ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(child.stdout!, 'data');
  return child;
};

describe('survivors', { skip: !existsSync('/proc/self/environ') }, () => {
  it('are found by all their variables', async () => {
    const marks = { SAME_RUN_ID: 'r1', SAME_STEP: 'a' };
    const [marked, other, longer] = await Promise.all([
      staying(marks),
      staying({ ...marks, SAME_STEP: 'b' }),
      staying({ ...marks, SAME_STEP: 'aa' }),
    ]);
    try {
      await killSurvivors(marks);
      assert.equal(isAlive(marked.pid!), false);
      for (const child of [other, longer]) assert.equal(isAlive(child.pid!), true);
    } finally {
      for (const child of [marked, other, longer]) child.kill('SIGKILL');
    }
  });

  it('of a command that ran for a moment are found among what began after it', async () => {
    const marks = { SAME_RUN_ID: 'r2', SAME_STEP: 'a' };
    const [earlier, later] = [await staying(marks), await staying(marks)];
    try {
      await killSurvivors(marks, { pid: earlier.pid!, startedMs: monotonicMs() });
      assert.equal(isAlive(later.pid!), false);
      await killSurvivors(marks, { pid: later.pid!, startedMs: monotonicMs() - 1000 });
      assert.equal(isAlive(earlier.pid!), false);
    } finally {
      for (const child of [earlier, later]) child.kill('SIGKILL');
    }
  });
});
