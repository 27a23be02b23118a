import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { checkout, openRig, type Rig } from './rig.ts';

const golden = join(import.meta.dirname, 'golden/pipeline.yaml');

const manifest = `apiVersion: same/v1
kind: Program
metadata: {name: demo, version: "1.0"}
parameters: {text: {type: string, default: "{{x}} $(VAR) it's"}}
secrets: {TOKEN: {required: false}}
environments:
  default: {image: "docker.io/library/busybox@sha256:${'0'.repeat(64)}", variables: {OMP_NUM_THREADS: "1"}}
data: {words: {uri: data/words.txt}}
pipeline:
  steps:
    prepare:
      run: [sh, prepare.sh, "{{parameters.text}}", "{{inputs.words}}", "{{outputs.features}}"]
      inputs: {words: {data: words}}
      outputs: {features: {}}
      retries: {max: 2}
      resources: {cpu: 0.5, memory: 64Mi}
    train:
      matrix: {seed: [0, 1]}
      run: (cat {{inputs.features}}; echo seed {{matrix.seed}}) > {{outputs.model}}
      timeout: 30m
      inputs: {features: {from: prepare.features, at: given/features}}
      outputs: {model: {path: out/model}}
      secrets: [TOKEN]
    probe:
      matrix: {size: [1, 2]}
      parallel: 1
      run: wc -c {{inputs.features}} > {{outputs.report}}
      inputs: {features: {from: prepare.features}}
      outputs: {report: {}}
    evaluate:
      run: cat {{inputs.models}}/* > {{outputs.scores}}
      network: true
      inputs: {models: {from: train.model}}
      outputs: {scores: {path: scores.txt}}
  finally:
    say: {run: [echo, over]}
`;

function study(rig: Rig, text = manifest): void {
  rig.write({
    'study/same.yaml': text,
    'study/prepare.sh': 'echo "$1" | cat - "$2" > "$3"\n',
    'study/data/words.txt': 'words\n',
  });
}

const compile = (rig: Rig, ...words: string[]) =>
  rig.same(['compile', '-f', 'study', '--engine', 'kubeflow', ...words]);

describe('same compile --engine kubeflow', () => {
  it('writes the pipeline of a program as a file that Kubeflow takes, the same bytes every time', async () => {
    using rig = openRig();
    study(rig);
    const first = await compile(rig, '-o', 'pipeline.yaml');
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /7 to run in 6 tasks, 0 reused: pipeline\.yaml/);
    const text = readFileSync(rig.path('pipeline.yaml'), 'utf8');
    // The shim has tests of its own, and the seal is of all bytes below it.
    const shim = Buffer.from(readFileSync(join(checkout, 'src/engines/shim.sh'))).toString('base64');
    const plain = (of: string) =>
      of
        .replaceAll('arch: arm64', 'arch: amd64')
        .replaceAll(shim, 'SHIM')
        .replace(/^# What follows.*\n/m, '');
    assert.equal(plain(text), readFileSync(golden, 'utf8'));
    assert.equal((await compile(rig)).stdout, text);
  });

  it('refuses every field that Kubeflow cannot honour, and what only a submission can say', async () => {
    using rig = openRig();
    study(
      rig,
      manifest
        .replace('retries: {max: 2}', 'retries: {max: 2, codes: [3]}')
        .replace('parallel: 1', 'mutex: [m]'),
    );
    const { code, stderr } = await compile(rig);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /SAME1016 pipeline\.steps\.prepare\.retries\.codes is not supported by engine kubeflow/,
    );
    assert.match(stderr, /SAME1016 pipeline\.steps\.probe\.mutex is not supported by engine kubeflow/);
    const fast = await compile(rig, '--fail-fast');
    assert.equal(fast.code, 2);
    assert.match(fast.stderr, /--fail-fast/);
  });
});
