import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openApiCluster } from '../../src/engines/kubernetes/api-cluster.ts';
import { openKubernetesEngine } from '../../src/engines/kubernetes/kubernetes-engine.ts';
import { type Cluster, openCluster } from '../components/cluster/cluster.ts';
import { systemImage } from '../components/cluster/images.ts';
import { type Namespace, openNamespace } from '../components/cluster/namespace.ts';
import { engineContract } from '../contract/engine.ts';

describe('kubernetes', { timeout: 3_600_000 }, () => {
  let cluster: Cluster;
  let namespace: Namespace;
  let image: string;
  before(async () => {
    cluster = await openCluster();
    namespace = await openNamespace(cluster, 'engine');
    image = cluster.addImage(systemImage());
  });
  after(async () => {
    await namespace?.dispose();
    await cluster?.dispose();
  });

  // Pods are mostly waited for.
  describe('on a real cluster', { concurrency: 4 }, () => {
    engineContract(
      'kubernetes',
      (content) =>
        openKubernetesEngine(content, {
          open: () =>
            openApiCluster({ variables: { KUBECONFIG: cluster.kubeconfig }, namespace: namespace.name }),
        }),
      {
        environment: () => `image: "${image}"`,
        isClosed: true,
        // Numbers are those of the pod's own processes, of which it leaves none.
        isAlive: () => false,
        hasNoGpus: true,
        codesSignals: true,
        isAway: true,
        // A shell notes where it is.
        variables: ['PWD', 'OLDPWD'],
      },
    );
  });

  it('leaves nothing in the cluster', async () => {
    for (const kind of ['jobs', 'pods', 'secrets', 'configmaps', 'networkpolicies'])
      assert.deepEqual(
        (await namespace.list(kind, '-l', 'app.kubernetes.io/managed-by=same')).map(
          ({ metadata }) => metadata.name,
        ),
        [],
      );
  });
});
