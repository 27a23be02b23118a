import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Cluster, openCluster } from '../components/cluster/cluster.ts';
import { type Json, type Namespace, openNamespace } from '../components/cluster/namespace.ts';
import { openRig, type Rig } from '../e2e/rig.ts';

/** Katib's own definition of an Experiment says as little of its members. */
const DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'experiments.kubeflow.org' },
  spec: {
    group: 'kubeflow.org',
    scope: 'Namespaced',
    names: { kind: 'Experiment', singular: 'experiment', plural: 'experiments' },
    versions: [
      {
        name: 'v1beta1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

const manifest = (image: string): string => `apiVersion: same/v1
kind: Program
metadata: {name: searched, version: "1.0"}
parameters: {lr: {type: number, default: 0.1}, optimizer: {type: string, default: sgd}}
environments: {default: {image: "${image}"}}
pipeline:
  steps:
    train:
      run: [sh, train.sh, "{{parameters.lr}}", "{{parameters.optimizer}}", "{{outputs.model}}"]
      outputs: {model: {}}
`;

const NASTY = "it's {{x}} $(VAR)";

describe('what compile writes for katib, at a real API', { timeout: 600_000 }, () => {
  let cluster: Cluster;
  let namespace: Namespace;
  let rig: Rig;
  let objects: Json[];
  before(async () => {
    cluster = await openCluster();
    await cluster.kubectl(['apply', '--server-side', '-f', '-'], { input: JSON.stringify(DEFINITION) });
    await cluster.kubectl([
      'wait',
      '--for=condition=Established',
      '--timeout=60s',
      'crd/experiments.kubeflow.org',
    ]);
    namespace = await openNamespace(cluster, 'katib');
    rig = openRig();
    const script =
      'echo "$1 $2" > "$3"; cat "$SAME_PARAMS" >> "$3"; echo "{\\"val\\": {\\"loss\\": 9}, \\"loss\\": $1}" > metrics.json\n';
    rig.write({ 'study/same.yaml': manifest(cluster.busybox), 'study/train.sh': script });
    const created = await rig.same(['create', '-f', 'study']);
    assert.equal(created.code, 0, created.stderr);
    const space = ['--lr=log(1e-5,1e-1)', `--optimizer=${JSON.stringify(['adam', NASTY])}`];
    const search = ['--objective=min:loss', '--trials=4', '--algorithm=random', '--json'];
    const ended = await rig.same(['compile', 'searched:1.0', '--engine', 'katib', ...space, ...search]);
    assert.equal(ended.code, 0, ended.stderr);
    objects = ended.json().objects;
    await namespace.create(objects);
  });
  after(async () => {
    rig?.[Symbol.dispose]();
    await namespace?.dispose();
    await cluster?.dispose();
  });

  it('is taken and kept as it is', async () => {
    const [kept] = await namespace.list('Experiment');
    assert.deepEqual(kept.spec, objects.at(-1).spec);
  });

  it('holds a Job that runs as a trial does, with what Katib does to its pod, and says its figure', async () => {
    const { spec } = objects.at(-1);
    const { path } = spec.metricsCollectorSpec.source.fileSystemPath;
    // Values go into the text of the template.
    const values: Record<string, string> = {
      lr: '0.00125',
      optimizer: spec.parameters[1].feasibleSpace.list[1],
    };
    let text = JSON.stringify(spec.trialTemplate.trialSpec);
    for (const { name, reference } of spec.trialTemplate.trialParameters)
      text = text.replaceAll(`\${trialParameters.${name}}`, values[reference]!);
    const job = JSON.parse(text);
    const name = `${objects.at(-1).metadata.name}-x1y2z3w4`;
    const pod = job.spec.template.spec;
    const [main] = pod.containers;
    const report = { name: 'metrics-volume', mountPath: join(path, '..') };
    main.args = [`${main.command.join(' ')} && echo completed > ${report.mountPath}/$$$$.pid`];
    main.command = ['sh', '-c'];
    main.volumeMounts.push(report);
    pod.shareProcessNamespace = true;
    pod.volumes.push({ name: 'metrics-volume', emptyDir: {} });
    pod.containers.push({
      name: 'metrics-logger-and-collector',
      image: cluster.busybox,
      command: [
        'sh',
        '-c',
        `until grep -q completed ${report.mountPath}/*.pid; do sleep 0.2; done; cat ${path}`,
      ],
      volumeMounts: [report],
    });
    await namespace.create([{ ...job, metadata: { name } }]);
    await namespace.kubectl(['wait', '--for=condition=Complete', `job/${name}`, '--timeout=120s']);
    const said = await namespace.kubectl(['logs', `job/${name}`, '-c', 'metrics-logger-and-collector']);
    const [format] = spec.metricsCollectorSpec.source.filter.metricsFormat;
    assert.deepEqual(new RegExp(format).exec(said)?.slice(1), ['loss', '0.00125']);
    const run = objects[0].metadata.labels['same.dev/run'];
    const left = (file: string) => readFileSync(join(namespace.volume, run, 'train', name, file), 'utf8');
    assert.equal(left('model'), `0.00125 ${NASTY}\n${JSON.stringify({ lr: 0.00125, optimizer: NASTY })}\n`);
    assert.match(left('.same/exit.json'), /"ok":true/);
  });
});
