import { PIPELINE_RUNS, type StoredObject, TASK_RUNS } from '../kubernetes/cluster.ts';
import { endOf, MAIN, type PodEnd } from '../kubernetes/pod-state.ts';
import type { System } from '../submitted/system.ts';
import { compilePipelineRun, pipelineRunName } from './pipeline-run.ts';
import { TEKTON_FACTS } from './refusals.ts';
import { isAgainKilled } from './step-task.ts';
import { hasEnded, pipelineRunState, taskRunOf } from './task-runs.ts';

/** What Tekton calls the container of a step. */
const CONTAINER = `step-${MAIN}`;

/** Tekton, which is handed a PipelineRun. */
export const tekton: System = {
  engine: 'tekton',
  name: 'Tekton',
  product: 'Tekton Pipelines',
  kind: PIPELINE_RUNS,
  called: 'PipelineRun',
  advice: 'kubectl get events says what Tekton and the cluster tell of it',
  parts: TASK_RUNS,
  ...TEKTON_FACTS,
  compile: compilePipelineRun,
  objectName: pipelineRunName,
  // A step whose secret is not there yet would have failed.
  hold: { spec: { status: 'PipelineRunPending' }, release: { spec: { status: null } } },
  ending: { all: { spec: { status: 'Cancelled' } }, steps: { spec: { status: 'CancelledRunFinally' } } },
  state: pipelineRunState,
  podOf: (pods, { id }) => pods.objects.get(id),
  container: CONTAINER,
  endOf: podEnd,
  strange: /^same: /,
  isFinal({ retries }, { index, exit, hasRun }) {
    if (exit ? exit.stopped : !hasRun) return false;
    return index >= retries.max || !(exit ? exit.again : isAgainKilled(retries));
  },
  async giveUp(cluster, there, taskRuns, { label, slot }) {
    const own = taskRuns && taskRunOf(there, taskRuns, label, slot);
    if (own && !hasEnded(own))
      await cluster.patch(TASK_RUNS, own.metadata.name, { spec: { status: 'TaskRunCancelled' } });
  },
};

/** The copy of how it ended is one of several things that Tekton has a pod say. */
function podEnd(pod: StoredObject): PodEnd | undefined {
  const end = endOf(pod, CONTAINER);
  if (end?.message === undefined) return end;
  try {
    const said = JSON.parse(end.message) as { key: string; value: string }[];
    const copy = said.find(({ key }) => key === 'exit')?.value;
    const { message: _, ...others } = end;
    return copy === undefined ? others : { ...others, message: copy };
  } catch {
    // What a cluster says, in words.
    return end;
  }
}
