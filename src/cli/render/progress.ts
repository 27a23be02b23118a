import type { RunEvent } from '../../operations/run-program.ts';
import type { Cli } from '../cli.ts';
import { RunLines } from './run-lines.ts';
import { StepTails } from './step-tails.ts';

/** Shows a run while it goes on. */
export interface Progress {
  show(event: RunEvent): void;
  /** The last lines that a cell printed, of those that run and the first that failed. */
  tail(cell: string): readonly string[];
  close(): void;
}

/** Reused cells that nothing follows are told after so long. */
const HOLD_MS = 200;

/**
 * A live view on a terminal, plain lines elsewhere, nothing with --quiet. All on stderr. The view is loaded only where
 * it is shown: every other run starts without it.
 */
export async function openProgress(cli: Cli): Promise<Progress> {
  if (cli.live && !cli.quiet) return (await import('../live.ts')).openLive(cli, process.stderr);
  return openLines(cli);
}

function openLines(cli: Cli): Progress {
  const lines = new RunLines({ marks: false, colour: false });
  const tails = new StepTails();
  let timer: NodeJS.Timeout | undefined;
  const say = (told: readonly string[]) => {
    if (told.length > 0) cli.say(told.join('\n'));
  };
  const flush = () => say(lines.flush());
  return {
    show(event) {
      if (event.type === 'run-started') return cli.say(`run ${event.record.id}`);
      tails.take(event);
      say(lines.take(event));
      if (!lines.isHolding) return;
      if (timer) timer.refresh();
      else timer = setTimeout(flush, HOLD_MS).unref();
    },
    tail: (cell) => tails.of(cell),
    close() {
      clearTimeout(timer);
      flush();
    },
  };
}
