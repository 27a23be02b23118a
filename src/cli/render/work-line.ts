import { readSoFar, type Tally } from '../../host/tally.ts';
import type { Cli } from '../cli.ts';
import { plainLine } from './text.ts';

/** Work that is done sooner needs no words. */
const SILENT_MS = 1000;
const REDRAW_MS = 250;

/**
 * Does long work and says on a terminal how far it has come, in one line of stderr that is gone at the end. Says nothing
 * elsewhere, with `--json` or `--quiet`.
 * @param what what is being done, like `packing`; `file` when the file that the user named is read, `after` once that is
 */
export async function telling<T>(
  cli: Cli,
  what: { doing: string; file?: string; after?: string },
  work: () => Promise<T>,
  write: (text: string) => void = (text) => process.stderr.write(text),
): Promise<T> {
  if (!cli.live || cli.json || cli.quiet) return work();
  const { say } = cli;
  let isShown = false;
  const clear = () => {
    if (isShown) write('\r\u001b[2K');
    isShown = false;
  };
  const draw = () => {
    const width = process.stderr.columns || 80;
    write(`\r\u001b[2K${workLine(what, readSoFar()).slice(0, width - 1)}`);
    isShown = true;
  };
  let timer = setTimeout(() => {
    draw();
    timer = setInterval(draw, REDRAW_MS);
  }, SILENT_MS);
  cli.say = (text) => {
    clear();
    say(text);
  };
  try {
    return await work();
  } finally {
    // Both kinds of timer are stopped by either.
    clearTimeout(timer);
    clear();
    cli.say = say;
  }
}

/** The line: `checking ./f.tgz: 1.2 GiB of 4.0 GiB`, `packing: 1.2 GiB`. */
export function workLine(what: { doing: string; file?: string; after?: string }, tally: Tally): string {
  const { file } = tally;
  if (what.file === undefined || !file) return `${plainLine(what.doing)}: ${size(tally.bytes)}`;
  if (file.bytes >= file.sizeBytes && what.after !== undefined && tally.bytes > file.bytes)
    return `${plainLine(what.after)}: ${size(tally.bytes - file.bytes)}`;
  return `${plainLine(what.doing)}: ${size(file.bytes)} of ${size(file.sizeBytes)}`;
}

function size(bytes: number): string {
  return bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(0)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
