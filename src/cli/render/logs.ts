import { SameError } from '../../errors/same-error.ts';
import type { Log } from '../../operations/read-logs.ts';
import { plainLine } from './text.ts';

/** How many lines of each log are wanted; all without a number. @throws SAME1902 */
export function lastLines(tail: string | undefined): number {
  if (tail === undefined) return Number.POSITIVE_INFINITY;
  if (/^[0-9]{1,9}$/.test(tail)) return Number(tail);
  throw new SameError({
    code: 'SAME1902',
    message: `--tail takes a number of lines, got ${JSON.stringify(tail)}`,
    place: '--tail',
  });
}

/** Hands on the last lines of what comes first of each log, and all that follows. */
export function beginningLate(lines: number, write: (log: Log) => void): (log: Log) => void {
  const begun = new Set<string>();
  return (log) => {
    const of = `${log.step}.${log.attempt}.${log.stream}`;
    const { bytes } = log;
    let from = begun.has(of) || !Number.isFinite(lines) ? 0 : bytes.length;
    begun.add(of);
    // A line feed that ends the last line begins none.
    for (let left = lines, at = bytes.length - 1; from > 0 && left > 0; left--) {
      at = at > 0 ? bytes.lastIndexOf(0x0a, at - 1) : -1;
      from = at + 1;
    }
    write({ ...log, bytes: bytes.subarray(from) });
  };
}

/** Prints pieces of logs, each stream to its own; where they are of several steps, below headings as those of tail. */
export function printer(isOfMany: boolean): (log: Log) => void {
  const last = { stdout: { of: '', isWhole: true }, stderr: { of: '', isWhole: true } };
  return ({ step, stream, bytes }) => {
    if (bytes.length === 0) return;
    const of = `${plainLine(step)}.${stream}`;
    // On a terminal both streams are one.
    const ends = process.stdout.isTTY ? [last.stdout, last.stderr] : [last[stream]];
    if (isOfMany && ends[0]!.of !== of)
      process[stream].write(`${ends[0]!.isWhole ? '' : '\n'}==> ${of} <==\n`);
    for (const end of ends) Object.assign(end, { of, isWhole: bytes.at(-1) === 0x0a });
    process[stream].write(bytes);
  };
}
