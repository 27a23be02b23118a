import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Cluster, StoredObject } from '../../src/engines/kubernetes/cluster.ts';
import { clusterError } from '../../src/engines/kubernetes/cluster-error.ts';
import { clusterQuantity, nodeOf } from '../../src/engines/kubernetes/cluster-node.ts';
import { glanceAtCluster, lookForRoom, surveyCluster } from '../../src/engines/kubernetes/survey.ts';

const object = (name: string, more: object = {}): StoredObject =>
  ({ metadata: { name, uid: '1', resourceVersion: '1' }, ...more }) as StoredObject;

const groups: Record<string, unknown> = {
  '/version': { gitVersion: 'v1.34.4' },
  '/apis': {
    groups: [
      { name: 'argoproj.io', versions: [{ version: 'v1alpha1' }] },
      { name: 'tekton.dev', versions: [{ version: 'v1' }, { version: 'v1beta1' }] },
      // Of others that share the group: no Experiments.
      { name: 'kubeflow.org', versions: [{ version: 'v1' }] },
    ],
  },
  '/apis/argoproj.io/v1alpha1': { resources: [{ name: 'workflows' }, { name: 'workflows/finalizers' }] },
  '/apis/tekton.dev/v1': { resources: [{ name: 'pipelineruns' }] },
  '/apis/tekton.dev/v1beta1': { resources: [{ name: 'customruns' }] },
  '/apis/kubeflow.org/v1': { resources: [{ name: 'pytorchjobs' }] },
  '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/pipelineruns.tekton.dev': {
    metadata: { labels: { 'pipeline.tekton.dev/release': 'v1.9.0' } },
  },
};

/** A cluster that knows a few things, and refuses what it is told to. */
function cluster({ forbidden = [] as string[], denied = [] as string[] } = {}): Cluster {
  const listed: Record<string, StoredObject[]> = {
    nodes: [object('one', { status: { allocatable: { cpu: '1900m', memory: '4096Ki' } } })],
    storageclasses: [
      object('standard', {
        provisioner: 'example.org/nfs',
        metadata: {
          name: 'standard',
          annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
        },
      }),
    ],
  };
  const refuse = (plural: string) => {
    if (forbidden.includes(plural)) throw clusterError('forbidden', `the cluster does not list ${plural}`);
  };
  return {
    context: 'lab',
    namespace: 'studies',
    server: 'https://127.0.0.1:6443',
    ask: async (path: string) => {
      refuse(path);
      return groups[path];
    },
    async get({ plural }: { plural: string }, name: string) {
      refuse(plural);
      if (plural === 'namespaces') return object(name);
      return object(name, {
        spec: { storageClassName: 'standard' },
        status: { phase: 'Bound', capacity: { storage: '10Gi' }, accessModes: ['ReadWriteMany'] },
      });
    },
    async list({ plural }: { plural: string }) {
      refuse(plural);
      return { items: listed[plural]!, resourceVersion: '1' };
    },
    async create(_: unknown, review: { spec: { resourceAttributes: Record<string, string> } }) {
      const { verb, resource, name } = review.spec.resourceAttributes;
      const asked = [verb, resource, ...(name === undefined ? [] : [name])].join(' ');
      return object('', { status: { allowed: !denied.includes(asked) } });
    },
  } as unknown as Cluster;
}

describe('a look at a cluster', () => {
  it('finds the APIs that engines need, by the kinds that are served and not by the name of their group', async () => {
    const { version, apis } = await glanceAtCluster(cluster());
    assert.equal(version, 'v1.34.4');
    assert.deepEqual(
      apis.map(({ of, versions, release }) => [of, versions, release]),
      [
        ['Argo Workflows', ['v1alpha1'], undefined],
        ['Tekton Pipelines', ['v1'], 'v1.9.0'],
        ['Kubeflow Pipelines', [], undefined],
        ['Katib', [], undefined],
      ],
    );
  });

  it('names each right that is missing, one verb each', async () => {
    const { rights, claim, storageClasses } = await surveyCluster(cluster({ denied: ['create jobs'] }));
    assert.deepEqual(
      rights.filter(({ allowed }) => !allowed),
      [{ right: 'create jobs.batch', allowed: false }],
    );
    assert.ok(rights.length > 10);
    assert.deepEqual(claim, {
      name: 'same',
      phase: 'Bound',
      storageClass: 'standard',
      capacity: '10Gi',
      accessModes: ['ReadWriteMany'],
    });
    assert.deepEqual(storageClasses, [{ name: 'standard', provisioner: 'example.org/nfs', isDefault: true }]);
  });

  it('asks for the right to what has a name by that name', async () => {
    const { rights } = await surveyCluster(
      cluster({ denied: ['create services ml-pipeline:8888', 'get services'] }),
      'kubeflow',
    );
    assert.deepEqual(
      rights.filter(({ allowed }) => !allowed),
      [{ right: 'create services/proxy', allowed: false }],
    );
  });

  it('says what the caller may not see, and shows the rest', async () => {
    const forbidden = ['nodes', 'storageclasses', 'namespaces'];
    const survey = await surveyCluster(cluster({ forbidden }));
    assert.deepEqual(survey.unseen, [
      { what: 'nodes', why: 'the cluster does not list nodes' },
      { what: 'storage classes', why: 'the cluster does not list storageclasses' },
    ]);
    assert.equal(survey.nodes, undefined);
    assert.equal(survey.namespaceExists, undefined);
    assert.equal(survey.claim?.phase, 'Bound');
    assert.deepEqual(Object.keys(await lookForRoom(cluster({ forbidden }))), ['claim']);
  });

  it('is an error where the cluster cannot be asked at all', async () => {
    await assert.rejects(glanceAtCluster(cluster({ forbidden: ['/apis'] })), /SAME1704/);
  });
});

describe('a node', () => {
  it('is what it has for pods, in our words', () => {
    const node = nodeOf(
      object('one', {
        metadata: { name: 'one', labels: { 'nvidia.com/gpu.product': 'H100' } },
        status: {
          allocatable: {
            cpu: '31850m',
            memory: '129486376Ki',
            'ephemeral-storage': '10Gi',
            'nvidia.com/gpu': '4',
            'amd.com/gpu': '0',
          },
          conditions: [{ type: 'Ready', status: 'True' }],
          nodeInfo: { operatingSystem: 'linux', architecture: 'arm64' },
        },
      }),
    );
    assert.deepEqual(node, {
      name: 'one',
      platform: 'linux-aarch64',
      cpu: 31.85,
      memoryBytes: 129486376 * 1024,
      diskBytes: 10 * 2 ** 30,
      gpus: [{ vendor: 'nvidia', count: 4, product: 'H100' }],
    });
  });

  it('that is cordoned, not ready or tainted says so', () => {
    const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
    const states = [
      { spec: { unschedulable: true }, status: ready },
      { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } },
      { spec: { taints: [{ key: 'gpu-only', effect: 'NoSchedule' }] }, status: ready },
      { spec: { taints: [{ key: 'later', effect: 'PreferNoSchedule' }] }, status: ready },
    ];
    assert.deepEqual(
      states.map((state) => nodeOf(object('one', state)).unusable),
      ['takes no new pods', 'not ready', 'tainted gpu-only', undefined],
    );
  });

  it('has quantities as the API writes them', () => {
    assert.deepEqual(['2', '1900m', '16Gi', '1e3', '0', '5k'].map(clusterQuantity), [
      2,
      1.9,
      16 * 2 ** 30,
      1000,
      0,
      5000,
    ]);
    assert.equal(clusterQuantity(undefined), 0);
    assert.ok(Number.isNaN(clusterQuantity('many')));
  });
});
