import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { eventFile } from '../components/event-files.ts';
import { type StoredMlflowRun, writeMlflowStore } from '../components/mlflow-store.ts';
import { assertRefused } from './refusal.ts';
import { manifest, openRig, type Rig } from './rig.ts';

const [outer, inner] = ['5'.repeat(32), 'f'.repeat(32)];
const store: StoredMlflowRun[] = [
  {
    id: outer,
    params: { lr: '0.01' },
    metrics: { loss: '1795306749176 1.0 0\n1795306749177 0.5 1\n', bad: '1795306749176 nan 0\n' },
    tags: { team: 'x', 'mlflow.user': 'grace' },
    artifacts: { 'notes/hello.txt': 'hello' },
  },
  { id: inner, status: 4, start: 1795306749100, tags: { 'mlflow.parentRunId': outer } },
  { id: 'e'.repeat(32), deleted: true },
  { id: 'a'.repeat(32), status: 1, end: null },
];

describe('runs that another tool kept', () => {
  it('are foreign, read-only runs of a program, and importing them again changes no byte of the home', async () => {
    using rig = openRig();
    writeMlflowStore(rig.path('mlruns'), store);
    const words = ['import', 'runs', '--from', 'mlruns', 'mlruns', '--json'];
    const { programs, left } = (await done(rig, words)).json();
    assert.deepEqual(
      [programs[0].program.name, programs[0].program.version, programs[0].made, programs[0].runs.length],
      ['digits', '0', true, 2],
    );
    assert.deepEqual(left, [
      { id: 'e'.repeat(32), because: 'deleted' },
      { id: 'a'.repeat(32), because: 'not ended' },
    ]);
    const before = bytesOf(rig.home);
    const again = (await done(rig, words)).json();
    assert.ok(again.programs[0].runs.every(({ isNew }: { isNew: boolean }) => !isNew));
    assert.deepEqual(bytesOf(rig.home), before);

    const [run] = programs[0].runs.filter(({ from }: { from: string }) => from === outer);
    const { own, ...record } = (await done(rig, ['show', 'run', run.id, '--json'])).json();
    assert.equal(own, false);
    assert.deepEqual(record.imported, {
      from: 'mlflow',
      id: outer,
      name: 'some-name-1',
      group: 'digits',
      tags: { team: 'x' },
    });
    assert.deepEqual(record.parameters, { lr: { value: 0.01, source: 'imported' } });
    const [{ series, ...loss }] = record.metrics;
    assert.deepEqual(loss, { name: 'loss', step: 'main', value: 0.5, count: 2 });
    assert.equal(
      readFileSync(rig.path('home/content/blobs/sha256', series.slice(7)), 'utf8'),
      '{"step":0,"time":1795306749.176,"loss":1}\n{"step":1,"time":1795306749.177,"loss":0.5}\n',
    );
    assert.match(record.warnings.join(), /1 of 1 values of bad are no finite numbers/);
    assert.doesNotMatch(JSON.stringify(record), /grace|srv/);
    const nested = programs[0].runs.find(({ from }: { from: string }) => from === inner);
    assert.equal((await done(rig, ['show', 'run', nested.id, '--json'])).json().parent, run.id);
    await assertRefused(rig, ['delete', 'run', run.id], { code: 'SAME1609', exit: 4 });
    const other = { env: { SAME_HOME: rig.path('other') } };
    const elsewhere = (await done(rig, words, other)).json();
    assert.deepEqual(elsewhere.programs, programs, 'the same wherever it is done');
    const taken = (await done(rig, [...words, '--unfinished'], other)).json().programs[0].runs;
    assert.equal(taken.length, 3);
  });

  it('belong to the program that is named, and travel with it', async () => {
    using rig = openRig();
    rig.write({
      'study/same.yaml': manifest('run: "true"'),
      'logs/one/events.out.tfevents.1.host': eventFile('scalars'),
      'logs/two/hp/events.out.tfevents.1.host': eventFile('hyperParameters'),
    });
    await done(rig, ['create', '-f', 'study']);
    const words = ['import', 'runs', '--from', 'tensorboard', 'logs', '-n', 'study:1.0', '--json'];
    const { programs } = (await done(rig, words)).json();
    assert.equal(programs[0].made, false);
    await done(rig, ['export', '-n', 'study:1.0', '--history', 'all', '-o', 'study.tgz']);
    const reader = { env: { SAME_HOME: rig.path('reader') } };
    await done(rig, ['import', 'study.tgz'], reader);
    for (const { id } of programs[0].runs) {
      const shown = async (options?: object) =>
        (await done(rig, ['show', 'run', id, '--json'], options)).stdout;
      assert.equal(await shown(reader), await shown());
    }
    await assertRefused(rig, [...words.slice(0, -3), '-n', 'study:9.9'], { code: 'SAME1204', exit: 3 });
  });

  it('are all refused, with every problem, where one cannot be read', async () => {
    using rig = openRig();
    writeMlflowStore(rig.path('mlruns'), [
      ...store,
      { id: 'b'.repeat(32), metrics: { x: 'no\n' }, params: { p: 'v' } },
    ]);
    await assertRefused(rig, ['import', 'runs', '--from', 'mlruns', 'mlruns'], {
      code: 'SAME1617',
      exit: 7,
      message: /metrics\/x/,
    });
    assert.deepEqual((await done(rig, ['list', 'programs', '--json'])).json().items, []);
    await assertRefused(rig, ['import', 'runs', '--from', 'tensorboard', 'mlruns'], {
      code: 'SAME1617',
      exit: 7,
    });
    await assertRefused(rig, ['import', 'runs', '--from', 'mlruns', 'nothing'], {
      code: 'SAME1205',
      exit: 3,
    });
    await assertRefused(rig, ['import', 'runs', '--from', 'excel', 'mlruns'], { code: 'SAME1902', exit: 2 });
  });
});

async function done(rig: Rig, words: string[], options?: { env?: Record<string, string> }) {
  const ended = await rig.same(words, options);
  assert.equal(ended.code, 0, `same ${words.join(' ')}\n${ended.stdout}${ended.stderr}`);
  return ended;
}

/** Every file of a home with its digest; what looks at runs may leave an index, which is derived. */
function bytesOf(home: string): [string, string][] {
  return globSync('**', { cwd: home })
    .filter((path) => statSync(join(home, path)).isFile() && !path.startsWith('index-'))
    .sort()
    .map((path) => [
      path,
      createHash('sha256')
        .update(readFileSync(join(home, path)))
        .digest('hex'),
    ]);
}
