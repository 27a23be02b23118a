import type { OpenBlob } from './registry.ts';

/** One reading of a blob, from some offset to where it is now. */
interface Reading {
  chunks: AsyncIterator<Uint8Array>;
  /** What of the last chunk nobody took yet. */
  rest?: Uint8Array | undefined;
  at: number;
  /** A stretch is being taken from it: by a request that may have failed already, and does not know yet. */
  isTaken: boolean;
}

/**
 * A blob's bytes in stretches, one after another, from one reading as long as they follow each other; a stretch that does
 * not begins a new one. So a blob that goes out in pieces is read and checked once.
 */
export class BlobReader {
  readonly #open: OpenBlob;
  readonly #sizeBytes: number;
  #reading: Reading | undefined;
  #failure: { error: unknown } | undefined;

  constructor(open: OpenBlob, sizeBytes: number) {
    this.#open = open;
    this.#sizeBytes = sizeBytes;
  }

  /** `sizeBytes` bytes from `startBytes` on; the last stretch ends when the reading does, which may refuse it. */
  async *take(startBytes: number, sizeBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
    const reading = await this.#readingAt(startBytes);
    reading.isTaken = true;
    const end = startBytes + sizeBytes;
    let isWhole = false;
    try {
      while (reading.at < end) {
        const chunk = reading.rest ?? (await this.#next(reading));
        if (!chunk) break;
        const piece = chunk.subarray(0, end - reading.at);
        reading.rest = piece.length < chunk.length ? chunk.subarray(piece.length) : undefined;
        reading.at += piece.length;
        // What comes after the last byte is the reading's own verdict: it must be heard before the byte is sent.
        if (reading.at === this.#sizeBytes && (await this.#next(reading)))
          throw new RangeError('the blob has more bytes');
        yield piece;
      }
      isWhole = true;
    } finally {
      reading.isTaken = false;
      if (!isWhole) await this.#leave(reading);
    }
  }

  /** Throws what went wrong at the side that is read: trying again at the other side does not help. */
  throwIfFailed(): void {
    if (this.#failure) throw this.#failure.error;
  }

  async #readingAt(startBytes: number): Promise<Reading> {
    const last = this.#reading;
    if (last?.at === startBytes && !last.isTaken) return last;
    this.#reading = undefined;
    // One that is being taken from is left by its taker.
    if (last && !last.isTaken) await this.#leave(last);
    try {
      const chunks = (await this.#open(startBytes))[Symbol.asyncIterator]();
      this.#reading = { chunks, at: startBytes, isTaken: false };
      return this.#reading;
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  async #next(reading: Reading): Promise<Uint8Array | undefined> {
    for (;;) {
      try {
        const { value, done } = await reading.chunks.next();
        if (done) return undefined;
        if (value.length > 0) return value;
      } catch (error) {
        // Of a reading that was left nobody wants to know how it ended.
        if (this.#reading === reading) this.#failure = { error };
        throw error;
      }
    }
  }

  async #leave(reading: Reading): Promise<void> {
    if (this.#reading === reading) this.#reading = undefined;
    await reading.chunks.return?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#reading) await this.#leave(this.#reading);
  }
}
