import { columnsOf, cut, pad } from './columns.ts';
import type { Counts, RunningCell, RunState, StepProgress } from './run-state.ts';
import { paint, plainLine, seconds } from './text.ts';

/** What a frame is drawn for. */
export interface Canvas {
  columns: number;
  rows: number;
  /** Milliseconds of the clock that the state was told. */
  nowMs: number;
  /** Counted up with each frame. */
  frame: number;
  colour: boolean;
}

/** More than a few lines hide what scrolls by above them. */
const MOST_LINES = 12;
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const GAP = '  ';

/**
 * What a person sees of a run that goes on: the cells that run, what waits for what, and how many are where. Each line
 * is shorter than the terminal is wide, and there are fewer than it has rows.
 */
export function layOut(state: RunState, canvas: Canvas): string[] {
  const most = Math.min(MOST_LINES, canvas.rows - 1);
  const width = canvas.columns - 1;
  if (most < 1 || width < 1) return [];
  // A run of one step is that step.
  if (cellsOf(state.counts) <= 1) return runningLines(state, canvas, most);
  const summary = summaryLine(state, canvas, width);
  const waiting = most < 3 ? '' : waitingLine(state, width);
  const running = runningLines(state, canvas, most - (waiting === '' ? 1 : 2));
  return [...running, ...(waiting === '' ? [] : [paint(waiting, 'dim', canvas.colour)]), summary];
}

function cellsOf(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function runningLines(state: RunState, canvas: Canvas, most: number): string[] {
  const { columns, nowMs, colour } = canvas;
  const cells = [...state.running.values()];
  const shown = cells.length > most ? cells.slice(0, Math.max(0, most - 1)) : cells;
  const names = shown.map(({ name }) => cut(cellLabel(state, name), Math.max(8, Math.floor(columns / 3))));
  const times = shown.map((cell) => timeOf(cell, state.estimateOf(cell.name), nowMs));
  const [nameColumns, timeColumns] = [widest(names), widest(times)];
  const sign = FRAMES[canvas.frame % FRAMES.length]!;
  const lines = shown.map(({ said }, index) => {
    const head = `${sign} ${pad(names[index]!, nameColumns)}${GAP}${pad(times[index]!, timeColumns)}`;
    const whole = cut(head.trimEnd(), columns - 1);
    const room = columns - 1 - columnsOf(head) - GAP.length;
    const text = room < 8 ? '' : cut(lastWords(said), room);
    return text === '' ? whole : `${head}${GAP}${paint(text, 'dim', colour)}`;
  });
  const more = cells.length - shown.length;
  if (more > 0 && most > 0)
    lines.push(cut(shown.length === 0 ? `  ${more} running` : `  and ${more} more running`, columns - 1));
  return lines;
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(columnsOf));
}

/** A cell by its name and its values: `train.3 (seed=3)`. */
export function cellLabel(state: RunState, cell: string): string {
  const values = Object.entries(state.matrixOf(cell)).map(
    ([name, value]) =>
      `${name}=${cut(plainLine(typeof value === 'string' ? value : JSON.stringify(value)), 24)}`,
  );
  return values.length === 0 ? cell : `${cell} (${values.join(', ')})`;
}

function timeOf({ startedMs, attempt }: RunningCell, estimate: number | undefined, nowMs: number): string {
  const again = attempt > 1 ? ` (attempt ${attempt})` : '';
  return `${elapsed(nowMs - startedMs, estimate)}${again}`;
}

function elapsed(ms: number, estimate: number | undefined): string {
  // What takes no time needs no estimate.
  return `${seconds(ms)}${estimate === undefined || estimate < 1000 ? '' : ` of ~${seconds(estimate)}`}`;
}

/** The end of what was printed, without what moves cursors and paints: of a bar that is drawn over itself the last. */
function lastWords(line: string): string {
  const bare = line.replace(/\u001b(\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(\u0007|\u001b\\)?)/g, '');
  const last = bare.split('\r').findLast((part) => part.trim() !== '') ?? '';
  return plainLine(last.replaceAll('\t', ' ').trim());
}

function summaryLine(state: RunState, { nowMs, colour }: Canvas, width: number): string {
  const { done, cached, failed, canceled, skipped, running, waiting } = state.counts;
  const parts: [text: string, count: number, style?: 'red' | 'green'][] = [
    ['done', done, 'green'],
    ['reused', cached],
    ['failed', failed, 'red'],
    ['canceled', canceled],
    ['skipped', skipped],
    ['running', running],
    ['waiting', waiting],
  ];
  const shown = parts.filter(([, count]) => count > 0);
  const time = elapsed(nowMs - state.startedMs, state.estimate(nowMs));
  const text = (painted: boolean) =>
    shown.map(([name, count, style]) => {
      const part = `${name} ${count}`;
      return painted && style ? paint(part, style, colour) : part;
    });
  const plain = [...text(false), time].join(' · ');
  return columnsOf(plain) > width ? cut(plain, width) : [...text(true), time].join(' · ');
}

/** `waiting: evaluate (train.2), report (evaluate) and 12 more`. */
function waitingLine(state: RunState, width: number): string {
  let line = '';
  let left = state.counts.waiting;
  const more = (count: number) => (count === 0 ? '' : ` and ${count} more`);
  for (const step of state.waitingSteps) {
    const next = `${line === '' ? 'waiting: ' : `${line}, `}${waitingText(state, step)}`;
    if (columnsOf(next + more(left - step.waiting)) > width) break;
    line = next;
    left -= step.waiting;
  }
  if (line === '')
    return left === 0 ? '' : cut(`waiting: ${waitingText(state, firstOf(state.waitingSteps)!)}`, width);
  return line + more(left);
}

function waitingText(state: RunState, step: StepProgress): string {
  const what =
    step.waiting > 1
      ? `${step.waiting} of ${step.name}`
      : (firstOf(step.left, (cell) => !state.running.has(cell)) ?? step.name);
  return `${what} (${waitsFor(state, step)})`;
}

/** What a step waits for: cells by name where they are few, steps otherwise; its turn where all it reads is there. */
function waitsFor(state: RunState, step: StepProgress): string {
  const sources = step.after.flatMap((name) => {
    const source = state.steps.get(name);
    return source && source.left.size > 0 ? [source] : [];
  });
  if (sources.length > 0) {
    const names = sources.map(({ name, left }) =>
      left.size <= 2 ? [...left].join(', ') : `${left.size} of ${name}`,
    );
    return names.length > 3
      ? `${names.slice(0, 2).join(', ')} and ${names.length - 2} more`
      : names.join(', ');
  }
  const isLast = step.group === 'finally' && [...state.steps.values()].some(isOpenStep);
  return isLast ? 'all others' : 'its turn';
}

function isOpenStep({ group, left }: StepProgress): boolean {
  return group === 'steps' && left.size > 0;
}

function firstOf<T>(values: Iterable<T>, wanted: (value: T) => boolean = () => true): T | undefined {
  for (const value of values) if (wanted(value)) return value;
  return undefined;
}
