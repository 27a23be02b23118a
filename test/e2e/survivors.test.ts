import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isAlive, until } from '../components/facts.ts';
import { manifest, openRig, type Rig } from './rig.ts';

const unavailable = existsSync('/proc/self/environ') ? false : 'there is no /proc';

/** Leaves the process group with the output open, and writes to it for as long as it lives. */
const leaving = (output: string, pid: string) => `import { spawn } from 'node:child_process';
import { openSync, writeFileSync } from 'node:fs';
const script = 'setInterval(() => require("node:fs").writeSync(1, "late"), 1)';
const stdio = ['ignore', openSync('${output}', 'w'), 'ignore'];
const child = spawn(process.execPath, ['-e', script], { detached: true, stdio });
child.unref();
writeFileSync('${pid}', String(child.pid));
`;

function assertWhole(rig: Rig): void {
  const blobs = join(rig.home, 'content/blobs/sha256');
  for (const name of readdirSync(blobs)) {
    const hex = createHash('sha256')
      .update(readFileSync(join(blobs, name)))
      .digest('hex');
    assert.equal(hex, name);
  }
}

describe('a process that left the group of its step', { skip: unavailable }, () => {
  it('is gone before the outputs are hashed, and what is stored stays what it is', async () => {
    using rig = openRig();
    const pid = rig.path('pid');
    rig.write({
      'study/same.yaml': manifest('run: [node, leave.mjs]\noutputs: {o: {path: o}}'),
      'study/leave.mjs': leaving('o', pid),
    });
    const created = await rig.same(['create', '-f', 'study']);
    assert.equal(created.code, 0, created.stderr);
    const ended = await rig.same(['run', 'study:1.0']);
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal(isAlive(Number(readFileSync(pid, 'utf8'))), false);
    assertWhole(rig);
  });

  it('is gone after Ctrl-C too', async () => {
    using rig = openRig();
    const pid = rig.path('pid');
    rig.write({
      'study/same.yaml': manifest('run: [node, leave.mjs]'),
      'study/leave.mjs': `${leaving('o', pid)}setInterval(() => {}, 1000);\n`,
    });
    const created = await rig.same(['create', '-f', 'study']);
    assert.equal(created.code, 0, created.stderr);
    const { child, ended } = rig.start(['run', 'study:1.0']);
    await until('the process is there', () => existsSync(pid) && readFileSync(pid, 'utf8') !== '');
    child.kill('SIGINT');
    assert.equal((await ended).code, 130);
    assert.equal(isAlive(Number(readFileSync(pid, 'utf8'))), false);
  });
});
