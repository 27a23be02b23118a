import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { processStart } from '../../src/host/usage.ts';
import { type Owner, ownerState, thisOwner } from '../../src/runs/owner.ts';

/** A process that has ended and was waited for: its number names nobody. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid!;
}

describe('the owner of a run', () => {
  it('is alive while its process is', () => {
    assert.equal(ownerState(thisOwner()), 'alive');
  });

  it('names no host by name', () => {
    assert.match(thisOwner().host, /^[0-9a-f]{12}$/);
  });

  it('is dead when its process is gone', async () => {
    assert.equal(ownerState({ ...thisOwner(), pid: await deadPid() }), 'dead');
  });

  it('is dead when its process number was taken by another process', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    try {
      const owner: Owner = { ...thisOwner(), pid: child.pid!, start: '1' };
      assert.equal(ownerState(owner), 'dead');
      if (processStart(child.pid!) !== undefined) {
        assert.equal(ownerState({ ...owner, start: processStart(child.pid!)! }), 'alive');
      }
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });

  it('is dead after the machine was started anew', () => {
    assert.equal(ownerState({ ...thisOwner(), boot: '00000000-0000-0000-0000-000000000000' }), 'dead');
  });

  it('cannot be judged from another host', () => {
    assert.equal(ownerState({ ...thisOwner(), host: '000000000000', pid: 1 }), 'elsewhere');
  });

  it('without a start time is asked for by its number alone', async () => {
    const { start: _, ...owner } = thisOwner();
    assert.equal(ownerState(owner), 'alive');
    assert.equal(ownerState({ ...owner, pid: await deadPid() }), 'dead');
  });
});
