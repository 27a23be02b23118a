import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, it } from 'node:test';
import { makeDirectories } from '../../src/host/files.ts';
import { openUserFiles } from '../../src/host/user-files.ts';

const root = mkdtempSync(join(tmpdir(), 'same-files-'));
after(() => rmSync(root, { recursive: true, force: true }));

describe('making directories', () => {
  it('makes all that lack and leaves those that are there', () => {
    makeDirectories(join(root, 'a/b'));
    makeDirectories(join(root, 'a/b/c/d'), 0o700);
    makeDirectories(join(root, 'a'));
    makeDirectories('/');
    assert.ok(statSync(join(root, 'a/b/c/d')).isDirectory());
    assert.equal(statSync(join(root, 'a/b/c')).mode & 0o077, 0);
  });

  it('takes no file for a directory', () => {
    writeFileSync(join(root, 'file'), '');
    assert.throws(() => makeDirectories(join(root, 'file')), { code: 'EEXIST' });
    assert.throws(() => makeDirectories(join(root, 'file/below')), { code: 'ENOTDIR' });
  });

  it('ends where a directory that is there says it is not', { skip: !existsSync('/proc/self') }, () => {
    // Apart, for what never ends cannot be stopped from within.
    const files = resolve(import.meta.dirname, '../../src/host/files.ts');
    const script = `import { makeDirectories } from ${JSON.stringify(files)};
      for (const path of ['/proc/same', '/proc/same/below/it'])
        try { makeDirectories(path); } catch (error) { console.log(error.code, error.path); }`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 20_000,
      killSignal: 'SIGKILL',
    });
    assert.equal(stdout, 'ENOENT /proc/same\nENOENT /proc/same/below/it\n');
  });
});

describe('placing a file', () => {
  it('hears an interruption between two chunks, and leaves nothing of the file', async () => {
    const controller = new AbortController();
    const files = openUserFiles(join(root, 'home'), { signal: controller.signal });
    let chunks = 0;
    async function* body() {
      setImmediate(() => controller.abort());
      for (; chunks < 64; chunks++) yield Buffer.alloc(1 << 20);
    }
    const directory = join(root, 'placed');
    await assert.rejects(files.place(directory, { path: 'long', executable: false, body: body() }), {
      code: 'SAME1903',
    });
    assert.ok(chunks < 64);
    assert.deepEqual(readdirSync(directory), []);
  });

  it('hears one between empty files', async () => {
    const controller = new AbortController();
    const files = openUserFiles(join(root, 'home'), { signal: controller.signal });
    controller.abort();
    async function* body() {}
    const file = { path: 'empty', executable: false, body: body() };
    await assert.rejects(files.place(join(root, 'empties'), file), { code: 'SAME1903' });
  });
});
