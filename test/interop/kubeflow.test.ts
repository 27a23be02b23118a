import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fillWithBusybox } from '../components/busybox-root.ts';
import { findKubeflow, missing } from '../components/installed.ts';
import { type LocalKubeflow, localKubeflow } from '../components/kubeflow.ts';
import { builtFrom, unavailable, usePodman } from '../components/podman.ts';
import { openRig, type Rig } from '../e2e/rig.ts';

const python = findKubeflow();
const reason =
  unavailable() ??
  missing('busybox', 'tar') ??
  (python === undefined ? "Kubeflow's SDK could not be brought here" : undefined);
const skip = process.env.CI === undefined && reason !== undefined ? reason : false;

const NASTY = "{{x}} {{$.inputs.parameters['_slot']}} $(VAR) $$ it's \\n “ü”";

const manifest = (image: string) => `apiVersion: same/v1
kind: Program
metadata: {name: demo, version: "1.0"}
parameters: {text: {type: string, default: ${JSON.stringify(NASTY)}}}
environments: {default: {image: "${image}"}}
data: {words: {uri: data/words.txt}}
pipeline:
  steps:
    Prepare_it:
      run: [sh, prepare.sh, "{{parameters.text}}", "{{inputs.words}}", "{{outputs.features}}"]
      inputs: {words: {data: words}}
      outputs: {features: {}}
      resources: {cpu: 0.5, memory: 64Mi}
    train:
      matrix: {seed: [0, 1]}
      parallel: 1
      run: (cat {{inputs.features}}/text; echo seed {{matrix.seed}}) > {{outputs.model}}
      inputs: {features: {from: Prepare_it.features, at: given/features}}
      outputs: {model: {path: out/model}}
    probe:
      matrix: {size: [1, 2]}
      run: env | sort > {{outputs.seen}}; ls -lR {{inputs.features}} | grep -c rwx >> {{outputs.seen}}
      inputs: {features: {from: Prepare_it.features}}
      outputs: {seen: {}}
    evaluate:
      run: [sh, -c, 'cat "$1"/* > "$2"; echo "{\\"lines\\":3}" > metrics.json', x, "{{inputs.models}}", "{{outputs.scores}}"]
      inputs: {models: {from: train.model}}
      outputs: {scores: {path: scores.txt}}
  finally:
    say: {run: [echo, it is over]}
`;

const PREPARE =
  'mkdir -p "$3/bin" "$3/empty"; echo "$1" | cat - "$2" > "$3/text"; echo : > "$3/bin/tool"; chmod 755 "$3/bin/tool"\n';

/** Reads a pipeline with the protocol buffers that Kubeflow's own server reads it with. */
const PARSE = `
import json, sys, yaml
import kfp
from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2 as of_kubernetes
from kfp.pipeline_spec import pipeline_spec_pb2 as of_pipelines

document, platform = yaml.safe_load_all(open(sys.argv[1]))
json_format.ParseDict(document.pop('deploymentSpec'), of_pipelines.PipelineDeploymentConfig())
spec = json_format.ParseDict(document, of_pipelines.PipelineSpec())
for config in platform['platforms']['kubernetes']['deploymentSpec']['executors'].values():
    json_format.ParseDict(config, of_kubernetes.KubernetesExecutorConfig())
component = kfp.components.load_component_from_file(sys.argv[1])
print(json.dumps({'name': component.name, 'components': sorted(spec.components)}))
`;

describe('a pipeline of Kubeflow', { skip }, () => {
  let rig: Rig;
  let kubeflow: LocalKubeflow;
  let image: string;
  before(async () => {
    assert.equal(reason, undefined);
    usePodman();
    rig = openRig();
    // What the shim and the first command of a task find in small images.
    image = builtFrom(fillWithBusybox, 'FROM scratch\nCOPY . /\nENV PATH=/bin\n');
    kubeflow = await localKubeflow(python!, rig.root);
  });
  after(async () => {
    await kubeflow?.stop();
    rig?.[Symbol.dispose]();
  });

  async function compile(text: string, name: string): Promise<string> {
    rig.write({ 'study/same.yaml': text, 'study/prepare.sh': PREPARE, 'study/data/words.txt': 'words\n' });
    const { code, stderr } = await rig.same(['compile', '-f', 'study', '--engine', 'kubeflow', '-o', name]);
    assert.equal(code, 0, stderr);
    return rig.path(name);
  }

  /** What tasks left, each archive laid where it says. */
  function left(artifacts: string): (path: string) => string {
    const place = `${artifacts}.left`;
    mkdirSync(place);
    for (const file of globSync('**/*', { cwd: artifacts, withFileTypes: true }))
      if (file.isFile() && !file.name.endsWith('.json'))
        execFileSync('tar', ['-xf', join(file.parentPath, file.name), '-C', place]);
    return (path) => readFileSync(join(place, path), 'utf8');
  }

  it('is read by the protocol buffers of Kubeflow, and by its SDK', async () => {
    const { name, components } = await kubeflow.program(PARSE, await compile(manifest(image), 'read.yaml'));
    assert.match(name, /^same-[0-9a-f]{12}-demo$/);
    assert.equal(components.filter((each: string) => each.startsWith('comp-train-')).length, 2);
  });

  it('runs as the program does where Kubeflow itself runs it, with the same outputs', async () => {
    const told = { KFP_POD_NAME: 'a pod', DB_SERVICE_HOST: '10.0.0.1', DB_PORT: 'tcp://10.0.0.1:80' };
    const { succeeded, printed, artifacts } = await kubeflow.run(
      await compile(manifest(image), 'run.yaml'),
      told,
    );
    assert.ok(succeeded, printed);
    const ours = await rig.same(['run', '-f', 'study', '--engine', 'podman', '--json']);
    assert.equal(ours.code, 0, ours.stderr);
    const got = await rig.same(['get', 'run', ours.json().id, '--step', 'evaluate', '-o', 'got']);
    assert.equal(got.code, 0, got.stderr);
    const read = left(artifacts);
    const features = `${NASTY}\nwords\n`;
    assert.equal(read('evaluate/0/scores'), [0, 1].map((seed) => `${features}seed ${seed}\n`).join(''));
    assert.equal(read('evaluate/0/scores'), readFileSync(rig.path('got/evaluate/scores.txt'), 'utf8'));
    const seen = read('probe/1/seen');
    assert.match(seen, /^SAME_STEP=probe\.1$/m);
    assert.match(seen, /^SAME_MATRIX_SIZE=2$/m);
    assert.doesNotMatch(seen, /KFP_|DB_|SAME_FILE_/);
    assert.match(read('evaluate/0/.same/exit.json'), /"ok":true/);
    assert.equal(read('evaluate/0/.same/metrics.json'), '{"lines":3}\n');
    assert.match(printed, /it is over/);
  });

  it('tries again what failed, ends with its failure, and runs what is to run at last', async () => {
    const text = manifest(image)
      .replace('      resources: {cpu: 0.5, memory: 64Mi}', '      retries: {max: 1}')
      .replace('[sh, prepare.sh,', '[sh, -c, "echo tried; exit 3", x,');
    const { succeeded, printed } = await kubeflow.run(await compile(text, 'fail.yaml'));
    assert.ok(!succeeded);
    assert.equal(printed.match(/^ +tried$/gm)?.length, 2, printed);
    assert.match(printed, /it is over/);
    assert.doesNotMatch(printed, /Executing task.*evaluate/);
  });
});
