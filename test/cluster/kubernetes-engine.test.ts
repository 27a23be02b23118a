import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openApiCluster } from '../../src/engines/kubernetes/api-cluster.ts';
import { openKubernetesEngine } from '../../src/engines/kubernetes/kubernetes-engine.ts';
import { rbacOf } from '../../src/engines/kubernetes/rbac.ts';
import { configurationOf } from '../components/cluster/account.ts';
import { type Cluster, openCluster } from '../components/cluster/cluster.ts';
import { systemImage } from '../components/cluster/images.ts';
import { type Namespace, openNamespace } from '../components/cluster/namespace.ts';
import { until } from '../components/facts.ts';
import { engineContract } from '../contract/engine.ts';

const GONE_MS = 120_000;

describe('kubernetes', { timeout: 3_600_000 }, () => {
  let cluster: Cluster;
  let namespace: Namespace;
  let image: string;
  const directory = mkdtempSync(join(tmpdir(), 'same-account-'));
  const account = join(directory, 'kubeconfig');
  before(async () => {
    cluster = await openCluster();
    namespace = await openNamespace(cluster, 'engine');
    image = cluster.addImage(systemImage());
    await namespace.create(rbacOf.kubernetes!(namespace.name).objects);
    writeFileSync(account, await configurationOf(cluster, namespace, 'same'));
  });
  after(async () => {
    rmSync(directory, { recursive: true, force: true });
    await namespace?.dispose();
    await cluster?.dispose();
  });

  // Pods are mostly waited for. All of it is done with the rights that `describe engine --rbac` prints, and no others.
  describe('on a real cluster', { concurrency: 4 }, () => {
    engineContract(
      'kubernetes',
      (content) =>
        openKubernetesEngine(content, {
          open: () => openApiCluster({ variables: { KUBECONFIG: account } }),
        }),
      {
        environment: () => `image: "${image}"`,
        isClosed: true,
        // Numbers are those of the pod's own processes, of which it leaves none.
        isAlive: () => false,
        hasNoGpus: true,
        codesSignals: true,
        isAway: true,
      },
    );
  });

  it('leaves nothing in the cluster', async () => {
    const left = async (): Promise<string[]> => {
      const kinds = 'jobs,pods,secrets,configmaps,networkpolicies';
      const objects = await namespace.list(kinds, '-l', 'app.kubernetes.io/managed-by=same,same.dev/run');
      return objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    };
    // Pods of Jobs that are gone end by themselves.
    await until('nothing is left', async () => (await left()).length === 0, GONE_MS).catch(() => {});
    assert.deepEqual(await left(), []);
  });
});
