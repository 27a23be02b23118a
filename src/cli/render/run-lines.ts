import type { EngineEvent } from '../../engines/engine.ts';
import { paint, plainLine, seconds } from './text.ts';

/** How the lines look: with a mark in front for a terminal, as sentences elsewhere. */
export interface LineStyle {
  marks: boolean;
  colour: boolean;
  /** What a cell is called. */
  label?: (cell: string) => string;
}

/** As many cells that follow one another are named; more become one line. */
const NAMED = 5;
const STEPS_NAMED = 3;

interface Batch {
  /** What they have in common: where they came from, or why they were left out. */
  verb: 'reused' | 'skipped';
  because: string;
  count: number;
  /** The first few, as lines. */
  lines: string[];
  cellsOf: Map<string, number>;
}

/**
 * The lines that stay of a run, event by event. Cells that were reused, or left out for one reason, and follow one
 * another are told once something else happens or {@link RunLines.flush} asks for them: by name, or where they are many
 * as one line.
 */
export class RunLines {
  readonly #style: LineStyle;
  #batch: Batch | undefined;

  constructor(style: LineStyle) {
    this.#style = style;
  }

  /** Whether there is something to {@link flush}. */
  get isHolding(): boolean {
    return this.#batch !== undefined;
  }

  take(event: EngineEvent): string[] {
    if (event.type === 'step-cached') {
      const { run, acceptedFrom } = event.result;
      const accepted = acceptedFrom === undefined ? '' : ', accepted as it is';
      return this.#hold('reused', event.step, '', ` from run ${run.split('-').at(-1)}${accepted}`);
    }
    if (event.type === 'step-skipped')
      return this.#hold('skipped', event.step, event.because, `: ${plainLine(event.because)}`);
    const line = this.#line(event);
    return line === undefined ? [] : [...this.flush(), line];
  }

  /** What was held back. */
  flush(): string[] {
    const batch = this.#batch;
    this.#batch = undefined;
    if (!batch) return [];
    if (batch.count <= NAMED) return batch.lines;
    const { verb, because, count, cellsOf } = batch;
    const [only, ...others] = cellsOf.keys();
    const steps = [...cellsOf].map(([step, cells]) => (cells === 1 ? step : `${cells} of ${step}`));
    const more = steps.length > STEPS_NAMED ? ` and ${steps.length - STEPS_NAMED} more` : '';
    const which = others.length === 0 ? '' : ` (${steps.slice(0, STEPS_NAMED).join(', ')}${more})`;
    const what = others.length === 0 ? `${count} cells of ${only}` : `${count} steps`;
    return [`${this.#mark(verb)}${what} ${verb}${which}${because === '' ? '' : `: ${plainLine(because)}`}`];
  }

  #hold(verb: Batch['verb'], cell: string, because: string, rest: string): string[] {
    const told =
      this.#batch && (this.#batch.verb !== verb || this.#batch.because !== because) ? this.flush() : [];
    this.#batch ??= { verb, because, count: 0, lines: [], cellsOf: new Map() };
    const batch = this.#batch;
    batch.count++;
    const step = cell.replace(/\.[0-9]+$/, '');
    batch.cellsOf.set(step, (batch.cellsOf.get(step) ?? 0) + 1);
    if (batch.count <= NAMED) batch.lines.push(`${this.#mark(verb)}${this.#name(cell)} ${verb}${rest}`);
    return told;
  }

  #line(event: Exclude<EngineEvent, { type: 'step-cached' | 'step-skipped' }>): string | undefined {
    const { marks } = this.#style;
    if (event.type === 'step-started') {
      if (marks) return undefined;
      const attempt = event.attempt > 1 ? ` (attempt ${event.attempt})` : '';
      return `${this.#name(event.step)} started${attempt}: ${plainLine(event.command)}`;
    }
    if (event.type === 'step-expanded')
      return `${this.#mark('has')}${this.#name(event.step)} has ${cells(event.cells.length)}`;
    if (event.type === 'step-output' || event.type === 'step-traced') return undefined;
    const { status, exitCode, signal, durationMs, retrying } = event;
    const how = marks && status === 'succeeded' ? '' : ` ${status}`;
    const code = exitCode ? ` (exit ${exitCode})` : signal ? ` (${signal})` : '';
    const again = retrying ? ', trying again' : '';
    return `${this.#mark(status)}${this.#name(event.step)}${how}${code} in ${seconds(durationMs)}${again}`;
  }

  #name(cell: string): string {
    const { marks, label } = this.#style;
    return marks ? (label?.(cell) ?? cell) : `step ${cell}`;
  }

  #mark(of: string): string {
    const { marks, colour } = this.#style;
    if (!marks) return '';
    if (of === 'succeeded') return `${paint('✓', 'green', colour)} `;
    if (of === 'reused') return `${paint('=', 'green', colour)} `;
    return of === 'skipped' || of === 'has'
      ? `${paint('-', 'dim', colour)} `
      : `${paint('✗', 'red', colour)} `;
  }
}

function cells(count: number): string {
  return count === 1 ? '1 cell' : `${count} cells`;
}
