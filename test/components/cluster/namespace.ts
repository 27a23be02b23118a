import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';
import { NODE } from './configuration.ts';

/** An object as the API of a cluster gives it. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into objects of every kind
export type Json = any;

/** A namespace of one test, with a volume that its pods share. */
export interface Namespace {
  name: string;
  /** Directory of the volume on this machine. */
  volume: string;
  /** Asks kubectl about this namespace. @returns what it prints */
  kubectl(words: string[], options?: { input?: string; kubeconfig?: string }): Promise<string>;
  /** Creates objects, which the API checks strictly; with `dryRun` it does nothing else. */
  create(objects: object[], options?: { dryRun?: boolean }): Promise<void>;
  /** All objects of a kind. */
  list(kind: string, ...words: string[]): Promise<Json[]>;
  dispose(): Promise<void>;
}

/** Opens a namespace in which the claim `same` is bound to a directory of the node. */
export async function openNamespace(cluster: Cluster, prefix = 'test'): Promise<Namespace> {
  const name = `same-${prefix}-${randomBytes(4).toString('hex')}`;
  const volume = join(cluster.directory, 'volumes', name);
  mkdirSync(volume, { recursive: true, mode: 0o777 });
  const kubectl: Namespace['kubectl'] = (words, options) => cluster.kubectl(['-n', name, ...words], options);
  const create: Namespace['create'] = async (objects, { dryRun = false } = {}) => {
    // As documents, not as a List, which kubectl itself would check instead of the API.
    const input = objects.map((object) => JSON.stringify(object)).join('\n---\n');
    await kubectl(['create', '--validate=strict', ...(dryRun ? ['--dry-run=server'] : []), '-f', '-'], {
      input,
    });
  };
  await create([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteMany'],
        storageClassName: '',
        persistentVolumeReclaimPolicy: 'Retain',
        hostPath: { path: volume, type: 'Directory' },
        claimRef: { namespace: name, name: 'same' },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'same', namespace: name },
      spec: {
        accessModes: ['ReadWriteMany'],
        storageClassName: '',
        volumeName: name,
        resources: { requests: { storage: '1Gi' } },
      },
    },
  ]);
  // Pods wait long for a claim that is bound while they wait.
  await kubectl(['wait', '--for=jsonpath={.status.phase}=Bound', 'pvc/same', '--timeout=60s']);
  return {
    name,
    volume,
    kubectl,
    create,
    list: async (kind, ...words) => JSON.parse(await kubectl(['get', kind, '-o', 'json', ...words])).items,
    async dispose() {
      // Its pods need time to end, which nobody waits for.
      for (const kind of ['namespace', 'persistentvolume'])
        await cluster.kubectl(['delete', kind, name, '--wait=false']);
      rmSync(volume, { recursive: true, force: true });
    },
  };
}

/**
 * Drains the node of the pods of a namespace, as an administrator does before it is taken away: none starts there, and
 * those that are there are evicted. @returns what lets pods start there again
 */
export async function drainNode(cluster: Cluster, { name, list }: Namespace): Promise<() => Promise<void>> {
  await cluster.kubectl(['cordon', NODE]);
  for (const { metadata } of await list('pods', '--field-selector=status.phase!=Succeeded')) {
    const eviction = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: metadata.name, namespace: name },
    };
    const path = `/api/v1/namespaces/${name}/pods/${metadata.name}/eviction`;
    await cluster.kubectl(['create', '--raw', path, '-f', '-'], { input: JSON.stringify(eviction) });
  }
  return async () => {
    await cluster.kubectl(['uncordon', NODE]);
  };
}
