import { waitedCpuSeconds } from './usage.ts';

/** An end that this process has been told of, and what it cost at most. */
interface Reaped {
  seconds: number | undefined;
  done(seconds: number | undefined): void;
}

let running = 0;
let total: number | undefined;
let reaped: Reaped[] = [];

/**
 * Called before a child is started whose CPU time is wanted. Node has no wait4: what the kernel has added up for all
 * children of this process is looked at whenever one has ended.
 */
export function beginChild(): void {
  // What others cost that were waited for since then is not this child's.
  if (running++ === 0) total = waitedCpuSeconds();
}

/**
 * Called as soon as this process is told that such a child has ended, or could not be started.
 * @returns CPU seconds of it and of the descendants that it waited for, in steps of 10 ms; undefined where there is no
 * /proc, or where several ended at once and only their sum is known
 */
export function childEnded(): Promise<number | undefined> {
  running--;
  const before = total;
  total = waitedCpuSeconds();
  const seconds = total === undefined || before === undefined ? undefined : total - before;
  return new Promise((done) => {
    // Those that were waited for together are told of one after another before anything else has its turn.
    if (reaped.push({ seconds, done }) === 1) setImmediate(tell);
  });
}

function tell(): void {
  const together = reaped;
  reaped = [];
  const [first] = together;
  const isKnown = together.length === 1 || first!.seconds === 0;
  for (const { seconds, done } of together) {
    done(isKnown && seconds !== undefined ? Math.round(seconds * 100) / 100 : undefined);
  }
}
