import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openRig, type Rig } from './rig.ts';

const golden = join(import.meta.dirname, 'golden/experiment.yaml');

const manifest = `apiVersion: same/v1
kind: Program
metadata: {name: demo, version: "1.0"}
parameters:
  lr: {type: number, default: 0.1, minimum: 0, maximum: 1}
  layers: {type: integer, default: 2}
  optimizer: {type: string, default: sgd}
  verbose: {type: boolean, default: false}
secrets: {TOKEN: {required: false}}
environments:
  default: {image: "docker.io/library/busybox@sha256:${'0'.repeat(64)}"}
pipeline:
  steps:
    train:
      run: [sh, prepare.sh, "--lr={{parameters.lr}}", "{{parameters.layers}}", "{{parameters.optimizer}}", "{{outputs.model}}"]
      outputs: {model: {}}
      timeout: 1h
      secrets: [TOKEN]
`;

async function stored(rig: Rig, text = manifest): Promise<void> {
  rig.write({ 'study/same.yaml': text, 'study/prepare.sh': 'echo "$1" | cat - "$2" > "$3"\n' });
  const { code, stderr } = await rig.same(['create', '-f', 'study']);
  assert.equal(code, 0, stderr);
}

const compile = (rig: Rig, ...words: string[]) =>
  rig.same(['compile', 'demo:1.0', '--engine', 'katib', ...words]);

const SPACE = ['--lr=log(1e-5,1e-1)', '--layers=linear(1,8)', "--optimizer=adam,it's {{x}}"];
const SEARCH = [...SPACE, '--objective=min:train.loss', '--trials=20', '--algorithm=tpe', '-j', '3'];

describe('same compile --engine katib', () => {
  it('writes a search as a file that a person can apply, the same bytes every time', async () => {
    using rig = openRig();
    await stored(rig);
    const first = await compile(rig, ...SEARCH, '-o', 'experiment.yaml');
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /1 to run in an Experiment of 20 trials, 0 reused: experiment\.yaml/);
    const text = readFileSync(rig.path('experiment.yaml'), 'utf8');
    // The shim has tests of its own, and the seal is of all bytes below it.
    const plain = text
      .replaceAll('arch: arm64', 'arch: amd64')
      .replace(/^ {4}# same shim 1[\s\S]*?\n(?=---\n)/m, '    SHIM\n')
      .replace(/^# What follows.*\n/m, '');
    assert.equal(plain, readFileSync(golden, 'utf8'));
    assert.equal((await compile(rig, ...SEARCH)).stdout, text);
    const other = await compile(rig, ...SEARCH, '--sampler-seed=3', '-o', 'experiment.yaml');
    assert.equal(other.code, 0, other.stderr);
    assert.notEqual(readFileSync(rig.path('experiment.yaml'), 'utf8'), text);
    assert.equal((await rig.same(['list', 'runs', '--json'])).json().items.length, 0, 'nothing ran');
  });

  it('refuses all at once what Katib cannot honour, of the words, of the program and of what it is searched by', async () => {
    using rig = openRig();
    await stored(rig, manifest.replace('      timeout: 1h', '      retries: {max: 1}\n      mutex: [m]'));
    const { code, stderr } = await compile(
      rig,
      ...SPACE,
      '--trials=4',
      '--algorithm=sobol',
      '--sampler-seed=1',
    );
    assert.equal(code, 2);
    for (const what of [
      'a search without an objective',
      '--sampler-seed',
      '--lr',
      'pipeline.steps.train.mutex',
      'pipeline.steps.train.retries',
    ])
      assert.match(
        stderr,
        new RegExp(`SAME1016 ${what.replaceAll('.', '\\.')} is not supported by engine katib`),
      );
  });

  it('refuses to search what makes another program of it, and flags that are there or not', async () => {
    using rig = openRig();
    const text = manifest
      .replace('"{{parameters.layers}}"', '"{{flags}}"')
      .replace('      timeout: 1h', '      when: parameters.layers < 5');
    await stored(rig, text);
    const { code, stderr } = await compile(
      rig,
      '--layers=linear(1,8)',
      '--verbose=true,false',
      '--trials=4',
      '--objective=max:accuracy',
    );
    assert.equal(code, 2);
    assert.match(
      stderr,
      /SAME1016 --layers is not supported by engine katib: with 8 the program is another one/,
    );
    assert.match(stderr, /SAME1016 --verbose is not supported by engine katib: its flag is there or not/);
  });

  it('refuses words that are of runs here, and figures that no report says', async () => {
    using rig = openRig();
    await stored(rig, `${manifest}metrics: {loss: {from: train.stdout, regex: "loss (.*)"}}\n`);
    const words = await compile(rig, ...SEARCH, '--no-cache', '--target', 'local');
    assert.equal(words.code, 2);
    assert.match(words.stderr, /SAME1902 compile does not take --target/);
    assert.match(words.stderr, /SAME1902 compile does not take --no-cache/);
    const figures = await compile(rig, ...SPACE, '--trials=4', '--objective=min:loss');
    assert.equal(figures.code, 2);
    assert.match(
      figures.stderr,
      /SAME1016 metrics\.loss is not supported by engine katib: it reads figures in reports only/,
    );
    assert.equal((await compile(rig)).code, 2, 'a search has to vary something');
  });
});
