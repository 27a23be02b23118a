import type { LocalContentStore } from '../../content/content-store.ts';
import { platform } from '../../host/machine.ts';
import type { Engine, EngineContext, EngineEvent } from '../engine.ts';
import { schedule } from '../scheduler.ts';
import type { Cluster } from './cluster.ts';
import { type ClusterRun, openClusterRun } from './cluster-run.ts';
import { runInCluster } from './kubernetes-attempts.ts';
import { CLUSTER_JOBS, runRefusals } from './refusals.ts';

/** What the engine is opened with. */
export interface KubernetesEngineOptions {
  /** Opens the cluster, when the first step has to run. */
  open(): Promise<Cluster>;
  onProgress?(line: string): void;
}

/**
 * Steps as Jobs of a cluster, one for each attempt of a cell. What they read and leave lies on one volume; results come
 * back here and are kept as those of any other engine (spec chapter engines).
 */
export function openKubernetesEngine(content: LocalContentStore, options: KubernetesEngineOptions): Engine {
  const say = (line: string) => options.onProgress?.(line);
  return {
    name: 'kubernetes',
    containers: true,
    jobs: CLUSTER_JOBS,
    refusals: runRefusals,
    async *run(plan, context) {
      let opening: Promise<ClusterRun> | undefined;
      const shared = { content, platform: platform(), settle: () => context.settle?.() };
      try {
        const events = schedule(plan, unlimited(context), {
          content,
          async run(task, tell) {
            const { container } = task.environment;
            const image = container && 'image' in container ? container.image : '';
            opening ??= openClusterRun({ open: options.open, context, content, image, say });
            return runInCluster(await opening, shared, task, tell);
          },
        });
        for await (const batch of events) {
          yield batch;
          // What it said is durable now.
          if (opening) settle(await opening, batch);
        }
      } finally {
        await opening?.then(
          (run) => run.close(),
          // Said by the attempt that it was opened for.
          () => {},
        );
      }
    },
  };
}

/** What the nodes have is for the cluster to share out. */
function unlimited(context: EngineContext): EngineContext {
  const machine = { cpu: Number.POSITIVE_INFINITY, memoryBytes: Number.POSITIVE_INFINITY, gpus: 0 };
  return { ...context, machine };
}

function settle(run: ClusterRun, batch: readonly EngineEvent[]): void {
  for (const event of batch) if (event.type === 'step-finished') run.settled(event.step, event.attempt);
}
