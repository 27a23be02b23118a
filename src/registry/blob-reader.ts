import type { OpenBlob } from './registry.ts';

/**
 * A blob's bytes in stretches, one after another, from one reading as long as they follow each other; a stretch that does
 * not begins a new one. So a blob that goes out in pieces is read and checked once.
 */
export class BlobReader {
  readonly #open: OpenBlob;
  readonly #sizeBytes: number;
  #chunks: AsyncIterator<Uint8Array> | undefined;
  #rest: Uint8Array | undefined;
  #at = 0;
  #failure: { error: unknown } | undefined;

  constructor(open: OpenBlob, sizeBytes: number) {
    this.#open = open;
    this.#sizeBytes = sizeBytes;
  }

  /** `sizeBytes` bytes from `startBytes` on; the last stretch ends when the reading does, which may refuse it. */
  async *take(startBytes: number, sizeBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
    if (!this.#chunks || this.#at !== startBytes) {
      await this[Symbol.asyncDispose]();
      this.#chunks = (await this.#heard(async () => this.#open(startBytes)))[Symbol.asyncIterator]();
      this.#at = startBytes;
    }
    const end = startBytes + sizeBytes;
    let isWhole = false;
    try {
      while (this.#at < end) {
        const chunk = this.#rest ?? (await this.#next());
        if (!chunk) break;
        const piece = chunk.subarray(0, end - this.#at);
        this.#rest = piece.length < chunk.length ? chunk.subarray(piece.length) : undefined;
        this.#at += piece.length;
        // What comes after the last byte is the reading's own verdict: it must be heard before the byte is sent.
        if (this.#at === this.#sizeBytes && (await this.#next()))
          throw new RangeError('the blob has more bytes');
        yield piece;
      }
      isWhole = true;
    } finally {
      if (!isWhole) await this[Symbol.asyncDispose]();
    }
  }

  /** Throws what went wrong at the side that is read: trying again at the other side does not help. */
  throwIfFailed(): void {
    if (this.#failure) throw this.#failure.error;
  }

  async #heard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  async #next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const { value, done } = await this.#heard(() => this.#chunks!.next());
      if (done) return undefined;
      if (value.length > 0) return value;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const chunks = this.#chunks;
    this.#chunks = undefined;
    this.#rest = undefined;
    await chunks?.return?.();
  }
}
