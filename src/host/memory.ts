import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes that may pass through buffers before those no longer used are looked for. */
const COLLECT_BYTES = 8 * 2 ** 20;

let isSmall = false;
let bytesSinceCollection = 0;
let collect: ((options: { type: 'minor' }) => void) | undefined;

/**
 * Keeps the nursery of the heap at the size with which it starts, and lets the rest grow by a fifth between two full
 * collections. Packing makes much garbage and keeps little; by default V8 lets that garbage grow to a hundred megabytes
 * before it looks, and no work is saved by it.
 */
export function keepHeapSmall(): void {
  isSmall = true;
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=20');
}

/**
 * Called beside work that reads long content into a buffer for each piece: lets go of those that are no longer used. V8
 * goes by the objects it sees, which are few and small, and would keep a hundred megabytes of buffers behind them.
 * Does nothing unless {@link keepHeapSmall} was called.
 * @param bytes how much passed since the last call
 */
export function dropBuffers(bytes: number): void {
  bytesSinceCollection += bytes;
  if (!isSmall || bytesSinceCollection < COLLECT_BYTES) return;
  bytesSinceCollection = 0;
  collect ??= openCollector();
  collect({ type: 'minor' });
}

function openCollector(): (options: { type: 'minor' }) => void {
  setFlagsFromString('--expose-gc');
  // The flag shows in contexts made after it, and this one was made before.
  return runInNewContext('gc');
}
