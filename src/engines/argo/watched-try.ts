import type { Finding } from '../../errors/same-error.ts';
import { sleep } from '../../host/clock.ts';
import type { RunningCommand } from '../attempt/running-command.ts';
import type { StepAttempt } from '../attempt/step-attempt.ts';
import { PODS, type StoredObject } from '../kubernetes/cluster.ts';
import { Following } from '../kubernetes/following.ts';
import { endOf, hasStarted, type PodEnd } from '../kubernetes/pod-state.ts';
import { Waiting } from '../kubernetes/waiting.ts';
import type { Watched } from '../kubernetes/watched.ts';
import type { ArgoRun } from './argo-run.ts';
import { type CellNodes, type TryNode, workflowState } from './workflow-nodes.ts';

/** What Argo writes into a pod: the node that it is of. */
const NODE_ID = 'workflows.argoproj.io/node-id';
/** Lines of the shim, and of what Argo has in the container of a step. */
const STRANGE = /^(same: |time=.* argo=true\b|Error: exit status \d+$)/;
/** Beyond the grace of a pod, for Argo to say that it has ended. */
const STOP_MS = 90_000;

/** A cell within its Workflow. */
export interface CellPlace {
  /** Of its step. */
  label: string;
  slot: number;
}

/** What came of one try. */
export type TryEnd =
  | { as: 'ended'; pod: PodEnd }
  /** Its pod cannot be made. */
  | { as: 'troubled'; problem: Finding }
  /** There is none and will be none: Argo has ended the cell, or all of it. */
  | { as: 'none'; message: string }
  | { as: 'canceled' };

/** One try of a cell, which Argo makes when it comes to it. */
export class WatchedTry {
  readonly #run: ArgoRun;
  readonly #task: StepAttempt;
  readonly #place: CellPlace;
  readonly #index: number;
  readonly #how: RunningCommand;
  readonly #hopeless: () => Finding | undefined;
  readonly #over = new AbortController();
  readonly #following: Following;

  constructor(
    run: ArgoRun,
    {
      task,
      place,
      index,
      how,
      hopeless,
    }: {
      task: StepAttempt;
      place: CellPlace;
      index: number;
      how: RunningCommand;
      /** Why no pod of its step can be made, as another cell has found out. */
      hopeless(): Finding | undefined;
    },
  ) {
    this.#run = run;
    this.#task = task;
    this.#place = place;
    this.#index = index;
    this.#how = how;
    this.#hopeless = hopeless;
    this.#following = new Following(run, task.cell.name, how, STRANGE);
  }

  /** Its shim said that a pipe hides failures. */
  get saidNoBash(): boolean {
    return this.#following.saidNoBash;
  }

  /**
   * Waits for its end, which Ctrl-C hastens.
   * @param onStart called once its command runs, or has run
   * @throws what made watching impossible
   */
  async end(onStart: () => void): Promise<TryEnd> {
    const { cancel, kill } = this.#how;
    const stop = () => void this.#stop().catch(() => {});
    cancel.addEventListener('abort', stop);
    kill.addEventListener('abort', stop);
    if (cancel.aborted || kill.aborted) stop();
    try {
      return await this.#ended(onStart);
    } finally {
      cancel.removeEventListener('abort', stop);
      kill.removeEventListener('abort', stop);
      this.#over.abort();
      await this.#following.end();
    }
  }

  async #ended(onStart: () => void): Promise<TryEnd> {
    const { workflows, workflow, say } = this.#run;
    const { cell, environment } = this.#task;
    const { cancel } = this.#how;
    const image =
      environment.container && 'image' in environment.container ? environment.container.image : '';
    let waiting: Waiting | undefined;
    let started = false;
    let last: PodEnd | undefined;
    const end = await workflows.until<TryEnd>(() => {
      const there = workflows.objects.get(workflow);
      const state = there && workflowState(there);
      const node = cellOf(this.#run, this.#place)?.tries[this.#index];
      const pod = node && podOf(this.#run, node);
      if (pod && hasStarted(pod) && !started) {
        started = true;
        onStart();
        this.#following.begin(pod.metadata.name);
      }
      last = (pod && endOf(pod)) ?? last;
      if (node?.isOver) return { as: 'ended', pod: last ?? endByNode(node) };
      if (this.#over.signal.aborted) return { as: 'canceled' };
      if (!there || !state) return { as: 'none', message: 'its Workflow was deleted' };
      if (state.isOver || cellOf(this.#run, this.#place)?.isOver)
        return { as: 'none', message: messageOf(this.#run, this.#place) };
      if (cancel.aborted && !node) return { as: 'canceled' };
      this.#run.missController(there);
      if (started || cancel.aborted) return undefined;
      const known = this.#hopeless();
      if (known) return { as: 'troubled', problem: known };
      if (!pod) return undefined;
      waiting ??= new Waiting(`step ${cell.name}`, image, say);
      const problem = waiting.look(pod);
      return problem ? { as: 'troubled', problem } : undefined;
    });
    return end!;
  }

  /** Asks all of it to end as Ctrl-C does, and without grace where it is killed. */
  async #stop(): Promise<void> {
    this.#run.terminate();
    if (this.#how.kill.aborted) {
      const node = cellOf(this.#run, this.#place)?.tries[this.#index];
      const pod = node && podOf(this.#run, node);
      if (pod) await this.#run.cluster.delete(PODS, pod.metadata.name, { graceSeconds: 0 });
    } else await sleep(STOP_MS, AbortSignal.any([this.#how.kill, this.#over.signal]));
    // There may be no controller left that would say that it has ended.
    this.#over.abort();
  }
}

/** What its Workflow has of a cell by now. */
export function cellOf({ workflows, workflow }: ArgoRun, { label, slot }: CellPlace): CellNodes | undefined {
  const there = workflows.objects.get(workflow);
  return there && workflowState(there).cell(label, slot);
}

/** Names of pods by their nodes, as far as they were looked for. */
const podNames = new WeakMap<Watched, Map<string, string>>();

/** The pod of a try, while it is there. */
export function podOf({ pods }: ArgoRun, { id }: TryNode): StoredObject | undefined {
  const names = podNames.get(pods) ?? new Map<string, string>();
  podNames.set(pods, names);
  if (!names.has(id)) {
    for (const { metadata } of pods.objects.values()) {
      const node = metadata.annotations?.[NODE_ID];
      if (node !== undefined) names.set(node, metadata.name);
    }
  }
  const name = names.get(id);
  return name === undefined ? undefined : pods.objects.get(name);
}

/** Why a cell or its Workflow has ended, as Argo says it. */
export function messageOf(run: ArgoRun, place: CellPlace): string {
  const there = run.workflows.objects.get(run.workflow);
  const own = cellOf(run, place);
  const said = own?.message || own?.tries.at(-1)?.message || (there && workflowState(there).message);
  return said || 'Argo has ended it';
}

function endByNode({ exitCode, message }: TryNode): PodEnd {
  return {
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(message === '' ? {} : { message }),
    isDisrupted: false,
    isDeleted: false,
  };
}
