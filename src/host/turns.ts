import { SameError } from '../errors/same-error.ts';
import { monotonicMs } from './clock.ts';
import { dropBuffers } from './memory.ts';

/** Work between two looks at the clock. */
const LOOK_BYTES = 2 ** 20;
/** A call costs something however few bytes it is for. */
const CALL_BYTES = 4096;
/** How long signals and timers may be kept waiting. */
const TURN_MS = 50;

let bytesSinceLook = 0;
let lastTurnMs = 0;

/**
 * Called beside long work that never waits by itself, hashing above all: lets signals and timers have their turn often
 * enough that Ctrl-C is heard at once.
 * @param bytes how much was worked on since the last call
 * @throws SAME1903 once the signal is aborted
 */
export async function turn(bytes: number, signal?: AbortSignal): Promise<void> {
  stopIfAborted(signal);
  dropBuffers(bytes);
  bytesSinceLook += bytes + CALL_BYTES;
  if (bytesSinceLook < LOOK_BYTES) return;
  bytesSinceLook = 0;
  if (monotonicMs() - lastTurnMs >= TURN_MS) await nextTurn(signal);
}

/** Lets signals and timers have their turn now: before what cannot be taken back. @throws SAME1903 */
export async function nextTurn(signal?: AbortSignal): Promise<void> {
  await new Promise((done) => setImmediate(done));
  lastTurnMs = monotonicMs();
  stopIfAborted(signal);
}

/**
 * The same chunks, with turns between them.
 * @param count told the length of each
 * @throws SAME1903 once the signal is aborted
 */
export async function* inTurns<T extends Uint8Array>(
  chunks: AsyncIterable<T> | Iterable<T>,
  signal?: AbortSignal,
  count?: (bytes: number) => void,
): AsyncGenerator<T, void, undefined> {
  for await (const chunk of chunks) {
    count?.(chunk.length);
    await turn(chunk.length, signal);
    yield chunk;
  }
}

function stopIfAborted(signal?: AbortSignal): void {
  if (signal?.aborted) throw new SameError({ code: 'SAME1903', message: 'interrupted' });
}
