import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openRig, type Rig } from './rig.ts';

/** A study of two steps that each note that they ran; the second reads from the first and no parameter. */
const manifest = (log: string, more = '') => `
apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
parameters: {n: {type: integer, default: 3}, unused: {type: integer, default: 1}}
pipeline:
  steps:
    make:
      run: "echo make >> ${log}; seq {{parameters.n}} > {{outputs.numbers}}"
      parameters: [n]
      code: [make.sh]
      outputs: {numbers: {}}
    count:
      run: "echo count >> ${log}; wc -l < {{inputs.numbers}} > {{outputs.lines}}; echo '{\\"lines\\": 1}' > metrics.json"
      parameters: []
      code: [count.sh]
      inputs: {numbers: {from: make.numbers}}
      outputs: {lines: {}}
${more}
`;

/** A rig with the study in `study/`; what ran is told by `ran()`, which forgets it. */
function openStudy(more = ''): Rig & { ran(): string[]; edit(path: string, text: string): void } {
  const rig = openRig();
  const log = rig.path('log');
  rig.write({
    'study/same.yaml': manifest(log, more),
    'study/make.sh': 'one',
    'study/count.sh': 'one',
    'study/README.md': 'words',
    log: '',
  });
  return Object.assign(rig, {
    ran() {
      const lines = readFileSync(log, 'utf8').split('\n').filter(Boolean);
      writeFileSync(log, '');
      return lines;
    },
    edit: (path: string, text: string) => writeFileSync(rig.path('study', path), text),
  });
}

const run = (rig: Rig, ...words: string[]) => rig.same(['run', '-f', 'study', '--json', ...words]);

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
    const study = (more: string) => ({
      'study/same.yaml': `
apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
pipeline: {steps: {a: {run: "true"${more}}}}
`,
    });
    rig.write(study(', cache: false'));
    await run(rig);
    rmSync(join(rig.home, 'cache'), { recursive: true });
    rig.write(study(''));
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
      'study/same.yaml': `
apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
secrets: {TOKEN: {required: false}}
pipeline:
  steps:
    never: {run: "echo never >> ${log}", cache: false}
    secret: {run: "echo secret >> ${log}", secrets: [TOKEN]}
    told: {run: "echo told >> ${log}", secrets: [TOKEN], cache: true}
  finally:
    last: {run: "echo last >> ${log}"}
`,
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
      'study/same.yaml': `
apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
parameters: {mode: {type: string, default: "644"}}
pipeline:
  steps:
    a: {run: "echo 1 > {{outputs.o}}; chmod {{parameters.mode}} {{outputs.o}}", outputs: {o: {}}}
    b: {run: "test ! -x {{inputs.o}}; echo $?", parameters: [], inputs: {o: {from: a.o}}}
`,
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

describe('same why', () => {
  it('says that all is reused, and from which run', async () => {
    using rig = openStudy();
    const { id } = (await run(rig)).json();
    const told = await rig.same(['why', '-f', 'study']);
    assert.equal(told.code, 0, told.stderr);
    assert.match(told.stdout, new RegExp(`^make is reused: .*${id}`, 'm'));
    assert.match(told.stdout, /^2 steps: 2 reused$/m);
  });

  it('names what changed, old and new, and what waits for it', async () => {
    using rig = openStudy();
    await run(rig);
    rig.edit('make.sh', 'two');
    const told = (await rig.same(['why', '-f', 'study', '--json', '--n=5'])).json();
    const [make, count] = told.steps;
    assert.equal(make.decision, 'run');
    assert.deepEqual(
      make.changes.map(({ what }: { what: string }) => what),
      ['parameter n', 'code make.sh'],
    );
    assert.deepEqual(make.changes[0], { what: 'parameter n', old: 3, new: 5 });
    assert.equal(count.decision, 'waits');
    assert.equal(count.because, 'step make runs first');
    assert.equal((await rig.same(['list', 'runs', '--json'])).json().items.length, 1, 'nothing ran');
  });

  it('answers for one step, in its folder by the name alone', async () => {
    using rig = openStudy();
    await run(rig);
    rig.edit('count.sh', 'two');
    const told = await rig.same(['why', 'count'], { cwd: rig.path('study') });
    assert.match(
      told.stdout,
      /^count runs: .*\n {4}code count\.sh: sha256:[0-9a-f]{12} → sha256:[0-9a-f]{12}\n1 step: 1 to run\n$/,
    );
    assert.equal((await rig.same(['why', 'cuont'], { cwd: rig.path('study') })).code, 2);
  });

  it('is what run --plan says too', async () => {
    using rig = openStudy();
    await run(rig);
    const plan = (await run(rig, '--plan', '--n=9')).json();
    assert.deepEqual(
      plan.forecast.map(({ step, decision }: { step: string; decision: string }) => [step, decision]),
      [
        ['make', 'run'],
        ['count', 'waits'],
      ],
    );
  });
});

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
      'study/same.yaml': `
apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
pipeline:
  steps:
    a: {run: "echo a >> ${log}; echo 1 > {{outputs.o}}", cache: false, outputs: {o: {}}}
    b: {run: "test -e ${rig.path('flag')}", inputs: {o: {from: a.o}}}
`,
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
      'study/same.yaml': `
apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
pipeline:
  steps:
    a: ${step('first')}
    b: ${step('second')}
`,
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

describe('options that a parameter may be called too', () => {
  it('are the parameter in their short form where there is one, and the option with --same-', async () => {
    using rig = openRig();
    rig.write({
      'study/same.yaml': `
apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
parameters:
  step: {type: string, default: x}
  cache: {type: boolean, default: true}
  resume: {type: [string, "null"], default: null}
pipeline: {steps: {a: {run: "true"}, b: {run: "true"}}}
`,
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
