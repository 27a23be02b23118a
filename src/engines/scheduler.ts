import { now, sleep } from '../host/clock.ts';
import { signalNumber } from '../host/processes.ts';
import { nextTurn } from '../host/turns.ts';
import type { Plan, PlannedStep } from '../pipeline/plan.ts';
import { Heap } from '../program/heap.ts';
import type { JsonObject } from '../program/json.ts';
import type { Finished, StepAttempt } from './attempt/step-attempt.ts';
import type { Attempts } from './attempts.ts';
import { CellLookup, type KeyedCell, type Lookup, type Skip } from './cell-lookup.ts';
import type { EngineContext, EngineEvent } from './engine.ts';
import { readListCells } from './list-cells.ts';
import { type CellState, type Outcome, RunGraph, type StepState } from './run-graph.ts';
import { type Share, Tokens } from './tokens.ts';

/** Cells that are looked up together, and events of a batch beside what was told meanwhile. */
const GROUP = 256;
/** Cells that may wait for a place with their keys in memory. */
const LOOK_AHEAD = 1024;

/**
 * Runs a plan: as many cells at the same time as places, cores, memory, GPUs and names allow, first those that come
 * first in the plan. What a batch says is durable when the next one is asked for, and only then does a cell start that
 * waited for it. After a failure it does as `onFailure` says; steps of `finally` run in the end, unless the run was
 * canceled.
 */
export async function* schedule(
  plan: Plan,
  context: EngineContext,
  attempts: Attempts,
): AsyncGenerator<EngineEvent[], void, undefined> {
  const schedule = new Schedule(plan, context, attempts);
  yield* schedule.run('steps');
  if (plan.steps.some(({ group }) => group === 'finally')) yield* schedule.run('finally');
}

/** An attempt that has ended and of which nothing has been told yet. */
interface Ended {
  state: CellState;
  keyed: KeyedCell;
  /** What it had of the machine; nothing where it had only paused before another attempt. */
  share?: Share;
  finished: Finished;
}

class Schedule {
  readonly #context: EngineContext;
  readonly #attempts: Attempts;
  readonly #parameters: JsonObject;
  readonly #graph: RunGraph;
  readonly #lookup: CellLookup;
  readonly #tokens: Tokens;
  /** Cells that wait for their share of the machine, by rank. */
  readonly #startable = new Heap();
  readonly #keyed = new Map<CellState, KeyedCell>();
  /** Cells that have begun and not ended: an attempt runs, or will after a pause. */
  readonly #busy = new Set<CellState>();
  /** How the last attempt of a cell ended that will be tried again. */
  readonly #retrying = new Map<CellState, Finished>();
  readonly #running = new Set<Promise<void>>();
  readonly #storedCode = new Set<PlannedStep>();
  #events: EngineEvent[] = [];
  #ended: Ended[] = [];
  #wake: () => void = () => {};
  #group: PlannedStep['group'] = 'steps';
  readonly #kill = new AbortController();
  #stop = new AbortController();
  /** The first cell that failed for good. */
  #failed: string | undefined;
  /** Why the run cannot go on at all. */
  #broken: { error: unknown } | undefined;

  constructor(plan: Plan, context: EngineContext, attempts: Attempts) {
    this.#context = context;
    this.#attempts = attempts;
    this.#parameters = Object.fromEntries(
      Object.entries(plan.parameters).map(([name, { value }]) => [name, value]),
    );
    this.#graph = new RunGraph(plan);
    this.#lookup = new CellLookup(context, attempts.content);
    this.#tokens = new Tokens(context);
  }

  /** Runs one group of steps to its end. @throws what makes going on impossible, once nothing runs any more */
  async *run(group: PlannedStep['group']): AsyncGenerator<EngineEvent[], void, undefined> {
    const { cancel } = this.#context;
    const stop = () => this.#halt();
    this.#group = group;
    this.#stop = new AbortController();
    this.#failed = undefined;
    cancel.addEventListener('abort', stop);
    if (cancel.aborted) stop();
    try {
      this.#graph.begin(group);
      for (;;) {
        this.#giveUp();
        await this.#lookUp();
        if (this.#events.length > 0) {
          const batch = this.#events;
          const ended = this.#ended;
          this.#events = [];
          this.#ended = [];
          yield batch;
          for (const each of ended) this.#settle(each);
          continue;
        }
        const isIdle = this.#graph.readyCount === 0 && this.#startable.size === 0;
        if (this.#stop.signal.aborted && !isIdle) continue;
        this.#start();
        if (this.#busy.size === 0 && isIdle) break;
        if (this.#hasRoom() && this.#graph.readyCount > 0) await nextTurn();
        else if (this.#events.length === 0) await this.#news();
      }
    } finally {
      cancel.removeEventListener('abort', stop);
      // Only where nobody takes what is told any more: nothing may be left that nobody knows of.
      if (this.#busy.size > 0) {
        this.#kill.abort();
        this.#stop.abort();
        await Promise.all(this.#running);
      }
    }
    if (this.#broken) throw this.#broken.error;
  }

  /** Nothing starts any more, and what runs is asked to stop. */
  #halt(): void {
    this.#stop.abort();
    this.#wake();
  }

  #news(): Promise<void> {
    return new Promise((done) => {
      this.#wake = done;
    });
  }

  #tell(event: EngineEvent): void {
    this.#events.push(event);
    this.#wake();
  }

  #hasRoom(): boolean {
    return this.#startable.size < LOOK_AHEAD;
  }

  /** Gives up what has not begun, once nothing may begin any more. */
  #giveUp(): void {
    const isCanceled = this.#context.cancel.aborted;
    const isFinal = this.#group === 'steps' && this.#context.onFailure !== 'keep-going';
    if (!isCanceled && !this.#broken && !(this.#failed !== undefined && isFinal)) return;
    const because = isCanceled
      ? 'the run was canceled'
      : this.#broken
        ? 'the run could not go on'
        : `step ${this.#failed} did not succeed`;
    const retrying: number[] = [];
    for (let rank = this.#startable.pop(); rank !== undefined; rank = this.#startable.pop()) {
      const state = this.#graph.cellAt(rank);
      if (!this.#busy.has(state)) this.#keyed.delete(state);
      else if (this.#stop.signal.aborted) this.#endRetries(state);
      else retrying.push(rank);
    }
    for (const rank of retrying) this.#startable.push(rank);
    const cause = isCanceled ? 'canceled' : 'failure';
    const outcome: Outcome = { as: 'failed', root: this.#failed ?? 'the run' };
    for (const step of this.#graph.giveUp(this.#group, this.#busy, outcome)) {
      this.#tell({ type: 'step-skipped', step, because, cause });
    }
  }

  /** Looks up what waits for nothing any more, a group at a time. */
  async #lookUp(): Promise<void> {
    for (let state = this.#graph.expandable.shift(); state; state = this.#graph.expandable.shift()) {
      await this.#expand(state);
    }
    while (this.#events.length < GROUP && this.#hasRoom()) {
      const states: CellState[] = [];
      for (let state = this.#graph.takeReady(); state; state = this.#graph.takeReady()) {
        states.push(state);
        if (states.length === GROUP) break;
      }
      if (states.length === 0) return;
      const found = await Promise.all(states.map((state) => this.#lookup.of(state)));
      for (const [index, state] of states.entries()) this.#take(state, found[index]!);
    }
  }

  #take(state: CellState, found: Lookup): void {
    const step = state.cell.name;
    if ('skip' in found) this.#skip(step, found.skip, (outcome) => this.#graph.end(state, outcome));
    else if ('cached' in found) {
      const { cached: result, keyed } = found;
      this.#events.push({ type: 'step-cached', step, at: now(), inputs: keyed.inputs, result });
      this.#graph.end(state, { as: 'succeeded', outputs: result.outputs });
    } else {
      this.#keyed.set(state, found.run);
      this.#startable.push(state.rank);
    }
  }

  #skip(step: string, { because, cause, problems, outcome }: Skip, end: (outcome: Outcome) => void): void {
    this.#events.push({ type: 'step-skipped', step, because, cause, ...(problems ? { problems } : {}) });
    if (problems) this.#fail(step);
    end(outcome);
  }

  /** Makes the cells of a step with `foreach`. */
  async #expand(state: StepState): Promise<void> {
    const { step } = state;
    const source = this.#graph.listSource(state);
    const writer = source?.cells?.[0];
    const outcome = writer?.outcome ?? source?.outcome ?? { as: 'left-out' };
    const end = (ended: Outcome) => this.#graph.expand(state, [], ended);
    if (outcome.as === 'failed') {
      const because = `step ${outcome.root} did not succeed`;
      return this.#skip(step.name, { because, cause: 'failure', outcome }, end);
    }
    if (outcome.as === 'left-out') {
      const because = `step ${step.foreach!.step}, which makes its list, was left out`;
      return this.#skip(step.name, { because, cause: 'upstream', outcome }, end);
    }
    const artifact = outcome.outputs[step.foreach!.output]!;
    const cells = await readListCells(step, artifact, this.#parameters, this.#attempts.content);
    if ('code' in cells) {
      const skip: Skip = {
        because: cells.message,
        cause: 'failure',
        problems: [cells],
        outcome: { as: 'failed', root: step.name },
      };
      return this.#skip(step.name, skip, end);
    }
    this.#events.push({ type: 'step-expanded', step: step.name, cells });
    if (cells.length > 0) return this.#graph.expand(state, cells);
    const because = 'its list is empty';
    return this.#skip(step.name, { because, cause: 'condition', outcome: { as: 'left-out' } }, end);
  }

  /** Starts what the machine has room for, in plan order. */
  #start(): void {
    const waiting: number[] = [];
    let blocked: PlannedStep | undefined;
    while (this.#tokens.isPlaceFree && !this.#stop.signal.aborted) {
      const rank = this.#startable.pop();
      if (rank === undefined) break;
      const state = this.#graph.cellAt(rank);
      const { step } = state.step;
      // Cells of one step want the same.
      const share = step === blocked ? undefined : this.#tokens.take(step);
      if (share) this.#begin(state, this.#keyed.get(state)!, share);
      else {
        blocked = step;
        waiting.push(rank);
      }
    }
    for (const rank of waiting) this.#startable.push(rank);
  }

  #begin(state: CellState, keyed: KeyedCell, share: Share): void {
    this.#busy.add(state);
    this.#keyed.delete(state);
    if (this.#running.size === 0) this.#context.kill.addEventListener('abort', this.#onKill);
    if (this.#context.kill.aborted) this.#kill.abort();
    const running = this.#runOnce(state, keyed, share).then(
      (finished) => {
        this.#ended.push({ state, keyed, share, finished });
        this.#tell(finished);
      },
      (error: unknown) => {
        this.#broken ??= { error };
        this.#busy.delete(state);
        this.#graph.end(state, { as: 'failed', root: state.cell.name });
        this.#halt();
      },
    );
    const over = running.then(() => {
      this.#running.delete(over);
      if (this.#running.size === 0) this.#context.kill.removeEventListener('abort', this.#onKill);
    });
    this.#running.add(over);
  }

  readonly #onKill = () => this.#kill.abort();

  async #runOnce(state: CellState, keyed: KeyedCell, { gpus }: Share): Promise<Finished> {
    const { step } = state.step;
    const { content } = this.#attempts;
    if (state.attempts === 0) await this.#storeKey(step, keyed);
    state.attempts++;
    const task: StepAttempt = {
      ...keyed,
      step,
      cell: state.cell,
      attempt: state.attempts,
      gpus,
      context: this.#context,
      content,
      cancel: this.#stop.signal,
      kill: this.#kill.signal,
    };
    const finished = await this.#attempts.run(task, (news) => this.#tell(news));
    return { ...finished, retrying: this.#triesAgain(state, finished) };
  }

  /** What a key was made from, so that somebody can say later why it is another one. */
  async #storeKey(step: PlannedStep, { key }: KeyedCell): Promise<void> {
    const { content } = this.#attempts;
    await content.write(key.document);
    if (this.#storedCode.has(step)) return;
    this.#storedCode.add(step);
    const code = this.#context.codeTree?.(step);
    if (code) await content.write(code);
  }

  #triesAgain({ attempts, step: { step } }: CellState, finished: Finished): boolean {
    const { max, codes } = step.retries;
    const isTried = finished.status === 'failed' && attempts <= max && !this.#stop.signal.aborted;
    return isTried && (codes === undefined || codes.includes(codeOf(finished)));
  }

  /** What follows from an end that is durable now. */
  #settle({ state, keyed, share, finished }: Ended): void {
    if (share) this.#tokens.release(state.step.step, share);
    if (finished.retrying) {
      this.#retrying.set(state, finished);
      this.#keyed.set(state, keyed);
      void this.#pause(state);
      return;
    }
    this.#busy.delete(state);
    const { name } = state.cell;
    if (finished.status === 'succeeded') {
      this.#graph.end(state, { as: 'succeeded', outputs: finished.outputs });
      return;
    }
    this.#graph.end(state, { as: 'failed', root: name });
    this.#fail(name);
  }

  #fail(name: string): void {
    this.#failed ??= name;
    if (this.#context.onFailure === 'fail-fast' && this.#group === 'steps') this.#halt();
  }

  /** Waits with full jitter: many steps that failed together do not come back together. */
  async #pause(state: CellState): Promise<void> {
    const { backoffMs } = state.step.step.retries;
    await sleep(Math.random() * backoffMs * 2 ** (state.attempts - 1), this.#stop.signal);
    this.#startable.push(state.rank);
    this.#wake();
  }

  /** The run is over before the next attempt: the last one was the last. */
  #endRetries(state: CellState): void {
    const last = this.#retrying.get(state)!;
    const keyed = this.#keyed.get(state)!;
    const finished: Finished = { ...last, retrying: false, warnings: [] };
    if (this.#context.cancel.aborted) {
      const message = `step ${state.cell.name} was canceled before it was tried again`;
      finished.status = 'canceled';
      finished.problems = [{ code: 'SAME1607', message }];
    }
    this.#keyed.delete(state);
    this.#ended.push({ state, keyed, finished });
    this.#tell(finished);
  }
}

/** The exit code as a shell says it: an end by signal n is 128 + n. */
function codeOf({ exitCode, signal }: Finished): number {
  return exitCode ?? 128 + (signal === undefined ? 0 : signalNumber(signal));
}
