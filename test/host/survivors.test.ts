import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
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

  it('are neither this process nor what it was started from, in the group of a step or out of it', async () => {
    const script = `
      import { killGroup, killSurvivors } from ${JSON.stringify(join(import.meta.dirname, '../../src/host/survivors.ts'))};
      const group = killGroup(process.ppid);
      const marked = await killSurvivors({ SAME_RUN_ID: 'r3' });
      console.log(JSON.stringify([group, marked].map(({ killed, spared }) => [[...killed], [...spared]])));
    `;
    const env = { ...process.env, SAME_RUN_ID: 'r3' };
    const apart = await staying({ SAME_RUN_ID: 'r3' });
    // A step's shell, what it left in its group, and the command that is given in it.
    const shell = spawn(
      'sh',
      [
        '-c',
        'sleep 1000 & echo $!; "$0" --input-type=module -e "$1"; echo "it is $?"',
        process.execPath,
        script,
      ],
      {
        env,
        detached: true,
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    try {
      const ended = once(shell, 'exit');
      const [beside, told, end] = (await text(shell.stdout!)).trim().split('\n');
      assert.deepEqual(await ended, [0, null]);
      assert.equal(end, 'it is 0');
      const [group, marked] = JSON.parse(told!) as [string[], string[]][];
      assert.deepEqual([group![0], group![1].length], [[beside], 2]);
      // What was killed with the group may not be quite gone yet.
      assert.deepEqual(
        [marked![0].filter((pid) => pid !== beside), marked![1].sort()],
        [[String(apart.pid)], group![1].sort()],
      );
      assert.ok(marked![1].includes(String(shell.pid)));
    } finally {
      apart.kill('SIGKILL');
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
