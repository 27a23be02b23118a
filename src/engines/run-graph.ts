import type { Plan, PlannedCell, PlannedStep } from '../pipeline/plan.ts';
import { Heap } from '../program/heap.ts';
import { type Group, groupsOf, newGroup } from './cell-groups.ts';
import type { Artifact } from './engine.ts';

/** What became of a cell, for those that read from it. */
export type Outcome =
  | { as: 'succeeded'; outputs: Record<string, Artifact> }
  /** By its condition or that of a step it reads from. */
  | { as: 'left-out' }
  /** It failed, was stopped, or did not start for the sake of the cell named here. */
  | { as: 'failed'; root: string };

/** One cell of a run, and how far it is. */
export interface CellState {
  step: StepState;
  cell: PlannedCell;
  /** Its place in the order of the plan. */
  rank: number;
  /** What its inputs from other steps are made of. */
  sources: Record<string, { group: Group; itself: boolean }>;
  notEnded: number;
  readBy: Group[];
  /** Attempts that have begun. */
  attempts: number;
  outcome?: Outcome;
}

/** One step of a run. Its cells are undefined until the list of its `foreach` is known. */
export interface StepState {
  step: PlannedStep;
  rank: number;
  cells?: CellState[];
  /** What became of a step that never got any cells. */
  outcome?: Outcome;
  isLinked: boolean;
  /** Steps that cannot be linked before this one has cells. */
  linkAfter: StepState[];
}

/** Room for the cells of one step between the ranks of two steps: 100,000 (spec SAME-PIP-033), rounded up. */
const RANKS_OF_STEP = 2 ** 17;

/**
 * The cells of a run and which of them wait for which: O(V+E), however many cells read from how many. What is ready
 * comes out in plan order.
 */
export class RunGraph {
  readonly steps: StepState[];
  /** Steps whose list can be read now. */
  readonly expandable: StepState[] = [];
  readonly #byName: Map<string, StepState>;
  readonly #ready = new Heap();

  constructor(plan: Plan) {
    this.steps = plan.steps.map((step, index) => ({
      step,
      rank: index * RANKS_OF_STEP,
      isLinked: false,
      linkAfter: [],
    }));
    this.#byName = new Map(this.steps.map((state) => [state.step.name, state]));
  }

  /** Begins with the steps of one group; those of the other are looked at only where these read from them. */
  begin(group: PlannedStep['group']): void {
    for (const state of this.steps) {
      if (state.step.group !== group) continue;
      if (state.step.foreach === undefined) this.#setCells(state, state.step.cells);
      else this.#awaitList(state, state.step.foreach.step);
    }
  }

  get readyCount(): number {
    return this.#ready.size;
  }

  /** The first cell in plan order for which everything it reads from has ended. */
  takeReady(): CellState | undefined {
    for (;;) {
      const rank = this.#ready.pop();
      if (rank === undefined) return undefined;
      const state = this.cellAt(rank);
      if (!state.outcome) return state;
    }
  }

  /** The cell of a rank that a cell has. */
  cellAt(rank: number): CellState {
    return this.steps[Math.floor(rank / RANKS_OF_STEP)]!.cells![rank % RANKS_OF_STEP]!;
  }

  /** The step that a list comes from. */
  listSource({ step }: StepState): StepState | undefined {
    return step.foreach && this.#byName.get(step.foreach.step);
  }

  /** Gives a step with `foreach` its cells, or says why there are none. */
  expand(state: StepState, cells: PlannedCell[], outcome?: Outcome): void {
    if (outcome) state.outcome = outcome;
    this.#setCells(state, cells);
  }

  /** Says what became of a cell: others that wait for it may be ready then. */
  end(state: CellState, outcome: Outcome): void {
    state.outcome = outcome;
    for (const group of state.readBy) {
      if (outcome.as === 'succeeded') group.succeeded++;
      if (outcome.as === 'failed') group.failed ??= outcome;
      if (--group.notEnded > 0) continue;
      for (const reader of group.waiting) {
        if (--reader.notEnded === 0) this.#makeReady(reader);
      }
    }
  }

  /**
   * Gives up what has not ended, in plan order; nothing becomes ready by that. It looks at every cell: once is enough, and
   * then {@link RunGraph.clear}.
   * @param busy cells of which an attempt runs or will: they end by themselves
   * @returns the names of the cells, and of steps that never got any
   */
  *giveUp(group: PlannedStep['group'], busy: ReadonlySet<CellState>, outcome: Outcome): Generator<string> {
    for (const state of this.steps) {
      if (state.step.group !== group) continue;
      if (!state.cells) {
        state.cells = [];
        state.outcome = outcome;
        yield state.step.name;
        continue;
      }
      for (const cell of state.cells) {
        if (cell.outcome || busy.has(cell)) continue;
        this.end(cell, outcome);
        yield cell.cell.name;
      }
    }
    this.clear();
  }

  /** Forgets what became ready: nothing begins any more. */
  clear(): void {
    while (this.#ready.pop() !== undefined);
    this.expandable.length = 0;
  }

  #setCells(state: StepState, cells: readonly PlannedCell[]): void {
    state.cells = cells.map((cell, number) => newCell(state, cell, state.rank + number));
    this.#link(state);
    if (state.linkAfter.length > 0) for (const later of state.linkAfter.splice(0)) this.#link(later);
  }

  /** A step with `foreach` waits for the cell that writes its list like a reader of it. */
  #awaitList(state: StepState, source: string): void {
    const from = this.#byName.get(source);
    if (from && !from.cells && !from.outcome) {
      from.linkAfter.push(state);
      return;
    }
    const writer = from?.cells?.[0];
    if (!writer || writer.outcome) {
      this.expandable.push(state);
      return;
    }
    // It stands for the step until that has cells.
    const reader: CellState = { ...newCell(state, { name: state.step.name, matrix: {} }, -1), notEnded: 1 };
    writer.readBy.push({ ...newGroup(source, [{ number: 0, state: writer }]), waiting: [reader] });
  }

  /** Finds what each cell reads from, once the cells of all those steps are known. */
  #link(state: StepState): void {
    const { step, cells } = state;
    if (state.isLinked) return;
    if (!cells) {
      this.#awaitList(state, step.foreach!.step);
      return;
    }
    for (const name in step.inputs) {
      const { from } = step.inputs[name]!;
      const source = 'step' in from ? this.#byName.get(from.step) : undefined;
      if (!source || source.cells) continue;
      source.linkAfter.push(state);
      return;
    }
    state.isLinked = true;
    for (const name in step.inputs) {
      const input = step.inputs[name]!;
      if (!('step' in input.from)) continue;
      const groupOf = groupsOf(input, input.from.step, this.#byName.get(input.from.step));
      for (const cell of cells) {
        if (cell.cell.skipped !== undefined) continue;
        const source = groupOf(cell.cell);
        cell.sources[name] = source;
        if (source.group.notEnded === 0) continue;
        source.group.waiting.push(cell);
        cell.notEnded++;
      }
    }
    for (const cell of cells) if (cell.notEnded === 0) this.#ready.push(cell.rank);
  }

  #makeReady(state: CellState): void {
    if (state.rank < 0) this.expandable.push(state.step);
    else this.#ready.push(state.rank);
  }
}

function newCell(step: StepState, cell: PlannedCell, rank: number): CellState {
  return { step, cell, rank, sources: {}, notEnded: 0, readBy: [], attempts: 0 };
}
