import type { EngineEvent } from '../../engines/engine.ts';
import type { RunRecord } from '../../runs/run-record.ts';
import type { Cli } from '../cli.ts';
import { paint, plain, seconds } from './text.ts';

/** Shows a run while it goes on. */
export interface Progress {
  show(event: EngineEvent | { type: 'run-started'; record: RunRecord }): void;
  /** The last lines of the step that is running or ran last. */
  tail(): string[];
  close(): void;
}

const TAIL_LINES = 20;
const FRAME_MS = 120;
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** A live line on a terminal, plain lines elsewhere, nothing with --quiet. All on stderr. */
export function openProgress(cli: Cli): Progress {
  let tail: string[] = [];
  let current: { step: string; startedMs: number } | undefined;
  let timer: NodeJS.Timeout | undefined;
  let frame = 0;
  const live = cli.live && !cli.quiet;

  const clear = () => {
    if (live) process.stderr.write('\r\u001b[2K');
  };
  const draw = () => {
    if (!current) return;
    const width = process.stderr.columns ?? 80;
    const elapsed = seconds(performance.now() - current.startedMs);
    const text = `${FRAMES[frame++ % FRAMES.length]} ${current.step} ${elapsed}  ${plain(tail.at(-1) ?? '')}`;
    process.stderr.write(`\r\u001b[2K${text.slice(0, width - 1)}`);
  };
  const say = (text: string) => {
    clear();
    cli.say(text);
  };
  const stop = () => {
    clearInterval(timer);
    clear();
    current = undefined;
  };

  return {
    show(event) {
      if (event.type === 'run-started') say(`run ${event.record.id}`);
      if (event.type === 'step-started') {
        tail = [];
        if (live) {
          current = { step: event.step, startedMs: performance.now() };
          timer = setInterval(draw, FRAME_MS);
          draw();
        } else
          say(
            `step ${event.step} started${event.attempt > 1 ? ` (attempt ${event.attempt})` : ''}: ${plain(event.command)}`,
          );
      }
      if (event.type === 'step-output') tail = [...tail, ...event.lines].slice(-TAIL_LINES);
      if (event.type === 'step-skipped') say(`step ${event.step} skipped: ${event.because}`);
      if (event.type === 'step-finished') {
        stop();
        const mark =
          event.status === 'succeeded' ? paint('✓', 'green', cli.colour) : paint('✗', 'red', cli.colour);
        const code = event.exitCode ? ` (exit ${event.exitCode})` : '';
        const again = event.retrying ? ', trying again' : '';
        say(
          `${live ? `${mark} ` : ''}step ${event.step} ${event.status}${code} in ${seconds(event.durationMs)}${again}`,
        );
      }
    },
    tail: () => tail,
    close: stop,
  };
}
