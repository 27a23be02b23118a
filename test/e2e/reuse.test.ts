import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { manifest, openStudy, run } from './noting-study.ts';
import { openRig, study } from './rig.ts';

describe('a step that was run before', () => {
  it('does not run again, and its figures, outputs and logs are those of the first time', async () => {
    using rig = openStudy();
    const first = (await run(rig)).json();
    assert.deepEqual(rig.ran(), ['make', 'count']);
    const second = (await run(rig)).json();
    assert.deepEqual(rig.ran(), []);
    assert.deepEqual(second.metrics, first.metrics);
    for (const [index, step] of second.steps.entries()) {
      const before = first.steps[index];
      assert.equal(step.status, 'succeeded');
      assert.equal(step.cached, true);
      assert.equal(step.cachedFrom, first.id);
      for (const field of ['outputs', 'logs', 'cacheKey', 'inputs'])
        assert.deepEqual(step[field], before[field]);
    }
  });

  it('runs again exactly when something that it sees was edited', async () => {
    using rig = openStudy();
    await run(rig);
    rig.ran();
    rig.edit('README.md', 'other words');
    await run(rig);
    assert.deepEqual(rig.ran(), [], 'no step sees README.md');
    rig.edit('count.sh', 'two');
    await run(rig);
    assert.deepEqual(rig.ran(), ['count']);
    rig.edit('make.sh', 'two');
    await run(rig);
    assert.deepEqual(rig.ran(), ['make'], 'it wrote the same, so that the next is the same too');
    await run(rig, '--n=4');
    assert.deepEqual(rig.ran(), ['make', 'count']);
    await run(rig, '--unused=7');
    assert.deepEqual(rig.ran(), [], 'no step sees that parameter');
    rig.edit('same.yaml', manifest(rig.path('log'), 'claims: [{id: c, metric: lines, expect: 1}]'));
    assert.equal((await run(rig)).json().claims[0].outcome, 'within');
    assert.deepEqual(rig.ran(), [], 'a claim is held against figures that are there');
  });

  it('does not run again for another step that starts a command which no step started before', async () => {
    using rig = openStudy();
    await run(rig);
    rig.ran();
    const more = `
    sorted:
      run: "sort {{inputs.numbers}} > {{outputs.o}}"
      inputs: {numbers: {from: make.numbers}}
      outputs: {o: {}}`;
    rig.edit('same.yaml', manifest(rig.path('log'), more));
    const { steps } = (await run(rig)).json();
    assert.deepEqual(rig.ran(), []);
    assert.equal(steps.find(({ name }: { name: string }) => name === 'sorted').cached, false);
  });

  it('is the same from a folder and from a stored program', async () => {
    using rig = openStudy();
    await run(rig);
    rig.ran();
    await rig.same(['create', '-f', 'study']);
    assert.equal((await rig.same(['run', 'study:1.0'])).code, 0);
    assert.deepEqual(rig.ran(), []);
  });

  it('runs again with --force, with --force=STEP, and with --no-cache, and what it then left is reused', async () => {
    using rig = openStudy();
    await run(rig);
    rig.ran();
    await run(rig, '--force=count');
    assert.deepEqual(rig.ran(), ['count']);
    await run(rig, '--force');
    assert.deepEqual(rig.ran(), ['make', 'count']);
    const { id } = (await run(rig, '--no-cache')).json();
    assert.deepEqual(rig.ran(), ['make', 'count']);
    assert.equal((await run(rig)).json().steps[0].cachedFrom, id);
  });

  it('runs again when what it wrote is not as it was', async () => {
    using rig = openStudy();
    const { steps } = (await run(rig)).json();
    rig.ran();
    const hex = steps[0].outputs.numbers.digest.slice('sha256:'.length);
    const blobs = join(rig.home, 'content/blobs/sha256');
    const blob = readdirSync(blobs, { recursive: true, encoding: 'utf8' }).find((path) =>
      path.replaceAll('/', '').endsWith(hex),
    )!;
    rmSync(join(blobs, blob));
    const again = await run(rig);
    assert.equal(again.code, 0);
    assert.deepEqual(rig.ran(), ['make'], 'the other one wrote what it would write again');
  });

  it('is not found again from the journals where it was for no other run', async () => {
    using rig = openRig();
    const folder = (more: string) => ({
      'study/same.yaml': study(`pipeline: {steps: {a: {run: "true"${more}}}}
`),
    });
    rig.write(folder(', cache: false'));
    await run(rig);
    rmSync(join(rig.home, 'cache'), { recursive: true });
    rig.write(folder(''));
    assert.equal((await run(rig)).json().steps[0].cached, false);
    assert.equal((await run(rig)).json().steps[0].cached, true);
  });

  it('is found again from the journals when the cache was removed', async () => {
    using rig = openStudy();
    await run(rig);
    rig.ran();
    rmSync(join(rig.home, 'cache'), { recursive: true });
    assert.equal((await run(rig)).json().steps[1].cached, true);
    assert.deepEqual(rig.ran(), []);
  });

  it('always runs when it says cache: false, uses a secret, or is one of finally', async () => {
    using rig = openRig();
    const log = rig.path('log');
    rig.write({
      log: '',
      'study/same.yaml': study(`secrets: {TOKEN: {required: false}}
pipeline:
  steps:
    never: {run: "echo never >> ${log}", cache: false}
    secret: {run: "echo secret >> ${log}", secrets: [TOKEN]}
    told: {run: "echo told >> ${log}", secrets: [TOKEN], cache: true}
  finally:
    last: {run: "echo last >> ${log}"}
`),
    });
    await run(rig);
    writeFileSync(log, '');
    await run(rig);
    assert.deepEqual(readFileSync(log, 'utf8').split('\n').filter(Boolean).sort(), [
      'last',
      'never',
      'secret',
    ]);
  });

  it('runs again when a file that it reads became executable and is the same otherwise', async () => {
    using rig = openRig();
    rig.write({
      'study/same.yaml': study(`parameters: {mode: {type: string, default: "644"}}
pipeline:
  steps:
    a: {run: "echo 1 > {{outputs.o}}; chmod {{parameters.mode}} {{outputs.o}}", outputs: {o: {}}}
    b: {run: "test ! -x {{inputs.o}}; echo $?", parameters: [], inputs: {o: {from: a.o}}}
`),
    });
    const cached = (ended: { json(): { steps: { cached: boolean }[] } }) =>
      ended.json().steps.map((step) => step.cached);
    assert.deepEqual(cached(await run(rig)), [false, false]);
    assert.deepEqual(cached(await run(rig, '--mode=755')), [false, false]);
    assert.deepEqual(cached(await run(rig, '--mode=755')), [true, true]);
  });

  it('is not both accepted and run: --force and --accept of one step are refused', async () => {
    using rig = openStudy();
    assert.equal((await run(rig)).code, 0);
    const refused = await run(rig, '--force=make', '--accept', 'make');
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /SAME1902.*--force and --accept of one step/);
    assert.equal((await run(rig, '--force=count', '--accept', 'make')).code, 0);
  });

  it('is taken as it is by --accept, which the record of this and of later runs says', async () => {
    using rig = openStudy();
    const first = (await run(rig)).json();
    rig.edit('make.sh', 'a comment');
    rig.ran();
    const accepted = (await run(rig, '--accept', 'make')).json();
    assert.deepEqual(rig.ran(), []);
    const [make, count] = accepted.steps;
    assert.equal(make.acceptedFrom, first.steps[0].cacheKey);
    assert.notEqual(make.cacheKey, make.acceptedFrom);
    assert.equal(count.acceptedFrom, undefined);
    const later = (await run(rig)).json();
    assert.equal(later.steps[0].acceptedFrom, first.steps[0].cacheKey);
  });

  it('runs here although others ran it elsewhere and their runs came along', async () => {
    using author = openStudy();
    await author.same(['create', '-f', 'study']);
    await author.same(['run', 'study:1.0']);
    const exported = await author.same(['export', '-n', 'study:1.0', '-o', 'study.tgz', '--history', 'all']);
    assert.equal(exported.code, 0, exported.stderr);
    author.ran();
    const env = { SAME_HOME: author.path('reviewer') };
    assert.equal((await author.same(['import', 'study.tgz'], { env })).code, 0);
    assert.equal((await author.same(['list', 'runs', '--json'], { env })).json().items.length, 1);
    const checked = (await author.same(['run', 'study:1.0', '--json'], { env })).json();
    assert.deepEqual(author.ran(), ['make', 'count']);
    assert.equal(checked.steps[0].cached, false);
  });

  it('names that are no step are refused, all of them', async () => {
    using rig = openStudy();
    const refused = await run(rig, '--force=mak', '--accept', 'cuont');
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /SAME1009 .*"mak".*did you mean make/);
    assert.match(refused.stderr, /SAME1009 .*"cuont".*did you mean count/);
  });
});
