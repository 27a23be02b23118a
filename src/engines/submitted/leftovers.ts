import type { Carrier } from '../kubernetes/carrier.ts';
import type { Cluster } from '../kubernetes/cluster.ts';
import { type RunNames, runNames } from '../kubernetes/run-names.ts';
import type { System } from './system.ts';

const OF_RUNS = 'app.kubernetes.io/managed-by=same,same.dev/run';

/** What a run calls its directory of the volume: other than that of a run of Jobs, which is found by its Jobs. */
export function runDirectory({ engine }: Pick<System, 'engine'>, firstRunId: string): string {
  return `${engine}-${runNames(firstRunId).run}`;
}

/** Removes the directories of runs of which no object is there any more, for whoever else removes those looks at no volume. */
export async function removeRuns(
  { engine, kind }: System,
  cluster: Cluster,
  carrier: Carrier,
  own: RunNames,
): Promise<void> {
  const ofRun = new RegExp(`^${engine}-([0-9a-f]{12})$`);
  // Named first: a run that begins meanwhile has an object before it has a directory.
  const runs = (await carrier.names()).flatMap((name) => ofRun.exec(name)?.[1] ?? []);
  const { items } = await cluster.list(kind, { labels: OF_RUNS });
  const alive = new Set([own.run, ...items.map(({ metadata: { labels } }) => labels?.['same.dev/run'])]);
  for (const run of runs) if (!alive.has(run)) await carrier.remove(`${engine}-${run}`);
}
