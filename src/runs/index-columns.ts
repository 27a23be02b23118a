/** Runs of which a column keeps the values together. */
export const CHUNK = 4096;

/** Fewer values than these are kept one by one. */
const FEW = 256;
const ENTRY_BYTES = 12;
/** The upper half of what stands for nothing, and for a value that is no number, whose code is the lower half. */
const NOTHING = 0xfff80000;
const CODED = 0xfff80001;
const [LOW, HIGH] = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? [0, 1] : [1, 0];

/**
 * The values of one field by the numbers of runs: numbers as they are, others as codes of a dictionary; both are parts of
 * one list of doubles, in which codes are kinds of NaN.
 */
export class Column {
  /** NaN where a run has no number. */
  readonly numbers: Float64Array;
  readonly #words: Uint32Array;

  constructor(length: number) {
    this.numbers = new Float64Array(length);
    this.#words = new Uint32Array(this.numbers.buffer);
    // NaN as the processor makes it has other halves on some.
    new BigUint64Array(this.numbers.buffer).fill(BigInt(NOTHING) << 32n);
  }

  /** The code of what is no number; 0 where there is none. */
  code(at: number): number {
    return this.#words[at * 2 + HIGH] === CODED ? this.#words[at * 2 + LOW]! : 0;
  }

  /** Marks those whose code is one of these. */
  markCodes(codes: ReadonlySet<number>, marks: Uint8Array): void {
    const words = this.#words;
    const [only = 0] = codes;
    if (codes.size === 0) return;
    if (codes.size === 1) {
      for (let n = 0; n < marks.length; n++)
        if (words[n * 2 + LOW] === only && words[n * 2 + HIGH] === CODED) marks[n] = 1;
      return;
    }
    for (let n = 0; n < marks.length; n++)
      if (words[n * 2 + HIGH] === CODED && codes.has(words[n * 2 + LOW]!)) marks[n] = 1;
  }

  has(at: number): boolean {
    return this.#words[at * 2 + HIGH] !== NOTHING;
  }

  setNumber(at: number, value: number): void {
    this.numbers[at] = value;
  }

  setCode(at: number, code: number): void {
    this.#words[at * 2 + HIGH] = CODED;
    this.#words[at * 2 + LOW] = code;
  }

  clear(at: number): void {
    this.#words[at * 2 + HIGH] = NOTHING;
    this.#words[at * 2 + LOW] = 0;
  }

  /** Takes what {@link encode} gave, from a place on. */
  place(at: number, bytes: Uint8Array): void {
    const room = new Uint8Array(this.numbers.buffer);
    if (bytes.length === CHUNK * 8) {
      room.set(bytes.subarray(0, room.length - at * 8), at * 8);
      return;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let from = 0; from < bytes.length; from += ENTRY_BYTES) {
      const entry = bytes.subarray(from + 4, from + ENTRY_BYTES);
      room.set(entry, (at + view.getUint32(from, true)) * 8);
    }
  }

  /** A whole chunk as bytes; undefined when it holds nothing. */
  encode(): Uint8Array | undefined {
    const room = new Uint8Array(this.numbers.buffer);
    let count = 0;
    for (let at = 0; at < this.numbers.length; at++) if (this.has(at)) count++;
    if (count === 0) return undefined;
    if (count >= FEW) return room;
    const bytes = new Uint8Array(count * ENTRY_BYTES);
    const view = new DataView(bytes.buffer);
    let to = 0;
    for (let at = 0; at < this.numbers.length; at++) {
      if (!this.has(at)) continue;
      view.setUint32(to, at, true);
      bytes.set(room.subarray(at * 8, at * 8 + 8), to + 4);
      to += ENTRY_BYTES;
    }
    return bytes;
  }
}
