import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes that may pass through buffers before those no longer used are looked for. */
const COLLECT_BYTES = 8 * 2 ** 20;
/** Bytes that may pass before the heap is kept small: work on fewer makes little garbage. */
const SHORT_BYTES = 2 ** 20;

let isSmall = false;
let isLong = false;
let bytesSinceCollection = 0;
let collect: ((options: { type: 'minor' }) => void) | undefined;

/**
 * Keeps the nursery of the heap at the size with which it starts, and lets the rest grow by a fifth between two full
 * collections. Packing makes much garbage and keeps little; by default V8 lets that garbage grow to a hundred megabytes
 * before it looks, and no work is saved by it.
 * @param from `now`, or, for a command that often has next to nothing to do, only once there is long content: V8 takes
 * code that was compiled under other settings for foreign, its own and ours, and what is loaded later has to be compiled
 * anew
 */
export function keepHeapSmall(from: 'now' | 'long content' = 'now'): void {
  isSmall = true;
  if (from === 'now') beginLongWork();
}

/**
 * Called beside work that reads long content into a buffer for each piece: lets go of those that are no longer used. V8
 * goes by the objects it sees, which are few and small, and would keep a hundred megabytes of buffers behind them.
 * Does nothing unless {@link keepHeapSmall} was called.
 * @param bytes how much passed since the last call
 */
export function dropBuffers(bytes: number): void {
  bytesSinceCollection += bytes;
  if (!isSmall || bytesSinceCollection < SHORT_BYTES) return;
  if (!isLong) beginLongWork();
  if (bytesSinceCollection < COLLECT_BYTES) return;
  bytesSinceCollection = 0;
  collect ??= openCollector();
  collect({ type: 'minor' });
}

function beginLongWork(): void {
  isLong = true;
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=20');
}

function openCollector(): (options: { type: 'minor' }) => void {
  setFlagsFromString('--expose-gc');
  // The flag shows in contexts made after it, and this one was made before.
  return runInNewContext('gc');
}
