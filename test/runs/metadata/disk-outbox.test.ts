import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { thisProcess } from '../../../src/host/process-identity.ts';
import { openDiskOutbox } from '../../../src/runs/metadata/disk-outbox.ts';
import type { Queued } from '../../../src/runs/metadata/outbox.ts';

const OUTBOX = resolve(import.meta.dirname, '../../../src/runs/metadata/disk-outbox.ts');
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

  it('holds on to what is put again while it is told, refused or not', () => {
    const outbox = openDiskOutbox(directory);
    const why = [{ code: 'SAME1813', message: 'no' } as const];
    for (const end of [outbox.told, (queued: Queued) => outbox.refuse(queued, why)]) {
      outbox.put({ kind: 'run', id: '01' });
      const [first] = outbox.waiting();
      outbox.put({ kind: 'run', id: '01' });
      end(first!);
      const [second] = outbox.waiting();
      assert.deepEqual(second?.telling, { kind: 'run', id: '01' });
      assert.notEqual(second?.put, first?.put);
      assert.deepEqual(outbox.refused(), []);
      outbox.told(second!);
      assert.equal(outbox.count(), 0);
    }
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
    const program = `import { openDiskOutbox } from ${JSON.stringify(OUTBOX)};
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

  it('lets one of many in where the teller that was there is dead', async () => {
    const rounds = 60;
    const dead = { ...thisProcess(), boot: 'of an earlier start' };
    for (let round = 0; round < rounds; round++) {
      mkdirSync(join(directory, `${round}`));
      writeFileSync(join(directory, `${round}`, 'telling.json'), JSON.stringify(dead));
    }
    const program = `import { openDiskOutbox } from ${JSON.stringify(OUTBOX)};
      process.stdout.write('ready');
      process.stdin.once('data', (text) => {
        const held = [];
        for (let round = 0; round < ${rounds}; round++) {
          const outbox = openDiskOutbox(${JSON.stringify(directory)} + '/' + round);
          while (Date.now() < Number(text) + 10 * round);
          if (outbox.lock()) held.push(round);
        }
        process.stdout.write(JSON.stringify(held));
        process.stdin.once('end', () => process.exit());
        process.stdin.resume();
      });`;
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'inherit'] }),
    );
    await Promise.all(children.map(({ stdout }) => once(stdout, 'data')));
    const answers = children.map(({ stdout }) => once(stdout, 'data'));
    for (const { stdin } of children) stdin.write(`${Date.now() + 100}`);
    const held = (await Promise.all(answers)).flatMap(([text]) => JSON.parse(String(text)) as number[]);
    for (const child of children) child.stdin.end();
    await Promise.all(children.map((child) => once(child, 'exit')));
    assert.deepEqual(
      held.sort((a, b) => a - b),
      Array.from({ length: rounds }, (_, round) => round),
    );
  });

  it('lets others in although one died while it took over from one that died', () => {
    const outbox = openDiskOutbox(directory);
    writeFileSync(join(directory, 'telling.json'), JSON.stringify({ ...thisProcess(), boot: 'earlier' }));
    const guard = join(directory, 'telling.json-taken-over');
    writeFileSync(guard, '');
    assert.equal(outbox.lock(), undefined);
    utimesSync(guard, new Date(), Date.now() / 1000 - 60);
    const unlock = outbox.lock() ?? outbox.lock();
    assert.ok(unlock);
    unlock();
    assert.deepEqual(readdirSync(directory), []);
  });

  it('believes a teller that cannot be asked for as long as it says that it is at work', (test) => {
    const file = join(directory, 'telling.json');
    const outbox = openDiskOutbox(directory);
    const age = (minutes: number) => utimesSync(file, new Date(), Date.now() / 1000 - minutes * 60);
    writeFileSync(file, JSON.stringify({ pid: 1, host: 'elsewhere' }));
    age(1);
    assert.equal(outbox.lock(), undefined);
    age(3);
    test.mock.timers.enable({ apis: ['setInterval'] });
    const unlock = outbox.lock();
    assert.ok(unlock);
    age(3);
    test.mock.timers.tick(60_000);
    assert.ok(Date.now() - statSync(file).mtimeMs < 60_000);
    unlock();
    assert.deepEqual(readdirSync(directory), []);
  });

  it('remembers what was in the way last', () => {
    const outbox = openDiskOutbox(directory);
    assert.equal(outbox.problem, undefined);
    const last = { store: 'http://a', finding: { code: 'SAME1811', message: 'away' } } as const;
    outbox.problem = last;
    assert.deepEqual(openDiskOutbox(directory).problem, last);
    outbox.problem = undefined;
    assert.equal(outbox.problem, undefined);
  });
});
