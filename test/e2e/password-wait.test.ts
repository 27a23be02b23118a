import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { until } from '../components/facts.ts';
import { missing } from '../components/installed.ts';
import { typed } from './keyboard.ts';
import { openRig, type Rig } from './rig.ts';

/** Whether a process waits in the system call that reads, for its standard input. */
function readsInput(pid: number): boolean {
  try {
    return /^(0|63) 0x0 /.test(readFileSync(`/proc/${pid}/syscall`, 'latin1'));
  } catch {
    return false;
  }
}

describe('a command that waits for a password', () => {
  let rig: Rig;
  let writer: number;
  before(() => {
    rig = openRig();
    execFileSync('mkfifo', [rig.path('pipe')]);
    // Somebody holds the other end, and writes nothing.
    writer = openSync(rig.path('pipe'), 'r+');
  });
  after(() => {
    closeSync(writer);
    rig[Symbol.dispose]();
  });

  const place = 'oci://localhost:1/lab/study';
  for (const words of [
    ['login', 'localhost:1'],
    ['push', 'study:1.0', place],
    ['pull', place],
    ['copy', place, 'study.tgz'],
    ['create', '-f', place],
    ['show', place],
    ['unpack', place],
    ['verify', 'integrity', place],
    ['list', 'tags', place],
    ['list', 'runs', place],
  ]) {
    it(`is ended by Ctrl-C: ${words.join(' ')}`, async () => {
      const { child, ended } = rig.start([...words, '-u', 'ada', '--password-stdin'], {
        // The command becomes the shell's own process: a signal reaches it.
        under: ['sh', '-c', 'exec "$@" < pipe', 'sh'],
      });
      await until('it waits for its input', () => readsInput(child.pid!));
      child.kill('SIGINT');
      const { signal, stdout, stderr } = await ended;
      assert.deepEqual({ signal, stdout, stderr }, { signal: 'SIGINT', stdout: '', stderr: '' });
    });
  }

  it('does not wait for one that is typed at a terminal, which shows it', {
    skip: process.env.CI ? false : (missing('python3') ?? false),
  }, async () => {
    const { code, screen } = await typed(rig, ['pull', place, '-u', 'ada', '--password-stdin'], []);
    assert.equal(code, 2, screen);
    assert.match(screen, /SAME1902 .*would show the password/);
  });
});
