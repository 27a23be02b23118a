import { sleep } from '../../host/clock.ts';
import type { KubernetesPlace } from '../../host/kubernetes-wire.ts';
import { openApiCluster } from './api-cluster.ts';
import type { Cluster } from './cluster.ts';
import { clusterError } from './cluster-error.ts';

/**
 * Looks at the cluster of a place, for no longer than a person waits for a listing.
 * @throws SAME1702 none is configured, SAME1703 nothing answers in that time; what the look throws
 */
export async function lookAtCluster<T>(
  place: KubernetesPlace,
  look: (cluster: Cluster) => Promise<T>,
  { timeoutMs }: { timeoutMs: number },
): Promise<T> {
  const cluster = await openApiCluster(place);
  const done = new AbortController();
  try {
    const late = sleep(timeoutMs, done.signal).then(() => {
      const message = `the cluster at ${cluster.server} gives no answer in ${timeoutMs / 1000} s`;
      throw clusterError('unreachable', message);
    });
    return await Promise.race([look(cluster), late]);
  } finally {
    done.abort();
    cluster.close();
  }
}
