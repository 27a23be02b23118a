import type { EngineEvent } from '../../engines/engine.ts';
import type { StepEstimates } from '../../operations/step-estimates.ts';
import type { Plan, PlannedCell } from '../../pipeline/plan.ts';
import { type Estimate, RunEstimate } from './run-estimate.ts';

/** A cell of which an attempt runs. */
export interface RunningCell {
  name: string;
  step: string;
  startedMs: number;
  attempt: number;
  /** The last line it printed. */
  said: string;
}

/** One step of a run that goes on. */
export interface StepProgress {
  name: string;
  group: 'steps' | 'finally';
  /** Steps whose outputs it reads, and the one that writes its list. */
  after: readonly string[];
  /** Whether its cells are numbered. */
  hasCells: boolean;
  /** Names of cells that have not ended. */
  left: Set<string>;
  /** How many of those do not run. */
  waiting: number;
}

/** How many cells of a run are where. */
export interface Counts {
  done: number;
  cached: number;
  failed: number;
  canceled: number;
  skipped: number;
  running: number;
  waiting: number;
}

const ENDS = { succeeded: 'done', failed: 'failed', timeout: 'failed', canceled: 'canceled' } as const;

/**
 * How far a run is: what its events make of its plan. Pure; instants are milliseconds of one clock. An event costs the
 * same however many cells there are.
 */
export class RunState {
  readonly counts: Counts = {
    done: 0,
    cached: 0,
    failed: 0,
    canceled: 0,
    skipped: 0,
    running: 0,
    waiting: 0,
  };
  /** In the order in which they began. */
  readonly running = new Map<string, RunningCell>();
  readonly steps = new Map<string, StepProgress>();
  /** Steps of which cells wait, in plan order. */
  readonly waitingSteps = new Set<StepProgress>();
  readonly startedMs: number;
  readonly #stepOf = new Map<string, StepProgress>();
  readonly #matrixOf = new Map<string, PlannedCell['matrix']>();
  readonly #estimate: RunEstimate;

  /** @param plan every cell of it waits */
  constructor(plan: Pick<Plan, 'steps'>, startedMs: number) {
    this.startedMs = startedMs;
    for (const { name, group, after, foreach, cells } of plan.steps) {
      const step: StepProgress = {
        name,
        group,
        after: foreach && !after.includes(foreach.step) ? [...after, foreach.step] : after,
        hasCells: foreach !== undefined || (cells[0] !== undefined && cells[0].name !== name),
        left: new Set(),
        waiting: 0,
      };
      this.steps.set(name, step);
      this.#addCells(step, foreach ? [{ name, matrix: {} }] : cells);
    }
    this.#estimate = new RunEstimate(this.steps);
  }

  /** How long cells took in earlier runs. */
  learn(estimates: StepEstimates): void {
    this.#estimate.learn(estimates);
  }

  /** The values of a cell's dimensions. */
  matrixOf(cell: string): PlannedCell['matrix'] {
    return this.#matrixOf.get(cell) ?? {};
  }

  /** How long a cell is expected to take in all. */
  estimateOf(cell: string): number | undefined {
    return this.#estimate.ofCell(cell, this.#stepOf.get(cell)?.name ?? cell);
  }

  /** How long the whole run is expected to take. */
  estimate(nowMs: number): Estimate {
    return this.#estimate.ofRun(this, nowMs);
  }

  /** Notes what an event says; of a cell that is not in the plan, nothing. */
  take(event: EngineEvent, nowMs: number): void {
    const step = this.#stepOf.get(event.step);
    if (!step) return;
    const { step: cell } = event;
    if (event.type === 'step-output') {
      const running = this.running.get(cell);
      if (running) running.said = event.lines.findLast((line) => line.trim() !== '') ?? running.said;
    } else if (event.type === 'step-started') {
      if (!this.running.has(cell)) this.#wait(step, -1);
      const { attempt } = event;
      this.running.set(cell, { name: cell, step: step.name, startedMs: nowMs, attempt, said: '' });
    } else if (event.type === 'step-finished') {
      // What could not even be started has not begun either.
      if (!this.running.delete(cell)) this.#wait(step, -1);
      if (event.retrying) this.#wait(step, 1);
      else this.#end(step, cell, ENDS[event.status]);
      if (event.status === 'succeeded') this.#estimate.note(step.name, event.durationMs);
    } else if (event.type === 'step-cached') {
      this.#wait(step, -1);
      this.#end(step, cell, 'cached');
      this.#estimate.note(step.name, event.result.durationMs);
    } else if (event.type === 'step-skipped') {
      this.#wait(step, -1);
      this.#end(step, cell, event.problems?.length ? 'failed' : 'skipped');
    } else if (event.type === 'step-expanded' && event.cells.length > 0) {
      step.left.delete(cell);
      this.#wait(step, -1);
      this.#addCells(step, event.cells);
    }
    this.counts.running = this.running.size;
    this.#estimate.noteRunning(this.running.size);
  }

  #addCells(step: StepProgress, cells: readonly Pick<PlannedCell, 'name' | 'matrix'>[]): void {
    for (const { name, matrix } of cells) {
      step.left.add(name);
      this.#stepOf.set(name, step);
      this.#matrixOf.set(name, matrix);
    }
    this.#wait(step, cells.length);
  }

  #wait(step: StepProgress, change: number): void {
    step.waiting += change;
    this.counts.waiting += change;
    if (step.waiting > 0) this.waitingSteps.add(step);
    else this.waitingSteps.delete(step);
  }

  #end(step: StepProgress, cell: string, as: Exclude<keyof Counts, 'running' | 'waiting'>): void {
    step.left.delete(cell);
    this.counts[as]++;
  }
}
