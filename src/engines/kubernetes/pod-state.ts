import type { StoredObject } from './cluster.ts';

/** The container in which a step's command runs. */
export const MAIN = 'main';
/** What a Job's controller calls its pods' Job. */
export const JOB_NAME = 'batch.kubernetes.io/job-name';

interface ContainerState {
  waiting?: { reason?: string; message?: string };
  running?: { startedAt?: string };
  terminated?: { exitCode: number; reason?: string; message?: string };
}

interface PodStatus {
  phase?: string;
  reason?: string;
  message?: string;
  conditions?: { type: string; status: string; reason?: string; message?: string }[];
  containerStatuses?: { name: string; image?: string; state?: ContainerState }[];
}

/** How a pod ended. */
export interface PodEnd {
  /** Of the container; nothing where it never ran, or nobody knows. */
  exitCode?: number;
  /** `OOMKilled`, `StartError`, … of the container. */
  reason?: string;
  message?: string;
  /** `Evicted`, `DeadlineExceeded`, … of the pod. */
  podReason?: string;
  /** The cluster took it away: drained, preempted, lost with its node. */
  isDisrupted: boolean;
  /** It was deleted, by whomever. */
  isDeleted: boolean;
}

/** Why a pod does not run yet. */
export interface PodTrouble {
  /** `image`: it cannot be had; `config`: what it is given is not there; `unscheduled`: no node takes it. */
  kind: 'image' | 'config' | 'unscheduled';
  reason: string;
  message: string;
  /** Waiting does not help. */
  isFinal: boolean;
}

/** Whether its container runs, or has run. */
export function hasStarted(pod: StoredObject, container = MAIN): boolean {
  const state = stateOf(pod, container);
  return state?.running !== undefined || state?.terminated !== undefined;
}

/** How a pod ended, if it has. */
export function endOf(pod: StoredObject, container = MAIN): PodEnd | undefined {
  const status = statusOf(pod);
  const terminated = stateOf(pod, container)?.terminated;
  const isOver = status.phase === 'Failed' || status.phase === 'Succeeded';
  if (!terminated && !isOver) return undefined;
  const disruption = status.conditions?.find(
    ({ type, status: is }) => type === 'DisruptionTarget' && is === 'True',
  );
  const message = terminated?.message ?? status.message ?? disruption?.message;
  return {
    ...(terminated ? { exitCode: terminated.exitCode } : {}),
    ...(terminated?.reason ? { reason: terminated.reason } : {}),
    ...(message ? { message } : {}),
    ...(status.reason ? { podReason: status.reason } : {}),
    isDisrupted: disruption !== undefined || status.reason === 'Evicted' || status.reason === 'NodeLost',
    isDeleted: pod.metadata.deletionTimestamp !== undefined,
  };
}

/** What keeps a pod from running, as far as its own status says it. */
export function troubleOf(pod: StoredObject): PodTrouble | undefined {
  const { conditions = [], containerStatuses = [] } = statusOf(pod);
  for (const { state, image } of containerStatuses) {
    const { reason = '', message = '' } = state?.waiting ?? {};
    if (
      /^(ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull|ImageInspectError)$/.test(reason)
    ) {
      const text = message === '' || message.startsWith('Back-off') ? `image ${image ?? ''}` : message;
      return { kind: 'image', reason, message: text, isFinal: reason === 'InvalidImageName' };
    }
    if (/^(CreateContainerConfigError|CreateContainerError|RunContainerError)$/.test(reason))
      return { kind: 'config', reason, message, isFinal: false };
  }
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (!unscheduled) return undefined;
  const { reason = 'Unschedulable', message = 'no node takes it' } = unscheduled;
  return { kind: 'unscheduled', reason, message, isFinal: false };
}

/** The pod of a Job: the last one, where there were several. */
export function podOf(job: string, pods: Iterable<StoredObject>): StoredObject | undefined {
  let found: StoredObject | undefined;
  for (const pod of pods) {
    if (pod.metadata.labels?.[JOB_NAME] !== job) continue;
    if (!found || (pod.metadata.creationTimestamp ?? '') > (found.metadata.creationTimestamp ?? ''))
      found = pod;
  }
  return found;
}

/** How a Job ended, if it has: `Complete` or `Failed`, with what its controller says. */
export function jobEndOf(job: StoredObject): { type: string; reason: string; message: string } | undefined {
  const { conditions = [] } = (job.status ?? {}) as PodStatus;
  const end = conditions.find(
    ({ type, status }) => status === 'True' && (type === 'Complete' || type === 'Failed'),
  );
  return end && { type: end.type, reason: end.reason ?? '', message: end.message ?? '' };
}

function statusOf(pod: StoredObject): PodStatus {
  return (pod.status ?? {}) as PodStatus;
}

function stateOf(pod: StoredObject, container: string): ContainerState | undefined {
  return statusOf(pod).containerStatuses?.find(({ name }) => name === container)?.state;
}
