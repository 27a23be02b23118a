import { epochMs } from '../../host/clock.ts';
import type { Carrier } from '../kubernetes/carrier.ts';
import type { Cluster, StoredObject } from '../kubernetes/cluster.ts';
import { type RunNames, runNames } from '../kubernetes/run-names.ts';
import type { System } from './system.ts';

/** The runs that took results from an object: only those have it that were submitted by one. */
export const RUNS = 'same.dev/runs';
const OF_RUNS = 'app.kubernetes.io/managed-by=same,same.dev/run';
/** For this long whoever goes on with a run finds what has ended meanwhile. */
const KEPT_MS = 86_400_000;

/** What a run calls its directory of the volume: other than that of a run of Jobs, which is found by its Jobs. */
export function runDirectory({ engine }: Pick<System, 'engine'>, firstRunId: string): string {
  return `${engine}-${runNames(firstRunId).run}`;
}

/**
 * Removes what clients left that died, of the same engine: objects that nobody took up again within a day, where their
 * system does not remove them, and the directories of runs of which no object is there any more.
 */
export async function removeRuns(
  system: System,
  cluster: Cluster,
  carrier: Carrier,
  own: RunNames,
): Promise<void> {
  const { engine, kind } = system;
  const ofRun = new RegExp(`^${engine}-([0-9a-f]{12})$`);
  // Named first: a run that begins meanwhile has an object before it has a directory.
  const runs = (await carrier.names()).flatMap((name) => ofRun.exec(name)?.[1] ?? []);
  const { items } = await cluster.list(kind, { labels: OF_RUNS });
  const alive = new Set<string | undefined>([own.run]);
  for (const item of items) {
    const { name, labels, uid } = item.metadata;
    const run = labels?.['same.dev/run'];
    if (run !== own.run && isAbandoned(system, item))
      await cluster.delete(kind, name, { propagation: 'Background', uid });
    else alive.add(run);
  }
  for (const run of runs) if (!alive.has(run)) await carrier.remove(`${engine}-${run}`);
}

/** What has ended, or was never let begin, and that long ago. */
function isAbandoned(system: System, there: StoredObject): boolean {
  const { annotations, creationTimestamp } = there.metadata;
  if (system.removes || annotations?.[RUNS] === undefined) return false;
  const { isOver, isHeld, endedAt } = system.state(there, undefined);
  const since = isOver ? endedAt : isHeld ? creationTimestamp : undefined;
  return since !== undefined && epochMs() - Date.parse(since) > KEPT_MS;
}
