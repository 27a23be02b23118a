import type { LocalContentStore } from '../../content/content-store.ts';
import { SameError } from '../../errors/same-error.ts';
import { monotonicMs } from '../../host/clock.ts';
import type { EngineContext } from '../engine.ts';
import { type Cluster, type StoredObject, WORKFLOWS, whyOf } from '../kubernetes/cluster.ts';
import { type ClusterRun, openClusterRun } from '../kubernetes/cluster-run.ts';
import { Watched } from '../kubernetes/watched.ts';
import { removeRuns, runDirectory } from './leftovers.ts';
import { workflowName } from './workflow.ts';

/** A Workflow that nobody takes up for this long is told of. */
const TELL_MS = 20_000;

/** One run as a cluster with Argo has it. */
export interface ArgoRun extends ClusterRun {
  workflows: Watched;
  /** Of its Workflow. */
  workflow: string;
  /** Asks Argo to end all of it, `finally` too; once. */
  terminate(): void;
  /** Asks Argo to end the steps that have not ended, and to go on with those of `finally`; once. */
  stopSteps(): void;
  /** Tells, once, where no controller takes the Workflow up. */
  missController(workflow: StoredObject | undefined): void;
}

/**
 * @throws SAME1702 there is no cluster, or no Argo in it; SAME1703, SAME1704, SAME1705 as it answers
 */
export async function openArgoRun(options: {
  open(): Promise<Cluster>;
  context: EngineContext;
  content: LocalContentStore;
  image: string;
  say(line: string): void;
}): Promise<ArgoRun> {
  const { context, say } = options;
  const directory = runDirectory(context.firstRunId ?? context.runId);
  const base = await openClusterRun({ ...options, directory });
  const { cluster, names, carrier } = base;
  const workflows = new Watched(cluster, WORKFLOWS, `same.dev/run=${names.run}`);
  try {
    await workflows.begin();
  } catch (error) {
    await base.close();
    throw whyOf(error) === 'missing' ? withoutArgo(cluster, error) : error;
  }
  const workflow = workflowName(names.run);
  const swept = removeRuns(cluster, carrier, names).catch(() => {});
  const sinceMs = monotonicMs();
  let terminating: Promise<unknown> | undefined;
  let stopping: Promise<unknown> | undefined;
  const shutDown = async (shutdown: string): Promise<void> => {
    try {
      await cluster.patch(WORKFLOWS, workflow, { spec: { shutdown } });
    } catch (error) {
      if (whyOf(error) !== 'missing') say(`Workflow ${workflow} is not stopped: ${(error as Error).message}`);
    }
  };
  let isMissed = false;
  return {
    ...base,
    workflows,
    workflow,
    terminate() {
      terminating ??= shutDown('Terminate');
    },
    stopSteps() {
      stopping ??= shutDown('Stop');
    },
    missController(there) {
      const { phase } = (there?.status ?? {}) as { phase?: string };
      if (isMissed || phase || monotonicMs() - sinceMs < TELL_MS) return;
      isMissed = true;
      say(
        `Workflow ${workflow} waits: no controller of Argo has taken it up; does one look at this namespace?`,
      );
    },
    async close() {
      await Promise.all([swept, terminating, stopping]);
      try {
        await cluster.delete(WORKFLOWS, workflow, { propagation: 'Background' });
      } catch (error) {
        say(
          `Workflow ${workflow} of run ${context.runId} is left in the cluster: ${(error as Error).message}`,
        );
      }
      await workflows.close();
      await base.close();
    },
  };
}

function withoutArgo({ context }: Cluster, cause: unknown): SameError {
  return new SameError(
    {
      code: 'SAME1702',
      message: `Argo Workflows is not in the cluster of context ${context}: it has no workflows.argoproj.io`,
      hint: 'what is there: same describe engine argo; Jobs run on any cluster: --engine kubernetes',
    },
    { cause },
  );
}
