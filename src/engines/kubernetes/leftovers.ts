import { type ProcessIdentity, processState } from '../../host/process-identity.ts';
import type { Carrier } from './carrier.ts';
import { type Cluster, JOBS, NETWORK_POLICIES } from './cluster.ts';
import { ownerOf, type RunNames } from './run-names.ts';

const OF_RUNS = 'app.kubernetes.io/managed-by=same,same.dev/run';
/** What a run calls its directory of the volume. */
const RUN = /^run-[0-9a-f]{12}$/;

/**
 * Removes what clients left that died: carriers at once, for another client brings its own; policies and directories of
 * runs of which no Job is there any more. Attempts go on: whoever goes on with their run takes them over.
 */
export async function removeLeftovers(cluster: Cluster, carrier: Carrier, own: RunNames): Promise<void> {
  // Named first: a run that begins meanwhile has a Job before it has a directory.
  const directories = (await carrier.names()).filter((name) => RUN.test(name));
  const { items: jobs } = await cluster.list(JOBS, { labels: OF_RUNS });
  const { items: policies } = await cluster.list(NETWORK_POLICIES, { labels: OF_RUNS });
  const alive = new Set([own.run]);
  for (const { metadata } of jobs) {
    const { name, labels = {}, annotations, uid } = metadata;
    const run = labels['same.dev/run']!;
    if (labels['same.dev/role'] === 'carrier' && run !== own.run && isAbandoned(annotations)) {
      await cluster.delete(JOBS, name, { propagation: 'Background', uid });
    } else alive.add(run);
  }
  for (const { metadata } of policies)
    if (!alive.has(metadata.labels!['same.dev/run']!) && isAbandoned(metadata.annotations))
      await cluster.delete(NETWORK_POLICIES, metadata.name, { uid: metadata.uid });
  for (const name of directories) if (!alive.has(name.slice('run-'.length))) await carrier.remove(name);
}

function isAbandoned(annotations: Record<string, string> | undefined): boolean {
  const owner = ownerOf(annotations);
  if (typeof owner !== 'object' || owner === null) return false;
  return processState(owner as ProcessIdentity) === 'dead';
}
