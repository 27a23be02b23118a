import { monotonicMs } from '../../host/clock.ts';
import { stepEstimates } from '../../operations/step-estimates.ts';
import type { Cli } from '../cli.ts';
import { columnsOf } from './columns.ts';
import { cellLabel, layOut } from './live-layout.ts';
import type { Progress } from './progress.ts';
import { RunLines } from './run-lines.ts';
import { RunState } from './run-state.ts';
import { StepTails } from './step-tails.ts';

const FRAME_MS = 100;
/** What is over sooner needs no view, and no estimate. */
const SILENT_MS = 300;

/** A terminal that a view is drawn on. */
export interface Screen {
  write(text: string): unknown;
  columns?: number;
  rows?: number;
  isTTY?: boolean;
}

/**
 * The view of a run on a terminal: lines that scroll by, and below them a few that are drawn anew in place. Every frame
 * is one write that leaves the cursor visible at the beginning of the last line, so whatever ends this process leaves a
 * terminal to work with.
 */
export function openLive(cli: Cli, screen: Screen): Progress {
  const { say } = cli;
  const tails = new StepTails();
  let state: RunState | undefined;
  const lines = new RunLines({
    marks: true,
    colour: cli.colour,
    label: (cell) => (state ? cellLabel(state, cell) : cell),
  });
  let above: string[] = [];
  let drawn: string[] = [];
  let frame = 0;
  /** Whether a reused cell came since the last frame. */
  let wasHolding = false;
  let beganMs = 0;
  let timer: NodeJS.Timeout | undefined;
  // A terminal that says no size is one of 80 by 24.
  const columns = () => screen.columns || 80;

  /** Goes to where the view begins; a terminal that became narrower has broken its lines. */
  const erase = () => {
    if (drawn.length === 0) return '';
    const up = drawn
      .slice(0, -1)
      .reduce((rows, line) => rows + Math.max(1, Math.ceil(columnsOf(bare(line)) / columns())), 0);
    return `\r${up === 0 ? '' : `\u001b[${up}A`}\u001b[J`;
  };
  const draw = (next: string[]) => {
    if (above.length === 0 && drawn.length === 0 && next.length === 0) return;
    const scrolled = above.map((line) => `${line}\n`).join('');
    screen.write(
      `\u001b[?25l${erase()}${scrolled}${next.join('\n')}${next.length === 0 ? '' : '\r'}\u001b[?25h`,
    );
    above = [];
    drawn = next;
  };
  const render = () => {
    const nowMs = monotonicMs();
    if (!state || nowMs - beganMs < SILENT_MS) return draw([]);
    draw(
      layOut(state, {
        columns: columns(),
        rows: screen.rows || 24,
        nowMs,
        frame: frame++,
        colour: cli.colour,
      }),
    );
  };
  const stop = () => {
    clearInterval(timer);
    above.push(...lines.flush());
    draw([]);
  };
  /** The shell has written below the view since. */
  const onContinued = () => {
    drawn = [];
  };
  const learn = (program: string, run: string) => {
    const learning = setTimeout(() => state?.learn(stepEstimates(cli.ports(), program, run)), SILENT_MS);
    learning.unref();
  };

  cli.say = (text) => {
    above.push(text.replace(/\n$/, ''));
    render();
  };
  process.on('exit', stop);
  process.on('SIGCONT', onContinued);
  return {
    show(event) {
      if (event.type === 'run-started') {
        beganMs = monotonicMs();
        state = new RunState(event.plan, beganMs);
        cli.say(`run ${event.record.id}`);
        timer = setInterval(() => {
          // Cells that are reused one soon after another become one line.
          if (!wasHolding) above.push(...lines.flush());
          wasHolding = false;
          render();
        }, FRAME_MS);
        timer.unref();
        learn(event.record.program.name, event.record.id);
        return;
      }
      tails.take(event);
      state?.take(event, monotonicMs());
      above.push(...lines.take(event));
      wasHolding = lines.isHolding;
    },
    tail: (cell) => tails.of(cell),
    close() {
      process.off('exit', stop);
      process.off('SIGCONT', onContinued);
      stop();
      cli.say = say;
    },
  };
}

/** A line without what paints it. */
function bare(line: string): string {
  return line.replace(/\u001b\[[0-9;]*m/g, '');
}
