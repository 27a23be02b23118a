import { dropBuffers } from './memory.ts';

/**
 * Measured: a pull of 1 GiB costs an eighth more with half of it, and with twice as much, which a core's cache does not
 * hold while it comes, is hashed and written.
 */
export const BLOCK_BYTES = 512 * 1024;
/** What lies ready for the next: connections are few at a time, and each has two or three under way. */
const MOST_FREE = 8;
const BLOCKS = Symbol.for('same.blocks');

interface Blocks {
  /** Handed out and not given back. */
  taken: WeakSet<ArrayBufferLike>;
  free: Buffer<ArrayBuffer>[];
}

/** Of the process, for the command's files have a copy of this module each. */
const shared = globalThis as { [BLOCKS]?: Blocks };
shared[BLOCKS] ??= { taken: new WeakSet(), free: [] };
const { taken, free } = shared[BLOCKS];

/**
 * A block of memory for long content that passes through: of those that were given back, where there is one. New memory
 * for every block would cost as much as to hash it: the system clears it, page by page, and V8 has to find out when it
 * is no longer used.
 */
export function takeBlock(): Buffer<ArrayBuffer> {
  const block = free.pop() ?? newBlock();
  taken.add(block.buffer);
  return block;
}

/**
 * Gives a block back, by its last reader: nobody may look at it any more. What is no whole block of {@link takeBlock} is
 * left to the collector.
 */
export function giveBack(bytes: Uint8Array): void {
  if (bytes.length !== BLOCK_BYTES || !taken.delete(bytes.buffer) || free.length >= MOST_FREE) return;
  free.push(Buffer.from(bytes.buffer as ArrayBuffer));
}

function newBlock(): Buffer<ArrayBuffer> {
  dropBuffers(BLOCK_BYTES);
  return Buffer.allocUnsafeSlow(BLOCK_BYTES);
}
