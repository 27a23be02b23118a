import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { openRig, type Rig } from './rig.ts';

const golden = join(import.meta.dirname, 'golden/jobs.yaml');

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
      retries: {max: 2, codes: [137]}
      timeout: 30m
      resources: {cpu: 0.5, memory: 64Mi}
    train:
      matrix: {seed: [0, 1, 2]}
      parallel: 2
      run: (cat {{inputs.features}}; echo seed {{matrix.seed}}) > {{outputs.model}}
      inputs: {features: {from: prepare.features, at: given/features}}
      outputs: {model: {path: out/model}}
      secrets: [TOKEN]
    evaluate:
      run: cat {{inputs.models}}/* > {{outputs.scores}}
      network: true
      inputs: {models: {from: train.model}}
      outputs: {scores: {path: scores.txt}}
`;

function study(rig: Rig, text = manifest): void {
  rig.write({
    'study/same.yaml': text,
    'study/prepare.sh': 'echo "$1" | cat - "$2" > "$3"\n',
    'study/data/words.txt': 'words\n',
  });
}

const compile = (rig: Rig, ...words: string[]) =>
  rig.same(['compile', '-f', 'study', '--engine', 'kubernetes', ...words]);

interface Mount {
  name: string;
  mountPath: string;
  subPath?: string;
  subPathExpr?: string;
}

interface ClusterObject {
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
  spec: {
    completions: number;
    template: {
      spec: {
        containers: { volumeMounts: Mount[] }[];
        volumes: { projected?: { sources: { configMap: { name: string } }[] } }[];
      };
    };
  };
}

/** Does on this machine what a cluster does with Jobs: one after the other, every index. */
function runJobs(rig: Rig, objects: ClusterObject[]): string {
  const configs = new Map(
    objects.filter(({ kind }) => kind === 'ConfigMap').map((object) => [object.metadata.name, object]),
  );
  const volume = rig.path('volume');
  for (const { spec, metadata } of objects.filter(({ kind }) => kind === 'Job')) {
    for (let index = 0; index < spec.completions; index++) {
      const root = rig.path(`pod-${metadata.name}-${index}`);
      const here = (path: string) => path.replace(/^\/same/, root);
      const { containers, volumes } = spec.template.spec;
      mkdirSync(here('/same/spec'), { recursive: true });
      for (const { configMap } of volumes.find(({ projected }) => projected)!.projected!.sources) {
        const { data = {}, binaryData = {} } = configs.get(configMap.name)!;
        for (const [key, text] of Object.entries(data))
          writeFileSync(here(`/same/spec/${key}`), text.replaceAll('/same/', `${root}/`));
        for (const [key, text] of Object.entries(binaryData))
          writeFileSync(here(`/same/spec/${key}`), Buffer.from(text, 'base64'));
      }
      for (const { name, mountPath, subPath, subPathExpr } of containers[0]!.volumeMounts) {
        if (name !== 'volume') continue;
        const place = join(volume, subPath ?? subPathExpr!.replace('$(SAME_CELL)', `${index}`));
        mkdirSync(subPathExpr ? place : dirname(place), { recursive: true });
        mkdirSync(dirname(here(mountPath)), { recursive: true });
        symlinkSync(place, here(mountPath));
      }
      const { status, stderr } = spawnSync('sh', [here('/same/spec/shim.sh')], {
        env: {
          PATH: process.env.PATH,
          SAME_DIR: root,
          SAME_CELL: `${index}`,
          SAME_STEP_FILE: here('/same/spec/step.sh'),
        },
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
    }
  }
  return volume;
}

describe('same compile --engine kubernetes', () => {
  it('writes the Jobs of a program as a file that a person can apply, the same bytes every time', async () => {
    using rig = openRig();
    study(rig);
    const first = await compile(rig, '-o', 'jobs.yaml');
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /5 to run in 3 Jobs, 0 reused: jobs\.yaml/);
    const text = readFileSync(rig.path('jobs.yaml'), 'utf8');
    // The digest of what follows it tells machines apart, as the architecture does.
    const anywhere = (of: string) =>
      of.replaceAll('arch: arm64', 'arch: amd64').replace(/^# What follows was compiled as .*\n/m, '');
    assert.equal(anywhere(text), anywhere(readFileSync(golden, 'utf8')));
    assert.equal((await compile(rig)).stdout, text);
    assert.equal((await rig.same(['list', 'runs', '--json'])).json().items.length, 0, 'nothing ran');
  });

  it('writes over what it wrote of the same version, and over nothing else but by force', async () => {
    using rig = openRig();
    study(rig);
    rig.write({ 'notes.txt': 'mine\n' });
    const into = (...words: string[]) => compile(rig, '-o', ...words);
    assert.equal((await into('jobs.yaml')).code, 0);
    assert.equal((await into('jobs.yaml', '--text', 'another')).code, 0, 'of another plan');
    const written = readFileSync(rig.path('jobs.yaml'), 'utf8');
    rig.write({ 'edited.yaml': written.replace('parallelism: 2', 'parallelism: 3') });
    rig.write({ 'older.yaml': written.replace('demo:1.0', 'demo:0.9') });
    rig.write({ 'folder/file': '' });
    for (const [file, what] of [
      ['notes.txt', 'is nothing that compile wrote'],
      ['edited.yaml', 'was changed since compile wrote it'],
      ['older.yaml', 'is something else: demo:0.9 as Jobs'],
      ['folder', 'is a directory'],
    ] as const) {
      const { code, stderr } = await into(file);
      assert.equal(code, 4, stderr);
      assert.match(stderr, new RegExp(`SAME1403 ${file} is there already and ${what}`));
    }
    assert.equal(readFileSync(rig.path('notes.txt'), 'utf8'), 'mine\n');
    assert.equal((await into('notes.txt', '--force')).code, 0);
  });

  it('writes Jobs that do what the program says: inputs, cells, fan-in and all', async () => {
    using rig = openRig();
    study(rig);
    const { objects, run } = (await compile(rig, '--json')).json();
    const volume = runJobs(rig, objects);
    const features = "{{x}} $(VAR) it's\nwords\n";
    assert.equal(
      readFileSync(join(volume, run, 'evaluate/0/scores'), 'utf8'),
      [0, 1, 2].map((seed) => `${features}seed ${seed}\n`).join(''),
    );
  });

  it('holds no value of a secret, and refuses a parameter that does', async () => {
    using rig = openRig();
    study(rig);
    const variables = { TOKEN: 'sesame-open-5819' };
    const { stdout, code } = await rig.same(['compile', '-f', 'study', '--engine', 'kubernetes'], {
      env: variables,
    });
    assert.equal(code, 0);
    for (const form of ['utf8', 'base64', 'hex'] as const)
      assert.ok(!stdout.includes(Buffer.from('sesame-open-5819').toString(form).slice(0, 18)));
    const refused = await rig.same(
      ['compile', '-f', 'study', '--engine', 'kubernetes', '--text', 'sesame-open-5819'],
      { env: variables },
    );
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /SAME1103/);
  });

  it('refuses every field that Jobs cannot honour, and engines that it has no compiler for', async () => {
    using rig = openRig();
    study(
      rig,
      manifest
        .replace('      parallel: 2', '      mutex: [gpu]')
        .replace(/^ {2}default: .*$/m, '  default: {dockerfile: Dockerfile}'),
    );
    rig.write({ 'study/Dockerfile': 'FROM scratch\n' });
    const { code, stderr } = await compile(rig);
    assert.equal(code, 2);
    assert.match(stderr, /SAME1016 pipeline\.steps\.train\.mutex is not supported by engine kubernetes/);
    assert.match(stderr, /SAME1016 environments\.default\.dockerfile is not supported by engine kubernetes/);
    for (const words of [[], ['--engine', 'slurm']]) {
      const other = await rig.same(['compile', '-f', 'study', ...words]);
      assert.equal(other.code, 2);
      assert.match(other.stderr, /SAME1902.*(needs --engine|no compiler for engine "slurm")/);
    }
  });

  it('compiles a program of a manifest alone, of a thousand cells too', async () => {
    using rig = openRig();
    const seeds = Array.from({ length: 1000 }, (_, seed) => seed).join(', ');
    const steps = `  steps: {train: {matrix: {seed: [${seeds}]}, run: [echo, "{{matrix.seed}}"]}}\n`;
    const alone = manifest.replace(/^data: .*\n/m, '').replace(/ {2}steps:.*/s, steps);
    rig.write({ 'study/same.yaml': alone });
    const { code, stderr } = await compile(rig, '-o', 'jobs.yaml');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /1000 to run in 1 Job, 0 reused/);
  });

  it('refuses words of run that would change nothing', async () => {
    using rig = openRig();
    study(rig);
    const { code, stderr } = await compile(rig, '-j', '4', '--target', 'local');
    assert.equal(code, 2);
    for (const option of ['--jobs', '--target'])
      assert.match(stderr, new RegExp(`SAME1902 compile does not take ${option}`));
    const keeping = await compile(rig, '--keep-going');
    assert.equal(keeping.code, 2);
    assert.match(keeping.stderr, /SAME1902 engine kubernetes does not take --keep-going/);
  });

  it('compiles only what no stored result stands in for, and carries what that reads', async () => {
    using rig = openRig();
    const locked = 'default: {python: {version: "3.11", lock: requirements.lock}, image: ';
    study(rig, manifest.replace('default: {image: ', locked));
    rig.write({ 'study/requirements.lock': '' });
    const prepared = await rig.same(['run', '-f', 'study', '--until', 'prepare']);
    assert.equal(prepared.code, 0, prepared.stderr);
    const { cells, reused, objects, run } = (await compile(rig, '--json')).json();
    assert.deepEqual([Object.keys(cells), reused], [['train', 'evaluate'], 1]);
    const volume = runJobs(rig, objects);
    const whole = await rig.same(['run', '-f', 'study', '--json']);
    assert.equal(whole.code, 0, whole.stderr);
    const got = await rig.same(['get', 'run', whole.json().id, '--step', 'evaluate', '-o', 'got']);
    assert.equal(got.code, 0, got.stderr);
    assert.equal(
      readFileSync(join(volume, run, 'evaluate/0/scores'), 'utf8'),
      readFileSync(rig.path('got/evaluate/scores.txt'), 'utf8'),
    );
  });
});
