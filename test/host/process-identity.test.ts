import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import {
  isAbandoned,
  ownName,
  type ProcessIdentity,
  processState,
  thisProcess,
} from '../../src/host/process-identity.ts';
import { processStart } from '../../src/host/usage.ts';
import { openUserFiles } from '../../src/host/user-files.ts';

/** A process that has ended and was waited for: its number names nobody. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid!;
}

describe('a process that owns something', () => {
  it('is alive while its process is', () => {
    assert.equal(processState(thisProcess()), 'alive');
  });

  it('names no host by name', () => {
    assert.match(thisProcess().host, /^[0-9a-f]{12}$/);
  });

  it('is dead when its process is gone', async () => {
    assert.equal(processState({ ...thisProcess(), pid: await deadPid() }), 'dead');
  });

  it('is dead when its process number was taken by another process', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    try {
      const owner: ProcessIdentity = { ...thisProcess(), pid: child.pid!, start: '1' };
      assert.equal(processState(owner), 'dead');
      if (processStart(child.pid!) !== undefined) {
        assert.equal(processState({ ...owner, start: processStart(child.pid!)! }), 'alive');
      }
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });

  it('is dead after the machine was started anew', () => {
    assert.equal(processState({ ...thisProcess(), boot: '00000000-0000-0000-0000-000000000000' }), 'dead');
  });

  it('cannot be judged from another host', () => {
    assert.equal(processState({ ...thisProcess(), host: '000000000000', pid: 1 }), 'elsewhere');
  });

  it('cannot be judged from another PID namespace of the same host, but is dead after a restart', () => {
    const other = { ...thisProcess(), space: '1', pid: 1 };
    assert.equal(processState(other), 'elsewhere');
    assert.equal(processState({ ...other, boot: '00000000-0000-0000-0000-000000000000' }), 'dead');
  });

  it('without a start time is asked for by its number alone', async () => {
    const { start: _, ...owner } = thisProcess();
    assert.equal(processState(owner), 'alive');
    assert.equal(processState({ ...owner, pid: await deadPid() }), 'dead');
  });
});

describe('what a process named', () => {
  const root = mkdtempSync(join(tmpdir(), 'same-names-'));
  after(() => rmSync(root, { recursive: true, force: true }));
  const url = (path: string) => JSON.stringify(import.meta.resolve(path));
  const naming = `
    const { ownName } = await import(${url('../../src/host/process-identity.ts')});
    process.stdout.write(ownName());`;

  it('is its own while it lives and abandoned afterwards', () => {
    const name = ownName();
    assert.equal(isAbandoned(name), false);
    assert.notEqual(ownName(), name);
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', naming], {
      encoding: 'utf8',
    });
    assert.equal(isAbandoned(stdout), true);
  });

  it('before the machine was started anew is abandoned; on another host, in another container, or otherwise it is not', () => {
    const [host, boot, space, , random] = ownName().split('-');
    assert.equal(isAbandoned([host, '00000000', space, process.pid, random].join('-')), true);
    assert.equal(isAbandoned([host, boot, '1', 999_999_999, random].join('-')), false);
    assert.equal(isAbandoned(['00000000', boot, space, 999_999_999, random].join('-')), false);
    assert.equal(isAbandoned('study'), false);
  });

  const container = ['unshare', '-r', '--pid', '--fork', '--mount-proc'];
  const { status } = spawnSync(container[0]!, [...container.slice(1), 'true'], { stdio: 'ignore' });

  it('is left alone by commands in a container of the same host', { skip: status !== 0 }, () => {
    const home = join(root, 'home');
    using mine = openUserFiles(home).temporary();
    mkdirSync(join(home, 'work', ownName()));
    const module = `
      const { openUserFiles } = await import(${url('../../src/host/user-files.ts')});
      openUserFiles(process.argv[1]).temporary();`;
    const words = ['--input-type=module', '-e', module, home];
    const ended = spawnSync(container[0]!, [...container.slice(1), process.execPath, ...words]);
    assert.equal(ended.status, 0, String(ended.stderr));
    assert.equal(existsSync(mine.path), true);
  });
});
