import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { frame, readJournal } from '../../src/runs/journal.ts';
import { until } from '../components/facts.ts';
import { assertRefused } from './refusal.ts';
import { openRig, type Rig, study } from './rig.ts';
import { directoryOf } from './stored-runs.ts';

/** A run whose second step waits, and whose journal says that another host writes it. */
async function openElsewhere(rig: Rig) {
  const [mark, go, log] = [rig.path('mark'), rig.path('go'), rig.path('log')];
  const wait = `[ -e ${mark} ] || { touch ${mark}; while [ ! -e ${go} ]; do sleep 0.02; done; }`;
  rig.write({
    'study/same.yaml': study(`pipeline:
  steps:
    first: {run: "echo first >> ${log}; echo 1 > {{outputs.o}}", cache: false, outputs: {o: {}}}
    second: {run: "${wait}", inputs: {o: {from: first.o}}}
    third: {run: "echo third >> ${log}", inputs: {o: {from: first.o}}, mutex: [m]}
`),
  });
  const { ended } = rig.start(['run', '-f', 'study', '-j', '1']);
  await until('the second step runs', () => existsSync(mark));
  const { id } = (await rig.same(['list', 'runs', '--json'])).json().items[0];
  const path = join(directoryOf(rig, id), 'journal.jsonl');
  await until('the journal has it', () => readFileSync(path, 'utf8').includes('"step":"second"'));
  const [first, ...more] = readFileSync(path, 'utf8').split('\n');
  const { event } = JSON.parse(first!);
  event.owner.host = '0'.repeat(12);
  writeFileSync(path, [frame(event).trimEnd(), ...more].join('\n'));
  return { id, path, go, log, ended };
}

describe('a run of another host', () => {
  it('is gone on with where the caller says that it is dead, and writes nothing more should it live', async () => {
    using rig = openRig();
    const { id, path, go, log, ended } = await openElsewhere(rig);
    await assertRefused(rig, ['run', `--resume=${id}`], {
      code: 'SAME1615',
      exit: 4,
      message: /goes on elsewhere/,
      hint: `where its process is surely dead: same run --resume=${id} --take-over`,
    });
    const taken = await rig.same(['run', '--resume', '--take-over', '--json'], { cwd: rig.path('study') });
    assert.equal(taken.code, 0, taken.stderr);
    assert.equal(taken.json().resumes, id);
    assert.equal(readFileSync(log, 'utf8'), 'first\nthird\n', 'what had succeeded was taken');
    const { events } = readJournal(join(directoryOf(rig, id), 'taken-over.jsonl'));
    assert.deepEqual(
      events.map((event) => (event as { type: string }).type),
      ['run-taken-over'],
    );

    const before = readFileSync(path, 'utf8');
    writeFileSync(go, '');
    const late = await ended;
    assert.equal(late.code, 4, late.stderr);
    assert.match(late.stderr, new RegExp(`^SAME1618 run ${id} was taken over`, 'm'));
    assert.equal(readFileSync(path, 'utf8'), before);
    assert.equal(existsSync(join(directoryOf(rig, id), 'run.json')), false);
    assert.equal((await rig.same(['show', 'run', id, '--json'])).json().status, 'interrupted');
    assert.equal(readFileSync(log, 'utf8'), 'first\nthird\n', 'its other steps did not begin');
    assert.equal((await rig.same(['delete', 'run', id])).code, 0);
  });

  it('is taken over only together with going on', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': study('pipeline: {steps: {a: {run: "true"}}}\n') });
    await assertRefused(rig, ['run', '-f', 'study', '--take-over'], {
      code: 'SAME1902',
      exit: 2,
      message: /--take-over takes over the run that --resume goes on with/,
    });
  });
});
