import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { openRig, type Rig } from './rig.ts';

const manifest = `apiVersion: same/v1
kind: Program
metadata: {name: demo, version: "1.0"}
parameters: {text: {type: string, default: "{{x}} $(VAR) it's"}}
secrets: {TOKEN: {required: false}}
environments:
  default: {image: "docker.io/library/busybox@sha256:${'0'.repeat(64)}", variables: {OMP_NUM_THREADS: "1"}}
pipeline:
  steps:
    prepare:
      run: [sh, prepare.sh, "{{parameters.text}}", "{{outputs.features}}"]
      outputs: {features: {}}
      retries: {max: 2, codes: [137]}
      timeout: 30m
      resources: {cpu: 0.5, memory: 64Mi}
    train:
      matrix: {seed: [0, 1, "{{workflow.name}} $(params.cell)"]}
      run: (cat {{inputs.features}}; echo seed {{matrix.seed}}) > {{outputs.model}}
      inputs: {features: {from: prepare.features, at: "given/{{x}}"}}
      outputs: {model: {path: out/model}}
      secrets: [TOKEN]
    evaluate:
      run: cat {{inputs.models}}/* > {{outputs.scores}}
      inputs: {models: {from: train.model}}
      outputs: {scores: {path: scores.txt}}
      cache: portable
  finally:
    report:
      run: cp {{inputs.scores}} {{outputs.copy}}
      inputs: {scores: {from: evaluate.scores}}
      outputs: {copy: {}}
      network: true
`;

function study(rig: Rig, text = manifest): void {
  rig.write({ 'study/same.yaml': text, 'study/prepare.sh': 'echo "$1" > "$2"\n' });
}

/** The same on every machine: without the digest of what follows, which tells them apart as the architecture does. */
const anywhere = (text: string) =>
  text.replaceAll('arch: arm64', 'arch: amd64').replace(/^# What follows was compiled as .*\n/m, '');

for (const { engine, golden, kind, made } of [
  { engine: 'argo', golden: 'workflow.yaml', kind: 'Workflow', made: 'a Workflow' },
  { engine: 'tekton', golden: 'pipeline-run.yaml', kind: 'PipelineRun', made: 'a PipelineRun' },
]) {
  describe(`same compile --engine ${engine}`, () => {
    const compile = (rig: Rig, ...words: string[]) =>
      rig.same(['compile', '-f', 'study', '--engine', engine, ...words]);

    it(`writes ${made} as a file that a person can apply, the same bytes every time`, async () => {
      using rig = openRig();
      study(rig);
      const first = await compile(rig, '-o', golden);
      assert.equal(first.code, 0, first.stderr);
      assert.match(first.stderr, new RegExp(`6 to run in ${made}, 0 reused: ${golden}`));
      const text = readFileSync(rig.path(golden), 'utf8');
      assert.equal(
        anywhere(text),
        anywhere(readFileSync(join(import.meta.dirname, 'golden', golden), 'utf8')),
      );
      assert.equal((await compile(rig)).stdout, text);
    });

    it('leaves no value of the program where the engine fills in templates, and none of a secret anywhere', async () => {
      using rig = openRig();
      study(rig);
      const { stdout, code } = await rig.same(['compile', '-f', 'study', '--engine', engine], {
        env: { TOKEN: 'sesame-open-5819' },
      });
      assert.equal(code, 0);
      for (const form of ['utf8', 'base64', 'hex'] as const)
        assert.ok(!stdout.includes(Buffer.from('sesame-open-5819').toString(form).slice(0, 18)));
      const documents = parseAllDocuments(stdout).map((document) => document.toJS());
      const run = JSON.stringify(documents.find((document) => document.kind === kind));
      assert.doesNotMatch(run, /\{\{x|workflow\.name|\$\(VAR|seed/);
    });

    it('compiles a thousand cells', async () => {
      using rig = openRig();
      const seeds = Array.from({ length: 1000 }, (_, seed) => seed).join(', ');
      const steps = `  steps: {train: {matrix: {seed: [${seeds}]}, run: [echo, "{{matrix.seed}}"]}}\n`;
      study(rig, manifest.replace(/ {2}steps:.*/s, steps));
      const { code, stderr } = await compile(rig, '-o', golden);
      assert.equal(code, 0, stderr);
      assert.match(stderr, new RegExp(`1000 to run in ${made}, 0 reused`));
    });

    it('refuses what it cannot honour, and how it is to go on after a failure', async () => {
      using rig = openRig();
      study(
        rig,
        manifest
          .replace('timeout: 30m', 'timeout: 30m\n      resources: {gpu: {count: 1, memory: 8Gi}}')
          .replace('      resources: {cpu: 0.5, memory: 64Mi}\n', '')
          .replace(/^ {2}default: .*$/m, '  default: {system: true}'),
      );
      const { code, stderr } = await compile(rig);
      assert.equal(code, 2);
      for (const field of [
        'environments.default without an image',
        'pipeline.steps.prepare.resources.gpu.memory',
      ])
        assert.ok(stderr.includes(`SAME1016 ${field} is not supported by engine ${engine}`), stderr);
      const stopping = await compile(rig, '--fail-fast');
      assert.equal(stopping.code, 2);
      assert.match(stopping.stderr, new RegExp(`SAME1902 engine ${engine} does not take --fail-fast`));
    });
  });
}
