import type { Finding } from '../../errors/same-error.ts';
import type { StoredObject } from '../kubernetes/cluster.ts';
import type { Watched } from '../kubernetes/watched.ts';
import type { SubmittedCell, SubmittedState, SubmittedTry } from '../submitted/system.ts';
import { CELL } from './step-task.ts';

/** The label of a step, on whatever is made for it. */
const STEP = 'same.dev/step';
/** What Tekton calls what it does not begin because it is asked to, or because something failed. */
const HELD = 'PipelineRunPending';
const TIMED_OUT = 'TaskRunTimeout';
const NO_IMAGE = 'TaskRunImagePullFailed';
/** Why it skips a task because something else has failed; whatever else it says has another cause, which is told. */
const LEFT_OUT = [
  'PipelineRun was stopping',
  'PipelineRun was gracefully cancelled',
  'Parent Tasks were skipped',
];

interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

interface RunStatus {
  conditions?: Condition[];
  skippedTasks?: { name: string; reason?: string }[];
  completionTime?: string;
}

interface TryStatus {
  conditions?: Condition[];
  podName?: string;
  steps?: { terminated?: { exitCode?: number } }[];
}

interface TaskRunStatus extends TryStatus {
  /** Of the tries before. */
  retriesStatus?: TryStatus[];
}

interface PipelineSpec {
  tasks?: { name: string; taskSpec?: { metadata?: { labels?: Record<string, string> } } }[];
}

/** Reads what the controller of Tekton has written into a PipelineRun and its TaskRuns. */
export function pipelineRunState(there: StoredObject, taskRuns: Watched | undefined): SubmittedState {
  const { conditions = [], skippedTasks = [], completionTime } = (there.status ?? {}) as RunStatus;
  const { status = '', pipelineSpec = {} } = (there.spec ?? {}) as {
    status?: string;
    pipelineSpec?: PipelineSpec;
  };
  const end = endOf(conditions);
  return {
    isTaken: conditions.length > 0,
    isHeld: status === HELD,
    message: end?.message ?? '',
    isOver: end !== undefined,
    ...(completionTime === undefined ? {} : { endedAt: completionTime }),
    isShutDown: status !== '' && status !== HELD,
    cell(label, slot) {
      const own = taskRuns && taskRunOf(there, taskRuns, label, slot);
      if (own) return cellOf(own);
      const skipped = skippedTasks.filter(({ name }) => labelOf(pipelineSpec, name) === label);
      if (skipped.length === 0) return undefined;
      const why = skipped[0]!.reason ?? '';
      return { tries: [], isOver: true, isLeftOut: LEFT_OUT.includes(why), message: why };
    },
  };
}

function endOf(conditions: readonly Condition[] = []): Condition | undefined {
  return conditions.find(({ type, status }) => type === 'Succeeded' && status !== 'Unknown');
}

function labelOf({ tasks = [] }: PipelineSpec, name: string): string | undefined {
  return tasks.find((task) => task.name === name)?.taskSpec?.metadata?.labels?.[STEP];
}

/** Names of TaskRuns by the labels of their steps and the slots of their cells, as far as they were looked for. */
const known = new WeakMap<Watched, { names: Map<string, string>; changes: number }>();

/** The TaskRun of a cell, once a PipelineRun has one. */
export function taskRunOf(
  { metadata: { uid } }: StoredObject,
  taskRuns: Watched,
  label: string,
  slot: number,
): StoredObject | undefined {
  const found = known.get(taskRuns) ?? { names: new Map<string, string>(), changes: -1 };
  known.set(taskRuns, found);
  const key = `${label} ${slot}`;
  if (!found.names.has(key) && found.changes !== taskRuns.changes) {
    found.changes = taskRuns.changes;
    for (const { metadata, spec } of taskRuns.objects.values()) {
      const { params = [] } = (spec ?? {}) as { params?: { name: string; value: string }[] };
      const own = params.find(({ name }) => name === CELL)?.value ?? '0';
      found.names.set(`${metadata.labels?.[STEP]} ${own}`, metadata.name);
    }
  }
  const name = found.names.get(key);
  const taskRun = name === undefined ? undefined : taskRuns.objects.get(name);
  // Those of a PipelineRun before are called the same, and it may not be known yet that they are gone.
  return taskRun?.metadata.ownerReferences?.some((owner) => owner.uid === uid) ? taskRun : undefined;
}

/** Whether a TaskRun is tried no more. */
export function hasEnded({ status }: StoredObject): boolean {
  return endOf(((status ?? {}) as RunStatus).conditions) !== undefined;
}

const cells = new WeakMap<StoredObject, SubmittedCell>();

/** A cell as its TaskRun has it; read once for each version of that. */
function cellOf(taskRun: StoredObject): SubmittedCell {
  let cell = cells.get(taskRun);
  if (!cell) {
    const { retriesStatus = [], ...now } = (taskRun.status ?? {}) as TaskRunStatus;
    const end = endOf(now.conditions);
    const image = imageOf(taskRun);
    cell = {
      tries: [
        ...retriesStatus.map((before) => tryOf(before, image, true)),
        tryOf(now, image, end !== undefined),
      ],
      isOver: end !== undefined,
      message: end?.message ?? '',
    };
    cells.set(taskRun, cell);
  }
  return cell;
}

function tryOf({ conditions, podName = '', steps }: TryStatus, image: string, isOver: boolean): SubmittedTry {
  const { reason = '', message = '' } = endOf(conditions) ?? {};
  // Of the one that is tried now there is still what the one before has left.
  const exitCode = isOver ? steps?.[0]?.terminated?.exitCode : undefined;
  return {
    id: podName,
    message,
    isOver,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(reason === TIMED_OUT ? { podReason: 'DeadlineExceeded' } : {}),
    ...(reason === NO_IMAGE ? { problem: withoutImage(image, message) } : {}),
  };
}

function imageOf({ spec }: StoredObject): string {
  const { taskSpec } = (spec ?? {}) as { taskSpec?: { steps?: { image?: string }[] } };
  return taskSpec?.steps?.[0]?.image ?? '';
}

function withoutImage(image: string, message: string): Finding {
  return {
    code: 'SAME1502',
    message: `image ${image} cannot be fetched by the cluster: ${message}`,
    hint: 'is it in a registry that the nodes reach, and may they fetch it (imagePullSecrets of the service account)?',
  };
}
