import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { frame } from '../../src/runs/journal.ts';
import { until } from '../components/facts.ts';
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
      hint: `there: same stop run ${other}`,
    });
  });
});
