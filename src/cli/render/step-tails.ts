import type { EngineEvent } from '../../engines/engine.ts';

const TAIL_LINES = 20;
/** Of so many cells that failed the lines are kept: nobody reads more. */
const FAILED_KEPT = 8;

/** The last lines of each cell that runs, and of those that did not succeed. */
export class StepTails {
  readonly #lines = new Map<string, string[]>();
  #failed = 0;

  take(event: EngineEvent): void {
    if (event.type === 'step-started') this.#lines.set(event.step, []);
    else if (event.type === 'step-output') {
      const lines = this.#lines.get(event.step) ?? [];
      lines.push(...event.lines.slice(-TAIL_LINES));
      this.#lines.set(event.step, lines.slice(-TAIL_LINES));
    } else if (event.type === 'step-finished' && !event.retrying) {
      if (event.status === 'succeeded' || ++this.#failed > FAILED_KEPT) this.#lines.delete(event.step);
    }
  }

  /** The last lines that a cell printed in its last attempt. */
  of(cell: string): readonly string[] {
    return this.#lines.get(cell) ?? [];
  }
}
