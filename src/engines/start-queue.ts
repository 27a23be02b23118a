import type { PlannedStep } from '../pipeline/plan.ts';
import { Heap } from '../program/heap.ts';
import type { KeyedCell } from './cell-lookup.ts';
import type { CellState, RunGraph } from './run-graph.ts';
import type { Share, Tokens } from './tokens.ts';

/** Cells that may wait for a place with their keys in memory. */
const LOOK_AHEAD = 1024;

/** A cell that waits for its share of the machine. */
export interface WaitingCell {
  state: CellState;
  keyed: KeyedCell;
}

/** Cells that could start if there were room for them, in plan order. */
export class StartQueue {
  readonly #graph: RunGraph;
  readonly #ranks = new Heap();
  readonly #keyed = new Map<CellState, KeyedCell>();

  constructor(graph: RunGraph) {
    this.#graph = graph;
  }

  get size(): number {
    return this.#ranks.size;
  }

  /** Whether it is worth while to look up more cells. */
  get hasRoom(): boolean {
    return this.#ranks.size < LOOK_AHEAD;
  }

  push({ state, keyed }: WaitingCell): void {
    this.#keyed.set(state, keyed);
    this.#ranks.push(state.rank);
  }

  /** Takes out, one by one, the cells that get their share; one that has to wait lets later ones pass. */
  *start(tokens: Tokens): Generator<WaitingCell & { share: Share }> {
    const waiting: WaitingCell[] = [];
    let blocked: PlannedStep | undefined;
    while (tokens.isPlaceFree) {
      const next = this.#pop();
      if (!next) break;
      const { step } = next.state.step;
      // Cells of one step want the same.
      const share = step === blocked ? undefined : tokens.take(step);
      if (share) yield { ...next, share };
      else {
        blocked = step;
        waiting.push(next);
      }
    }
    for (const each of waiting) this.push(each);
  }

  /** Takes out all of them, in plan order. */
  empty(): WaitingCell[] {
    const all: WaitingCell[] = [];
    for (let next = this.#pop(); next; next = this.#pop()) all.push(next);
    return all;
  }

  #pop(): WaitingCell | undefined {
    const rank = this.#ranks.pop();
    if (rank === undefined) return undefined;
    const state = this.#graph.cellAt(rank);
    const keyed = this.#keyed.get(state)!;
    this.#keyed.delete(state);
    return { state, keyed };
  }
}
