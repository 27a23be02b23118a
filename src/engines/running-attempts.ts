import { signalNumber } from '../host/processes.ts';
import type { PlannedStep } from '../pipeline/plan.ts';
import type { Finished } from './attempt/step-attempt.ts';
import type { AttemptNews, Attempts } from './attempts.ts';
import type { KeyedCell } from './cell-lookup.ts';
import type { EngineContext } from './engine.ts';
import type { CellState } from './run-graph.ts';

/** The attempts of one run that run now. */
export class RunningAttempts {
  readonly #context: EngineContext;
  readonly #attempts: Attempts;
  readonly #tell: (news: AttemptNews) => void;
  readonly #kill = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  readonly #storedCode = new Set<PlannedStep>();

  constructor(context: EngineContext, attempts: Attempts, tell: (news: AttemptNews) => void) {
    this.#context = context;
    this.#attempts = attempts;
    this.#tell = tell;
  }

  /**
   * Runs the next attempt of a cell.
   * @param stop aborted: it is to stop politely, and is not tried again
   * @throws what makes going on impossible
   */
  async run(state: CellState, keyed: KeyedCell, gpus: string[], stop: AbortSignal): Promise<Finished> {
    // Listened to only while something runs: by that a command knows whether there is something to kill.
    if (this.#running.size === 0) this.#context.kill.addEventListener('abort', this.#onKill);
    if (this.#context.kill.aborted) this.#kill.abort();
    const running = this.#runOnce(state, keyed, gpus, stop);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
      if (this.#running.size === 0) this.#context.kill.removeEventListener('abort', this.#onKill);
    }
  }

  /** Kills what runs and waits until nothing of it is left. */
  async killAll(): Promise<void> {
    this.#kill.abort();
    await Promise.allSettled(this.#running);
  }

  readonly #onKill = () => this.#kill.abort();

  async #runOnce(state: CellState, keyed: KeyedCell, gpus: string[], stop: AbortSignal): Promise<Finished> {
    const { step } = state.step;
    if (state.attempts === 0) await this.#storeKey(step, keyed);
    state.attempts++;
    const task = {
      ...keyed,
      step,
      cell: state.cell,
      attempt: state.attempts,
      gpus,
      context: this.#context,
      content: this.#attempts.content,
      cancel: stop,
      kill: this.#kill.signal,
    };
    const finished = await this.#attempts.run(task, this.#tell);
    const isAgain = this.#attempts.decideRetries
      ? finished.retrying
      : isTriedAgain(step, state.attempts, finished);
    return { ...finished, retrying: !stop.aborted && isAgain };
  }

  /** What a key was made from, so that somebody can say later why it is another one. */
  async #storeKey(step: PlannedStep, { key }: KeyedCell): Promise<void> {
    const { content } = this.#attempts;
    await content.write(Buffer.from(key.document));
    if (this.#storedCode.has(step)) return;
    this.#storedCode.add(step);
    const code = this.#context.codeTree?.(step);
    if (code) await content.write(code);
  }
}

/** How the last attempt of a cell is told of that was to be tried again and will not be. */
export function lastWord(finished: Finished, isCanceled: boolean): Finished {
  // Its warnings were told.
  const last = { ...finished, retrying: false, warnings: [] };
  if (!isCanceled) return last;
  const message = `step ${finished.step} was canceled before it was tried again`;
  return { ...last, status: 'canceled', problems: [{ code: 'SAME1607', message }] };
}

function isTriedAgain(
  { retries: { max, codes } }: PlannedStep,
  attempts: number,
  finished: Finished,
): boolean {
  if (finished.status !== 'failed' || attempts > max) return false;
  return codes === undefined || codes.includes(codeOf(finished));
}

/** The exit code as a shell says it: an end by signal n is 128 + n. */
function codeOf({ exitCode, signal }: Finished): number {
  return exitCode ?? 128 + (signal === undefined ? 0 : signalNumber(signal));
}
