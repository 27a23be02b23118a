import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { openDiskOutbox } from '../../../src/runs/metadata/disk-outbox.ts';

const PROGRAM = {
  kind: 'program',
  name: 'a/b',
  version: '1.0',
  digest: 'sha256:0',
  createdAt: '2026-01-01T00:00:00Z',
} as const;

describe('the queue of what a store is to be told', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'same-outbox-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('holds each thing once, programs before runs and those by their ids, for whoever opens it', () => {
    const outbox = openDiskOutbox(join(directory, 'outbox'));
    assert.deepEqual(outbox.waiting(), []);
    for (const id of ['02', '01', '02']) outbox.put({ kind: 'run', id });
    outbox.put(PROGRAM);
    const waiting = openDiskOutbox(join(directory, 'outbox')).waiting();
    assert.deepEqual(
      waiting.map(({ telling }) => telling),
      [PROGRAM, { kind: 'run', id: '01' }, { kind: 'run', id: '02' }],
    );
    outbox.told(outbox.waiting()[1]!);
    assert.deepEqual(
      outbox.waiting().map(({ key }) => key.slice(0, 6)),
      ['progra', 'run-02'],
    );
  });

  it('keeps apart what was refused, with why, until it is to be tried again', () => {
    const outbox = openDiskOutbox(directory);
    outbox.put({ kind: 'run', id: '01' });
    const why = [{ code: 'SAME1813', message: 'no' } as const];
    outbox.refuse(outbox.waiting()[0]!, why);
    assert.deepEqual(outbox.waiting(), []);
    assert.deepEqual(outbox.refused()[0]?.refused, why);
    assert.deepEqual(outbox.refused()[0]?.telling, { kind: 'run', id: '01' });
    assert.equal(outbox.tryRefusedAgain(), 1);
    assert.deepEqual(outbox.refused(), []);
    assert.deepEqual(outbox.waiting()[0]?.telling, { kind: 'run', id: '01' });
  });

  it('passes over what is no entry: half written by a process that died, or put there by somebody', () => {
    const outbox = openDiskOutbox(directory);
    outbox.put({ kind: 'run', id: '01' });
    for (const name of ['.tmp-1-abc', 'run-02.json', 'notes.txt', 'run-..%2f.json'])
      writeFileSync(join(directory, name), '{"kind":');
    assert.deepEqual(
      outbox.waiting().map(({ telling }) => telling),
      [{ kind: 'run', id: '01' }],
    );
  });

  it('has one teller at a time, and none that is dead', async () => {
    const unlock = openDiskOutbox(directory).lock();
    assert.ok(unlock);
    assert.equal(openDiskOutbox(directory).lock(), undefined);
    unlock();
    const module = resolve(import.meta.dirname, '../../../src/runs/metadata/disk-outbox.ts');
    const program = `import { openDiskOutbox } from ${JSON.stringify(module)};
      openDiskOutbox(${JSON.stringify(directory)}).lock(); process.stdout.write('locked'); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    assert.equal(openDiskOutbox(directory).lock(), undefined);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const taken = openDiskOutbox(directory).lock();
    assert.ok(taken);
    taken();
    assert.deepEqual(readdirSync(directory), []);
  });

  it('remembers what was in the way last', () => {
    const outbox = openDiskOutbox(directory);
    assert.equal(outbox.problem, undefined);
    outbox.problem = { code: 'SAME1811', message: 'away' };
    assert.deepEqual(openDiskOutbox(directory).problem, { code: 'SAME1811', message: 'away' });
    outbox.problem = undefined;
    assert.equal(outbox.problem, undefined);
  });
});
