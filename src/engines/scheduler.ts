import { now, sleep } from '../host/clock.ts';
import { nextTurn } from '../host/turns.ts';
import type { Plan, PlannedStep } from '../pipeline/plan.ts';
import type { JsonObject } from '../program/json.ts';
import type { Finished } from './attempt/step-attempt.ts';
import type { Attempts } from './attempts.ts';
import { CellLookup, type KeyedCell, type Lookup, type Skip } from './cell-lookup.ts';
import type { EngineContext, EngineEvent } from './engine.ts';
import { expansionOf } from './list-cells.ts';
import { type CellState, type Outcome, RunGraph, type StepState } from './run-graph.ts';
import { lastWord, RunningAttempts } from './running-attempts.ts';
import { StartQueue, type WaitingCell } from './start-queue.ts';
import { type Share, Tokens } from './tokens.ts';

/** Cells that are looked up together, and events of a batch beside what was told meanwhile. */
const GROUP = 256;
/** Node's timers overflow above this, 24.8 days, and would fire at once. */
const LONGEST_PAUSE_MS = 2 ** 31 - 1;

/**
 * Runs a plan: as many cells at the same time as places, cores, memory, GPUs and names allow, first those that come
 * first in the plan. What a batch says is durable when the next one is asked for, and only then does a cell start that
 * waited for it. After a failure it does as `onFailure` says; steps of `finally` run in the end, also of a run that could
 * not go on (spec SAME-PIP-045), unless it was canceled.
 * @throws what made going on impossible, once nothing runs any more
 */
export async function* schedule(
  plan: Plan,
  context: EngineContext,
  attempts: Attempts,
): AsyncGenerator<EngineEvent[], void, undefined> {
  const schedule = new Schedule(plan, context, attempts);
  const broken = [yield* schedule.run('steps')];
  if (plan.steps.some(({ group }) => group === 'finally')) broken.push(yield* schedule.run('finally'));
  for (const each of broken) if (each) throw each.error;
}

/** Why a group of steps could not go on at all. */
interface Broken {
  error: unknown;
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
  readonly #queue: StartQueue;
  /** Cells that have begun and not ended: an attempt runs, or will after a pause. */
  readonly #busy = new Set<CellState>();
  /** How the last attempt of a cell ended that will be tried again. */
  readonly #retrying = new Map<CellState, Finished>();
  readonly #running: RunningAttempts;
  readonly #events: EngineEvent[] = [];
  readonly #ended: Ended[] = [];
  #wake: () => void = () => {};
  #group: PlannedStep['group'] = 'steps';
  #stop = new AbortController();
  /** The first cell that failed for good. */
  #failed: string | undefined;
  #broken: Broken | undefined;
  /** Nothing of the group begins any more, and what has not begun was told. */
  #isGivenUp = false;

  constructor(plan: Plan, context: EngineContext, attempts: Attempts) {
    this.#context = context;
    this.#attempts = attempts;
    this.#parameters = Object.fromEntries(
      Object.entries(plan.parameters).map(([name, { value }]) => [name, value]),
    );
    this.#graph = new RunGraph(plan);
    this.#queue = new StartQueue(this.#graph);
    this.#lookup = new CellLookup(context, attempts.content);
    this.#tokens = new Tokens(context);
    this.#running = new RunningAttempts(context, attempts, (news) => this.#tell(news));
  }

  /** Runs one group of steps to its end. */
  async *run(group: PlannedStep['group']): AsyncGenerator<EngineEvent[], Broken | undefined, undefined> {
    const { cancel } = this.#context;
    this.#group = group;
    this.#stop = new AbortController();
    this.#failed = undefined;
    this.#broken = undefined;
    this.#isGivenUp = false;
    cancel.addEventListener('abort', this.#halt);
    if (cancel.aborted) this.#halt();
    try {
      this.#graph.begin(group);
      for (;;) {
        this.#giveUp();
        await this.#lookUp().catch(this.#break);
        if (this.#events.length > 0) {
          const ended = this.#ended.splice(0);
          yield this.#events.splice(0);
          for (const each of ended) this.#settle(each);
          continue;
        }
        const isIdle = this.#graph.readyCount === 0 && this.#queue.size === 0;
        // Asked to stop while cells were looked up.
        if (this.#stop.signal.aborted && !isIdle) continue;
        for (const each of this.#queue.start(this.#tokens)) this.#begin(each);
        if (this.#busy.size === 0 && isIdle) break;
        if (this.#queue.hasRoom && this.#graph.readyCount > 0) await nextTurn();
        else if (this.#events.length === 0) await new Promise<void>((done) => (this.#wake = done));
      }
    } finally {
      cancel.removeEventListener('abort', this.#halt);
      // Only where nobody takes what is told any more: nothing may be left that nobody knows of.
      if (this.#busy.size > 0) {
        this.#stop.abort();
        await this.#running.killAll();
      }
    }
    return this.#broken;
  }

  /** The group cannot go on: only what runs is waited for. */
  readonly #break = (error: unknown) => {
    this.#broken ??= { error };
    this.#halt();
  };

  /** Nothing starts any more, and what runs is asked to stop. */
  readonly #halt = () => {
    this.#stop.abort();
    this.#wake();
  };

  #tell(event: EngineEvent): void {
    this.#events.push(event);
    this.#wake();
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
    for (const each of this.#queue.empty()) {
      // One that waits for its next attempt has begun.
      if (!this.#busy.has(each.state)) continue;
      if (this.#stop.signal.aborted) this.#endRetries(each);
      else this.#queue.push(each);
    }
    if (this.#isGivenUp) {
      this.#graph.clear();
      return;
    }
    this.#isGivenUp = true;
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
    while (this.#events.length < GROUP && this.#queue.hasRoom) {
      const states: CellState[] = [];
      for (let state = this.#graph.takeReady(); state; state = this.#graph.takeReady()) {
        states.push(state);
        if (states.length === GROUP) break;
      }
      if (states.length === 0) return;
      const found = await Promise.all(states.map((state) => this.#lookup.of(state)));
      const at = now();
      for (const [index, state] of states.entries()) this.#take(state, found[index]!, at);
    }
  }

  #take(state: CellState, found: Lookup, at: string): void {
    const step = state.cell.name;
    if ('skip' in found) this.#skip(step, found.skip, (outcome) => this.#graph.end(state, outcome));
    else if ('cached' in found) {
      const { cached: result, keyed } = found;
      this.#events.push({ type: 'step-cached', step, at, inputs: keyed.inputs, result });
      this.#graph.end(state, { as: 'succeeded', outputs: result.outputs });
    } else {
      this.#queue.push({ state, keyed: found.run });
    }
  }

  #skip(step: string, { because, cause, problems, outcome }: Skip, end: (outcome: Outcome) => void): void {
    this.#events.push({ type: 'step-skipped', step, because, cause, ...(problems ? { problems } : {}) });
    if (problems) this.#fail(step);
    end(outcome);
  }

  /** Makes the cells of a step with `foreach`. */
  async #expand(state: StepState): Promise<void> {
    const source = this.#graph.listSource(state);
    const found = await expansionOf(state.step, source, this.#parameters, this.#attempts.content);
    const step = state.step.name;
    if (found.cells) this.#events.push({ type: 'step-expanded', step, cells: found.cells });
    if (found.skip) this.#skip(step, found.skip, (outcome) => this.#graph.expand(state, [], outcome));
    else this.#graph.expand(state, found.cells);
  }

  #begin({ state, keyed, share }: WaitingCell & { share: Share }): void {
    this.#busy.add(state);
    void this.#running.run(state, keyed, share.gpus, this.#stop.signal).then(
      (finished) => {
        this.#ended.push({ state, keyed, share, finished });
        this.#tell(finished);
      },
      (error: unknown) => {
        this.#tokens.release(state.step.step, share);
        this.#busy.delete(state);
        this.#graph.end(state, { as: 'failed', root: state.cell.name });
        this.#break(error);
      },
    );
  }

  /** What follows from an end that is durable now. */
  #settle({ state, keyed, share, finished }: Ended): void {
    if (share) this.#tokens.release(state.step.step, share);
    if (finished.retrying) {
      this.#retrying.set(state, finished);
      void this.#pause({ state, keyed });
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
  async #pause(waiting: WaitingCell): Promise<void> {
    const { step, attempts } = waiting.state;
    const pauseMs = Math.random() * step.step.retries.backoffMs * 2 ** (attempts - 1);
    await sleep(Math.min(pauseMs, LONGEST_PAUSE_MS), this.#stop.signal);
    this.#queue.push(waiting);
    this.#wake();
  }

  /** The run is over before the next attempt: the last one was the last. */
  #endRetries({ state, keyed }: WaitingCell): void {
    const finished = lastWord(this.#retrying.get(state)!, this.#context.cancel.aborted);
    this.#ended.push({ state, keyed, finished });
    this.#tell(finished);
  }
}
