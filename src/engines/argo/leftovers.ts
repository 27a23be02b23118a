import type { Carrier } from '../kubernetes/carrier.ts';
import { type Cluster, WORKFLOWS } from '../kubernetes/cluster.ts';
import { type RunNames, runNames } from '../kubernetes/run-names.ts';

const OF_RUNS = 'app.kubernetes.io/managed-by=same,same.dev/run';
const RUN = /^argo-([0-9a-f]{12})$/;

/** What a run calls its directory of the volume: other than that of a run of Jobs, which is found by its Jobs. */
export function runDirectory(firstRunId: string): string {
  return `argo-${runNames(firstRunId).run}`;
}

/** Removes the directories of runs of which no Workflow is there any more, for Argo removes these after a day. */
export async function removeRuns(cluster: Cluster, carrier: Carrier, own: RunNames): Promise<void> {
  // Named first: a run that begins meanwhile has a Workflow before it has a directory.
  const runs = (await carrier.names()).flatMap((name) => RUN.exec(name)?.[1] ?? []);
  const { items } = await cluster.list(WORKFLOWS, { labels: OF_RUNS });
  const alive = new Set([own.run, ...items.map(({ metadata: { labels } }) => labels?.['same.dev/run'])]);
  for (const run of runs) if (!alive.has(run)) await carrier.remove(`argo-${run}`);
}
