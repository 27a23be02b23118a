import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { frame, readJournal } from '../../src/runs/journal.ts';
import { isAlive, until } from '../components/facts.ts';
import { assertRefused } from './refusal.ts';
import { openRig } from './rig.ts';
import { directoryOf } from './stored-runs.ts';

const study = (fifo: string) => `apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
pipeline:
  steps:
    first: {run: echo done > done.txt, outputs: {done: {path: done.txt}}}
    second:
      inputs: {done: {from: first.done}}
      run: |
        if [ -e ${fifo} ]; then echo again; else touch ${fifo}; sleep 1000; fi
`;

describe('a run that goes on', () => {
  it('is stopped by its id, waited for, and gone on with', async () => {
    using rig = openRig();
    const mark = rig.path('mark');
    rig.write({ 'study/same.yaml': study(mark) });
    const { ended } = rig.start(['run', '-f', 'study']);
    await until('the second step runs', () => existsSync(mark));
    const stopped = await rig.same(['stop', 'run', 'latest', '--json']);
    assert.equal(stopped.code, 0, stopped.stderr);
    const { id, status } = stopped.json();
    assert.equal(status, 'canceled');
    assert.match(stopped.stderr, new RegExp(`asked run ${id} to stop`));
    assert.match(stopped.stderr, new RegExp(`same retry run ${id}`));
    assert.equal((await ended).code, 130);
    await assertRefused(rig, ['stop', 'run', id], {
      code: 'SAME1609',
      exit: 4,
      message: /has ended already: canceled/,
    });

    await assertRefused(rig, ['retry', 'run', id, '--sleep=0'], {
      code: 'SAME1902',
      exit: 2,
      message: /^retry run goes on with the values that the run had, and takes no --sleep=0/,
    });
    const retried = await rig.same(['retry', 'run', id, '--json']);
    assert.equal(retried.code, 0, retried.stderr);
    const record = retried.json();
    assert.equal(record.resumes, id);
    assert.deepEqual(
      record.steps.map(({ name, cached }: { name: string; cached: boolean }) => [name, cached]),
      [
        ['first', true],
        ['second', false],
      ],
    );
    await assertRefused(rig, ['retry', 'run', record.id], {
      code: 'SAME1615',
      exit: 4,
      message: /succeeded/,
    });
  });

  it('whose process was killed leaves nothing running once it is stopped, and no other process is touched', async () => {
    using rig = openRig();
    const mark = rig.path('mark');
    rig.write({ 'study/same.yaml': study(mark) });
    const [killed, other] = [rig.start(['run', '-f', 'study']), spawn('sleep', ['1000'], { detached: true })];
    try {
      await until('the second step runs', () => existsSync(mark));
      const { id } = (await rig.same(['list', 'runs', '--json'])).json().items[0];
      const path = join(directoryOf(rig, id), 'journal.jsonl');
      const pidOf = () => {
        const { events } = readJournal(path) as { events: { type: string; step?: string; pid?: number }[] };
        return events.find(({ type, step }) => type === 'step-started' && step === 'second')?.pid;
      };
      await until('the journal has its process', () => pidOf() !== undefined);
      const pid = pidOf()!;
      killed.child.kill('SIGKILL');
      await killed.ended;
      assert.ok(isAlive(pid), 'the step goes on without the process that started it');
      // An attempt of which the journal has a number that is another process's by now.
      const [, first] = readFileSync(path, 'utf8').split('\n');
      const { event } = JSON.parse(first!);
      appendFileSync(path, frame({ ...event, attempt: 7, pid: other.pid, pidStart: '1' }));
      const stopped = await rig.same(['stop', 'run', id, '--json'], { env: { SAME_RUN_ID: id } });
      assert.equal(stopped.code, 0, stopped.stderr);
      assert.equal(stopped.json().status, 'interrupted');
      assert.match(stopped.stderr, new RegExp(`run ${id} was gone, and had left running: step second`));
      await until('it is gone', () => !isAlive(pid));
      assert.ok(isAlive(other.pid!), 'another process is left alone');
      await assertRefused(rig, ['stop', 'run', id], {
        code: 'SAME1609',
        exit: 4,
        message: /has ended already: interrupted; nothing that it left runs on this machine/,
      });
    } finally {
      other.kill('SIGKILL');
    }
  });

  it('on another host is not stopped from here, and told where it can be', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': study(rig.path('mark')) });
    const { child, ended } = rig.start(['run', '-f', 'study']);
    await until('the second step runs', () => existsSync(rig.path('mark')));
    const { id } = (await rig.same(['list', 'runs', '--json'])).json().items[0];
    child.kill('SIGTERM');
    await ended;
    const other = id.replace(/.$/, (digit: string) => (digit === '0' ? '1' : '0'));
    const [first] = readFileSync(join(directoryOf(rig, id), 'journal.jsonl'), 'utf8').split('\n');
    const { event } = JSON.parse(first!);
    event.record.id = other;
    event.owner.host = '0'.repeat(12);
    mkdirSync(directoryOf(rig, other));
    writeFileSync(join(directoryOf(rig, other), 'journal.jsonl'), frame(event));
    await assertRefused(rig, ['stop', 'run', other], {
      code: 'SAME1609',
      exit: 4,
      message: /goes on on another host or in another container/,
      hint: `there: same stop run ${other}; where its process is surely dead, go on with it: same run --resume=${other} --take-over`,
    });
  });
});
