import type { StepEstimates } from '../../operations/step-estimates.ts';
import type { RunningCell, StepProgress } from './run-state.ts';

/** How long a run is expected to take in all; nothing where a step is new. */
export type Estimate = number | undefined;

/** Looking at every step anew is worth it so often. */
const RENEW_MS = 1000;

/** How long cells and the whole of a run will take, by what earlier runs and the cells of this one took. */
export class RunEstimate {
  readonly #steps: ReadonlyMap<string, StepProgress>;
  #earlier: StepEstimates = { cells: new Map(), steps: new Map() };
  readonly #here = new Map<string, { cells: number; sumMs: number }>();
  #mostRunning = 1;
  #known: { atMs: number; inAll: Estimate } | undefined;

  constructor(steps: ReadonlyMap<string, StepProgress>) {
    this.#steps = steps;
  }

  learn(estimates: StepEstimates): void {
    this.#earlier = estimates;
    this.#known = undefined;
  }

  /** A cell of a step took so long in this run, or in the one whose result stands in for it. */
  note(step: string, durationMs: number): void {
    const sum = this.#here.get(step) ?? { cells: 0, sumMs: 0 };
    this.#here.set(step, { cells: sum.cells + 1, sumMs: sum.sumMs + durationMs });
  }

  noteRunning(cells: number): void {
    this.#mostRunning = Math.max(this.#mostRunning, cells);
  }

  ofCell(cell: string, step: string): Estimate {
    return this.#earlier.cells.get(cell) ?? this.#ofStep(step);
  }

  /** What is left to do shared by as many cells at a time as there were, but no shorter than what must follow one another. */
  ofRun(
    { startedMs, running }: { startedMs: number; running: ReadonlyMap<string, RunningCell> },
    nowMs: number,
  ): Estimate {
    if (this.#known && nowMs - this.#known.atMs < RENEW_MS) return this.#known.inAll;
    const restMs = this.#rest(running, nowMs);
    const inAll = restMs === undefined ? undefined : nowMs - startedMs + restMs;
    this.#known = { atMs: nowMs, inAll };
    return inAll;
  }

  #rest(running: ReadonlyMap<string, RunningCell>, nowMs: number): Estimate {
    const longestOf = new Map<string, number>();
    let workMs = 0;
    for (const { name, step, startedMs } of running.values()) {
      const expected = this.ofCell(name, step);
      if (expected === undefined) return undefined;
      const leftMs = Math.max(0, expected - (nowMs - startedMs));
      longestOf.set(step, Math.max(longestOf.get(step) ?? 0, leftMs));
      workMs += leftMs;
    }
    const endOf = new Map<string, number>();
    let lastEndMs = 0;
    for (const { name, after, left, waiting } of this.#steps.values()) {
      if (left.size === 0) continue;
      const each = waiting === 0 ? 0 : this.#ofStep(name);
      if (each === undefined) return undefined;
      workMs += waiting * each;
      const beginMs = Math.max(0, ...after.map((source) => endOf.get(source) ?? 0));
      const endMs = beginMs + Math.max(each, longestOf.get(name) ?? 0);
      endOf.set(name, endMs);
      lastEndMs = Math.max(lastEndMs, endMs);
    }
    return Math.max(lastEndMs, workMs / this.#mostRunning);
  }

  #ofStep(step: string): Estimate {
    const here = this.#here.get(step);
    return here ? here.sumMs / here.cells : this.#earlier.steps.get(step);
  }
}
