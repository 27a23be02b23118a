import { setFlagsFromString } from 'node:v8';

/**
 * Keeps the nursery of the heap at the size with which it starts. Packing makes much garbage and keeps little; by
 * default V8 lets that garbage grow to a hundred megabytes before it looks, and no work is saved by it.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
