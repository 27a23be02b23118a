import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Cluster, openCluster } from '../components/cluster/cluster.ts';
import { busyboxImage } from '../components/cluster/images.ts';
import { drainNode, type Json, type Namespace, openNamespace } from '../components/cluster/namespace.ts';
import { until } from '../components/facts.ts';

describe('the cluster of the tests', { timeout: 600_000 }, () => {
  let cluster: Cluster;
  let namespace: Namespace;
  before(async () => {
    cluster = await openCluster();
    namespace = await openNamespace(cluster);
  });
  after(async () => {
    await namespace?.dispose();
    await cluster?.dispose();
  });

  const job = (name: string, command: string[], image = cluster.busybox) => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: {
      backoffLimit: 0,
      template: {
        spec: {
          restartPolicy: 'Never',
          containers: [{ name: 'main', image, command, imagePullPolicy: 'IfNotPresent' }],
        },
      },
    },
  });

  it('has one node, and runs a Job of an image that is named by its digest', async () => {
    const nodes = JSON.parse(await cluster.kubectl(['get', 'nodes', '-o', 'json'])).items;
    assert.deepEqual(
      nodes.map(({ metadata }: { metadata: { name: string } }) => metadata.name),
      ['same-node'],
    );
    assert.match(cluster.busybox, /^same\.test\/busybox@sha256:[0-9a-f]{64}$/);
    await namespace.create([job('hello', ['sh', '-c', 'echo hello from $(hostname | cut -c1-5)'])]);
    await namespace.kubectl(['wait', '--for=condition=Complete', 'job/hello', '--timeout=60s']);
    assert.equal(await namespace.kubectl(['logs', 'job/hello']), 'hello from hello');
  });

  it('takes an image whose archive goes on after its end, as tar pads them', () => {
    const { reference, archive } = busyboxImage();
    assert.equal(
      cluster.addImage({ reference, archive: Buffer.concat([archive, Buffer.alloc(2 ** 22)]) }),
      cluster.busybox,
    );
  });

  it('refuses fields that there are not', async () => {
    const wrong = job('wrong', ['true']);
    await assert.rejects(
      namespace.create([{ ...wrong, spec: { ...wrong.spec, backofLimit: 0 } }]),
      /unknown field "spec.backofLimit"/,
    );
  });

  it('loses nothing when its API is killed and comes back', async () => {
    await namespace.create([job('lasting', ['sh', '-c', 'sleep 3; echo lasted'])]);
    await cluster.stop('kube-apiserver');
    await assert.rejects(namespace.kubectl(['get', 'jobs', '--request-timeout=5s']));
    await cluster.start('kube-apiserver');
    await namespace.kubectl(['wait', '--for=condition=Complete', 'job/lasting', '--timeout=90s']);
    assert.equal(await namespace.kubectl(['logs', 'job/lasting']), 'lasted');
  });

  it('starts what a drained node had again, once it takes pods', async () => {
    const interrupted = job('evicted', [
      'sh',
      '-c',
      'mkdir /keep/seen 2>/dev/null || exec echo again; exec sleep 1000',
    ]);
    const { spec } = interrupted.spec.template;
    Object.assign(interrupted.spec, {
      podReplacementPolicy: 'Failed',
      podFailurePolicy: {
        rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
      },
    });
    Object.assign(spec, {
      terminationGracePeriodSeconds: 1,
      volumes: [{ name: 'keep', persistentVolumeClaim: { claimName: 'same' } }],
    });
    Object.assign(spec.containers[0]!, { volumeMounts: [{ name: 'keep', mountPath: '/keep' }] });
    await namespace.create([interrupted]);
    await until('it runs', () => existsSync(join(namespace.volume, 'seen')), 60_000);
    const allow = await drainNode(cluster, namespace);
    try {
      await until(
        'another one waits for a node',
        async () => (await namespace.list('pods', '-l=job-name=evicted')).some(isPending),
        90_000,
      );
    } finally {
      await allow();
    }
    await namespace.kubectl(['wait', '--for=condition=Complete', 'job/evicted', '--timeout=90s']);
    assert.equal(await namespace.kubectl(['logs', 'job/evicted']), 'again');
    const [{ status }] = await namespace.list('jobs', '--field-selector=metadata.name=evicted');
    assert.equal(status.failed ?? 0, 0, 'what the cluster took away is no failure');
  });
});

function isPending({ status }: Json): boolean {
  return status.phase === 'Pending';
}
