import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { describe, it } from 'node:test';
import { openStudy, run } from './noting-study.ts';
import { openRig, study } from './rig.ts';

describe('same run --resume', () => {
  const failing = `
    last:
      run: "test -e /nowhere/flag"
      inputs: {lines: {from: count.lines}}`;

  it('goes on with the values of the newest run that failed, and runs only what did not succeed', async () => {
    using rig = openStudy(failing);
    const first = (await run(rig, '--n=5')).json();
    assert.equal(first.status, 'failed');
    rig.ran();
    const second = (await rig.same(['run', '--resume', '--json'])).json();
    assert.deepEqual(rig.ran(), []);
    assert.equal(second.resumes, first.id);
    assert.deepEqual(second.parameters, first.parameters);
    assert.deepEqual(
      second.steps.map(({ name, cached }: { name: string; cached: boolean }) => [name, cached]),
      [
        ['make', true],
        ['count', true],
        ['last', false],
      ],
    );
  });

  it('means the program of the folder, and says when that has changed since', async () => {
    using rig = openStudy(failing);
    await run(rig);
    rig.write({
      'other/same.yaml':
        'apiVersion: same/v1\nkind: Program\nmetadata: {name: other, version: "1"}\npipeline: {steps: {a: {run: "false"}}}\n',
    });
    await rig.same(['run', '-f', 'other']);
    const resumed = await rig.same(['run', '--resume'], { cwd: rig.path('study') });
    assert.match(resumed.stderr, /going on with run \S+ of study:1\.0 \(failed\)/);
    assert.doesNotMatch(resumed.stderr, /changed since/);
    rig.edit('make.sh', 'two');
    const changed = await rig.same(['run', '--resume'], { cwd: rig.path('study') });
    assert.match(changed.stderr, /it has changed since/);
  });

  it('runs what --force names although it had finished', async () => {
    using rig = openStudy(failing);
    await run(rig);
    rig.ran();
    await rig.same(['run', '--resume', '--force=count']);
    assert.deepEqual(rig.ran(), ['count']);
  });

  it('takes what a step with cache: false left, since it is the same run that goes on', async () => {
    using rig = openRig();
    const log = rig.path('log');
    rig.write({
      log: '',
      'study/same.yaml': study(`pipeline:
  steps:
    a: {run: "echo a >> ${log}; echo 1 > {{outputs.o}}", cache: false, outputs: {o: {}}}
    b: {run: "test -e ${rig.path('flag')}", inputs: {o: {from: a.o}}}
`),
    });
    assert.equal((await run(rig)).code, 1);
    rig.write({ flag: '' });
    const resumed = await rig.same(['run', '--resume', '--json']);
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.equal(readFileSync(log, 'utf8'), 'a\n');
  });

  it('takes what another step with cache: false left for none that is made like it', async () => {
    using rig = openRig();
    const step = (name: string) =>
      `{run: "echo $SAME_STEP >> ${rig.path('log')}; test $SAME_STEP = a || test -e ${rig.path('flag')}", cache: false, description: ${name}}`;
    rig.write({
      log: '',
      'study/same.yaml': study(`pipeline:
  steps:
    a: ${step('first')}
    b: ${step('second')}
`),
    });
    assert.equal((await run(rig, '--keep-going')).code, 1);
    rig.write({ flag: '', log: '' });
    const resumed = await rig.same(['run', '--resume', '--json']);
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.equal(readFileSync(rig.path('log'), 'utf8'), 'b\n');
  });

  it('is refused with other steps than those that it was restricted to', async () => {
    using rig = openStudy(failing);
    assert.equal((await run(rig)).code, 1);
    assert.equal((await run(rig, '--until', 'last')).code, 1);
    const refused = await rig.same(['run', '--resume', '--step', 'make']);
    assert.equal(refused.code, 2, refused.stderr);
    assert.match(refused.stderr, /SAME1902.*takes no --step/);
  });

  it('tells that the newest run still goes on, and nothing of what became of older ones', async () => {
    using rig = openRig();
    rig.write({
      'study/same.yaml': study(
        `pipeline: {steps: {a: {cache: false, run: 'test ! -e "${rig.path('slow')}" || { touch "${rig.path('begun')}"; while test -e "${rig.path('slow')}"; do sleep 0.1; done; }'}}}`,
      ),
    });
    assert.equal((await rig.same(['create', '-f', 'study'])).code, 0);
    assert.equal((await rig.same(['run', 'study:1.0'])).code, 0);
    rig.write({ slow: '' });
    const { ended } = rig.start(['run', 'study:1.0']);
    while (!existsSync(rig.path('begun'))) await new Promise((done) => setImmediate(done));
    const refused = await rig.same(['run', '--resume', 'study:1.0']);
    rmSync(rig.path('slow'));
    assert.equal((await ended).code, 0);
    assert.equal(refused.code, 4);
    assert.match(refused.stderr, /SAME1615 run .* the newest, still goes on/);
  });

  it('is refused where there is nothing to go on with, and with other values', async () => {
    using rig = openStudy();
    const none = await rig.same(['run', '--resume']);
    assert.equal(none.code, 3);
    assert.match(none.stderr, /SAME1608/);
    const { id } = (await run(rig)).json();
    const succeeded = await rig.same(['run', `--resume=${id}`]);
    assert.equal(succeeded.code, 4);
    assert.match(succeeded.stderr, /SAME1615 .*succeeded/);
    const other = await rig.same(['run', '--resume', '--set', 'n=4', '--profile', 'x']);
    assert.equal(other.code, 2);
    assert.match(other.stderr, /--set[\s\S]*--profile/);
  });
});

describe('a run of which nothing ran', () => {
  it('says nothing of memory, rather than that it took none', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': study(`pipeline: {steps: {a: {run: 'true'}}}\n`) });
    assert.equal((await rig.same(['create', '-f', 'study'])).code, 0);
    assert.equal((await rig.same(['run', 'study:1.0'])).code, 0);
    const { steps, usage } = (await rig.same(['run', 'study:1.0', '--json'])).json();
    assert.deepEqual([steps[0].cached, 'peakMemoryBytes' in usage], [true, false]);
  });
});

describe('options that a parameter may be called too', () => {
  it('are the parameter in their short form where there is one, and the option with --same-', async () => {
    using rig = openRig();
    rig.write({
      'study/same.yaml': study(`parameters:
  step: {type: string, default: x}
  cache: {type: boolean, default: true}
  resume: {type: [string, "null"], default: null}
pipeline: {steps: {a: {run: "true"}, b: {run: "true"}}}
`),
    });
    const values = (ended: { json(): { parameters: Record<string, { value: unknown }> } }) =>
      Object.values(ended.json().parameters).map(({ value }) => value);
    const taken = await run(rig, '--step', 'a', '--no-cache', '--resume=b');
    assert.equal(taken.code, 0, taken.stderr);
    assert.deepEqual(values(taken), [false, 'b', 'a']);
    assert.equal(taken.json().steps.length, 2);
    const empty = await run(rig, '--resume=', '--step=1', '--step=2');
    assert.equal(empty.code, 2);
    assert.match(empty.stderr, /SAME1102 .*"step"|SAME1105/);
    const restricted = await run(rig, '--same-step=a', '--step=y', '--same-force');
    assert.equal(restricted.code, 0, restricted.stderr);
    assert.deepEqual(values(restricted), [true, null, 'y']);
    assert.deepEqual(restricted.json().selection, { steps: ['a'] });
    assert.deepEqual(
      restricted.json().steps.map(({ name, cached }: { name: string; cached: boolean }) => [name, cached]),
      [['a', false]],
    );
    const stored = await rig.same(['create', '-f', 'study']);
    assert.equal(stored.code, 0, stored.stderr);
    assert.deepEqual(values(await rig.same(['run', 'study:1.0', '--resume=c', '--json'])), [true, 'c', 'x']);
  });
});
