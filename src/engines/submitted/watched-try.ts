import type { Finding } from '../../errors/same-error.ts';
import { sleep } from '../../host/clock.ts';
import type { RunningCommand } from '../attempt/running-command.ts';
import type { StepAttempt } from '../attempt/step-attempt.ts';
import { PODS } from '../kubernetes/cluster.ts';
import { Following } from '../kubernetes/following.ts';
import { hasStarted, type PodEnd } from '../kubernetes/pod-state.ts';
import { Waiting } from '../kubernetes/waiting.ts';
import { type SubmittedRun, stateOf } from './submitted-run.ts';
import type { CellPlace, SubmittedCell, SubmittedTry } from './system.ts';

/** Beyond the grace of a pod, for its system to say that it has ended. */
const STOP_MS = 90_000;

/** What came of one try. */
export type TryEnd =
  | { as: 'ended'; pod: PodEnd }
  /** It never ran, and it is known why. */
  | { as: 'failed'; problem: Finding }
  /** There will be none, for something else has failed. */
  | { as: 'left-out' }
  /** Its pod cannot be made. */
  | { as: 'troubled'; problem: Finding }
  /** There is none and will be none: the cell has ended, or all of it. */
  | { as: 'none'; message: string }
  | { as: 'canceled' };

/** One try of a cell, which its system makes when it comes to it. */
export class WatchedTry {
  readonly #run: SubmittedRun;
  readonly #task: StepAttempt;
  readonly #place: CellPlace;
  readonly #index: number;
  readonly #how: RunningCommand;
  readonly #hopeless: () => Finding | undefined;
  readonly #over = new AbortController();
  readonly #following: Following;

  constructor(
    run: SubmittedRun,
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
    this.#following = new Following(run, task.cell.name, how, run.system);
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
    const { system, wholes, pods, say } = this.#run;
    const { cell, environment } = this.#task;
    const { cancel } = this.#how;
    const image =
      environment.container && 'image' in environment.container ? environment.container.image : '';
    let waiting: Waiting | undefined;
    let started = false;
    let last: PodEnd | undefined;
    const end = await wholes.until<TryEnd>(() => {
      const state = stateOf(this.#run);
      const own = cellOf(this.#run, this.#place);
      const tried = own?.tries[this.#index];
      const pod = tried && system.podOf(pods, tried);
      if (pod && hasStarted(pod, system.container) && !started) {
        started = true;
        onStart();
        this.#following.begin(pod.metadata.name);
      }
      last = (pod && system.endOf(pod)) ?? last;
      // It may be over before its pod is, which has yet to say how it went.
      const isRunning = pod && hasStarted(pod, system.container) && !last;
      if (tried?.isOver && !isRunning) {
        if (tried.problem) return { as: 'failed', problem: tried.problem };
        return { as: 'ended', pod: { ...(last ?? endByTry(tried)), ...podReasonOf(tried) } };
      }
      if (this.#over.signal.aborted) return { as: 'canceled' };
      if (tried?.isOver) return undefined;
      if (!state) return { as: 'none', message: `its ${system.called} was deleted` };
      if (own?.isLeftOut) return { as: 'left-out' };
      if (state.isOver || own?.isOver) return { as: 'none', message: messageOf(this.#run, this.#place) };
      if (cancel.aborted && !tried) return { as: 'canceled' };
      this.#run.missController(state);
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
      const tried = cellOf(this.#run, this.#place)?.tries[this.#index];
      const pod = tried && this.#run.system.podOf(this.#run.pods, tried);
      if (pod) await this.#run.cluster.delete(PODS, pod.metadata.name, { graceSeconds: 0 });
    } else await sleep(STOP_MS, AbortSignal.any([this.#how.kill, this.#over.signal]));
    // There may be no controller left that would say that it has ended.
    this.#over.abort();
  }
}

/** What there is of a cell by now. */
export function cellOf(run: SubmittedRun, { label, slot }: CellPlace): SubmittedCell | undefined {
  return stateOf(run)?.cell(label, slot);
}

/** Why a cell or all that was submitted has ended, as its system says it. */
function messageOf(run: SubmittedRun, place: CellPlace): string {
  const own = cellOf(run, place);
  const said = own?.message || own?.tries.at(-1)?.message || stateOf(run)?.message;
  return said || `${run.system.name} has ended it`;
}

function endByTry({ exitCode, message }: SubmittedTry): PodEnd {
  return {
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(message === '' ? {} : { message }),
    isDisrupted: false,
    isDeleted: false,
  };
}

function podReasonOf({ podReason }: SubmittedTry): Pick<PodEnd, 'podReason'> {
  return podReason === undefined ? {} : { podReason };
}
