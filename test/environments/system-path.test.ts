import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { systemPath } from '../../src/environments/system-path.ts';

describe("a system environment's PATH", () => {
  let root: string;
  const own = process.env.PATH;
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'same-path-'));
    mkdirSync(join(root, 'bin'));
    mkdirSync(join(root, 'node_modules/.bin'), { recursive: true });
    writeFileSync(join(root, 'file'), '');
  });
  after(() => {
    process.env.PATH = own;
    rmSync(root, { recursive: true });
  });

  it('has the directories that are there, each once, and nothing that is relative, no directory or npm’s', async () => {
    const entries = ['bin', 'missing', 'file', 'file/below', 'node_modules/.bin', 'bin'].map((name) =>
      join(root, name),
    );
    process.env.PATH = ['relative', ...entries, '/usr/bin'].join(':');
    assert.deepEqual(await systemPath([]), [join(root, 'bin'), '/usr/bin']);
  });
});
