import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { killSurvivors, processNumbers } from '../../src/host/survivors.ts';
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
  it('are found by all their variables, and only among those that came later', async () => {
    const marks = { SAME_RUN_ID: 'r1', SAME_STEP: 'a' };
    const earlier = await staying(marks);
    const before = processNumbers();
    const [marked, other, longer] = await Promise.all([
      staying(marks),
      staying({ ...marks, SAME_STEP: 'b' }),
      staying({ ...marks, SAME_STEP: 'aa' }),
    ]);
    try {
      await killSurvivors(marks, before);
      assert.equal(isAlive(marked.pid!), false);
      for (const child of [earlier, other, longer]) assert.equal(isAlive(child.pid!), true);
    } finally {
      for (const child of [earlier, marked, other, longer]) child.kill('SIGKILL');
    }
  });
});
