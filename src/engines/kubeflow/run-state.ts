import type { Finding } from '../../errors/same-error.ts';
import type { StoredObject } from '../kubernetes/cluster.ts';
import { endOf, MAIN, type PodEnd } from '../kubernetes/pod-state.ts';
import type { Watched } from '../kubernetes/watched.ts';
import type { SubmittedCell, SubmittedState, SubmittedTry } from '../submitted/system.ts';
import { cellToldIn } from './watched-step.ts';

/** The annotation by which what claims a run says which one of Kubeflow's it is. */
export const PIPELINE_RUN = 'same.dev/pipeline-run';
/** What Kubeflow calls a run in its pods. */
export const RUN_LABEL = 'pipeline/runid';
/** Of a run that its API does not have any more. */
export const GONE = 'GONE';

/** A run as the API of Kubeflow tells it, as far as it is read here. */
export interface PipelineRun {
  run_id?: string;
  state?: string;
  /** The beginning of all time where it has not ended. */
  finished_at?: string;
  error?: { message?: string };
  run_details?: { task_details?: { display_name?: string; state?: string; error?: { message?: string } }[] };
}

/** Of a run of which nothing begins any more. */
export const OVER: readonly string[] = ['SUCCEEDED', 'SKIPPED', 'FAILED', 'CANCELED', GONE];
/** Of one that no controller has taken up. */
const WAITING = ['', 'PENDING', 'RUNTIME_STATE_UNSPECIFIED'];
const SHUT_DOWN = ['CANCELING', 'CANCELED', GONE];

/** Pods that were seen, by their ids: one that is deleted was a try all the same. */
const seen = new WeakMap<Watched, Map<string, StoredObject>>();

interface RunCells {
  run: string;
  /** Of the pods. */
  changes: number;
  /** Whose last pod the cluster took away before its command succeeded. */
  taken: ReadonlySet<SubmittedCell>;
  /** A step has, whichever, and is not tried again. */
  hasFailed: boolean;
  /** By the label of the step and the slot of the cell. */
  byKey: ReadonlyMap<string, SubmittedCell>;
  /** Pods that do not say of which cell they are, by the labels of their steps. */
  unread: ReadonlyMap<string, string>;
}

const cells = new WeakMap<Watched, RunCells>();

/** A try as its pod tells it, which began then. */
interface Told {
  at: string;
  tried: SubmittedTry;
  isTaken: boolean;
}

/** Reads how far a run is: all of it from what Kubeflow says of it, its cells from their pods. */
export function pipelineRunState(there: StoredObject, pods: Watched | undefined): SubmittedState {
  const run = (there.status ?? {}) as PipelineRun;
  const id = there.metadata.annotations?.[PIPELINE_RUN];
  const state = run.state ?? '';
  const isOver = OVER.includes(state);
  return {
    isTaken: !WAITING.includes(state),
    isHeld: id === undefined,
    message: messageOf(run, id),
    isOver,
    ...(isOver ? { endedAt: endOfRun(run) ?? there.metadata.creationTimestamp! } : {}),
    // Without its pods, which go with it after a while, nobody knows any more how its cells went.
    isShutDown: SHUT_DOWN.includes(state) || (isOver && id !== undefined && !hasPods(pods, id)),
    cell(label, slot) {
      if (id === undefined || !pods) return undefined;
      const { byKey, hasFailed, unread, taken } = cellsOf(pods, id);
      const cell = byKey.get(`${label} ${slot}`);
      const pod = unread.get(label);
      if (!cell && pod !== undefined) return unreadCell(pod);
      // Its controller may make anew what the cluster took away: that is known when a pod is there.
      if (cell && !isOver && taken.has(cell)) return { ...cell, isOver: false };
      // It starts nothing more once a step has failed; of what fails otherwise nobody knows what it says of others.
      if (cell || state !== 'FAILED' || !hasFailed) return cell;
      return { tries: [], isOver: true, isLeftOut: true, message: '' };
    },
  };
}

/** The pod of a try, while it is there. */
export function podOfTry(pods: Watched, { id }: SubmittedTry): StoredObject | undefined {
  if (id === '') return undefined;
  const { uid, name } = JSON.parse(id) as { uid: string; name: string };
  const pod = pods.objects.get(name);
  return pod?.metadata.uid === uid ? pod : undefined;
}

function messageOf({ state = '', error, run_details: details }: PipelineRun, id = ''): string {
  if (state === GONE) return 'its run was deleted in Kubeflow';
  const failed = details?.task_details?.find((task) => task.state === 'FAILED' && task.error?.message);
  const said = error?.message ?? (failed && `${failed.display_name}: ${failed.error!.message}`);
  if (said) return said;
  // As a rule it says no more; its controller does.
  if (state === 'FAILED') return `its run has failed: kubectl describe workflows -l pipeline/runid=${id}`;
  return state === '' ? '' : `its run is ${state.toLowerCase()}`;
}

/** What the pods of a run say of its cells, put together once for each state of them. */
function cellsOf(pods: Watched, run: string): RunCells {
  const known = cells.get(pods);
  if (known?.run === run && known.changes === pods.changes) return known;
  const all = seen.get(pods) ?? new Map<string, StoredObject>();
  seen.set(pods, all);
  for (const pod of pods.objects.values()) all.set(pod.metadata.uid, pod);
  const told = new Map<string, { retries: number; tries: Told[] }>();
  const unread = new Map<string, string>();
  for (const pod of all.values()) {
    const { labels = {}, name, creationTimestamp = '' } = pod.metadata;
    const step = labels['same.dev/step'];
    if (labels[RUN_LABEL] !== run || step === undefined) continue;
    const own = cellToldIn(containerOf(pod));
    if (!own) {
      unread.set(step, name);
      continue;
    }
    const end = endOf(pod);
    const key = `${step} ${own.slot}`;
    const cell = told.get(key) ?? { retries: own.retries, tries: [] };
    told.set(key, cell);
    const tried = triedOf(pod, end, pods);
    const isTaken = tried.isOver && tried.exitCode !== 0 && (end?.isDeleted || end?.isDisrupted || !end);
    cell.tries.push({ at: `${creationTimestamp} ${name}`, tried, isTaken });
  }
  const byKey = new Map([...told].map(([key, { retries, tries }]) => [key, cellOf(retries, tries)]));
  const taken = new Set(
    [...told].flatMap(([key, { tries }]) => (tries.at(-1)!.isTaken ? byKey.get(key)! : [])),
  );
  const hasFailed = [...byKey.values()].some(({ isOver, tries }) => isOver && tries.at(-1)!.exitCode !== 0);
  const made = { run, changes: pods.changes, hasFailed, taken, unread, byKey };
  cells.set(pods, made);
  return made;
}

function triedOf(pod: StoredObject, end: PodEnd | undefined, pods: Watched): SubmittedTry {
  const { name, uid } = pod.metadata;
  const isDeleted = pods.objects.get(name)?.metadata.uid !== uid;
  return {
    id: JSON.stringify({ name, uid }),
    message: isDeleted && !end ? 'its pod was deleted' : (end?.message ?? ''),
    isOver: isDeleted || end !== undefined,
    ...(end?.exitCode === undefined ? {} : { exitCode: end.exitCode }),
    ...(end?.podReason === undefined ? {} : { podReason: end.podReason }),
  };
}

function cellOf(retries: number, tries: Told[]): SubmittedCell {
  tries.sort((a, b) => (a.at < b.at ? -1 : 1));
  const last = tries.at(-1)!.tried;
  return {
    tries: tries.map(({ tried }) => tried),
    isOver: last.isOver && (last.exitCode === 0 || tries.length > retries),
    message: last.message,
  };
}

/** Where pods are not looked at, they may be there. */
function hasPods(pods: Watched | undefined, run: string): boolean {
  if (!pods) return true;
  const { byKey, unread } = cellsOf(pods, run);
  return byKey.size + unread.size > 0;
}

/** @returns undefined where nobody has noted it */
function endOfRun({ finished_at: at }: PipelineRun): string | undefined {
  return at !== undefined && Date.parse(at) > 0 ? at : undefined;
}

/** A cell of a step of which there is a pod that may be of any: nobody knows how it goes. */
function unreadCell(pod: string): SubmittedCell {
  const problem: Finding = {
    code: 'SAME1705',
    message: `pod ${pod} does not say which cell of its step it runs: this Kubeflow tells it otherwise than those that are known`,
    hint: 'which are known: same describe engine kubeflow --rbac; Jobs run on any cluster: --engine kubernetes',
  };
  const { message } = problem;
  return { tries: [{ id: '', message, isOver: true, problem }], isOver: true, message };
}

function containerOf(pod: StoredObject): { command?: string[]; args?: string[] } {
  const { containers = [] } = (pod.spec ?? {}) as {
    containers?: { name: string; command?: string[]; args?: string[] }[];
  };
  return containers.find(({ name }) => name === MAIN) ?? {};
}
