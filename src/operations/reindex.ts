import type { Ports } from './ports.ts';

/** What `same reindex` made. */
export interface Reindexed {
  /** Runs of this home and of those that came along with bundles. */
  runs: number;
  /** False where no index can be kept, and every listing looks at every run. */
  kept: boolean;
}

/** `same reindex`: makes the index of runs anew from their files (spec SAME-RUN-090). */
export async function reindex(ports: Ports): Promise<Reindexed> {
  const index = await ports.openRunIndex({ anew: true });
  return { runs: index.search({ limit: 0 }).total, kept: index.kept };
}
