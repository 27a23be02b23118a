/** Runs of which a column keeps the values together. */
export const CHUNK = 4096;

/** Fewer values than these are kept one by one; fewer distinct ones each once. */
const FEW = 256;
const ENTRY_BYTES = 12;
const HASH_SHIFT = 22;
const HASHES = 2 ** (32 - HASH_SHIFT);
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
  readonly numbers: Float64Array<ArrayBuffer>;
  readonly #words: Uint32Array;

  /** @param of how many runs, none of which has a value; or the values, which are used as they are */
  constructor(of: number | Float64Array<ArrayBuffer>) {
    this.numbers = typeof of === 'number' ? new Float64Array(of) : of;
    this.#words = new Uint32Array(this.numbers.buffer, this.numbers.byteOffset, this.numbers.length * 2);
    // NaN as the processor makes it has other halves on some.
    if (typeof of === 'number') new BigUint64Array(this.numbers.buffer).fill(BigInt(NOTHING) << 32n);
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

  /** Takes a chunk's values, from a place on. */
  place(from: number, { values, indexes }: Chunk): void {
    const words = values.#words;
    const length = Math.min(CHUNK, this.numbers.length - from);
    if (!indexes) this.#words.set(words.subarray(0, length * 2), from * 2);
    else
      for (let n = 0; n < length; n++) {
        this.#words[(from + n) * 2] = words[indexes[n]! * 2]!;
        this.#words[(from + n) * 2 + 1] = words[indexes[n]! * 2 + 1]!;
      }
  }

  /** A whole chunk as bytes, for {@link chunkOf}; undefined when it holds nothing. */
  encode(): Uint8Array | undefined {
    let count = 0;
    for (let at = 0; at < this.numbers.length; at++) if (this.has(at)) count++;
    if (count === 0) return undefined;
    if (count < FEW) return this.#encodeFew(count);
    return this.#encodeRepeated() ?? bytesOf(this.numbers);
  }

  #encodeFew(count: number): Uint8Array {
    const room = bytesOf(this.numbers);
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

  /** The values that there are, each once, and after them the place of each run's among them; where they are few. */
  #encodeRepeated(): Uint8Array | undefined {
    const words = this.#words;
    const distinct = new Uint32Array(FEW * 2);
    const indexes = new Uint8Array(CHUNK);
    // By a hash of its halves: 1 more than the place of a value, 0 for none.
    const places = new Uint16Array(HASHES);
    let count = 0;
    for (let n = 0; n < CHUNK; n++) {
      const [one, other] = [words[n * 2]!, words[n * 2 + 1]!];
      let at = Math.imul(one ^ Math.imul(other, 0x85ebca6b), 0x9e3779b1) >>> HASH_SHIFT;
      let place = places[at]!;
      while (place !== 0 && (distinct[place * 2 - 2] !== one || distinct[place * 2 - 1] !== other))
        place = places[++at % HASHES]!;
      if (place === 0) {
        if (count === FEW - 1) return undefined;
        distinct[count * 2] = one;
        distinct[count * 2 + 1] = other;
        place = places[at % HASHES] = ++count;
      }
      indexes[n] = place - 1;
    }
    const bytes = new Uint8Array(count * 8 + CHUNK);
    bytes.set(bytesOf(distinct).subarray(0, count * 8));
    bytes.set(indexes, count * 8);
    return bytes;
  }
}

/** The values of some runs, one after another: as they are, or each once with its place among them for every run. */
export interface Chunk {
  values: Column;
  indexes?: Uint8Array;
}

/** A part of a field's column: {@link CHUNK} runs from `number` times as many on. */
export interface FieldChunk {
  at: number;
  number: number;
  /** As `encodeEnds` made them of its numbers; null where it has none. */
  ends: Uint8Array | null;
}

/** What {@link Column.encode} made bytes of. */
export function chunkOf(bytes: Uint8Array): Chunk {
  if (bytes.length < CHUNK) {
    const values = new Column(CHUNK);
    const room = bytesOf(values.numbers);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let from = 0; from < bytes.length; from += ENTRY_BYTES)
      room.set(bytes.subarray(from + 4, from + ENTRY_BYTES), view.getUint32(from, true) * 8);
    return { values };
  }
  // Aligned, as views of eight bytes each have to be.
  const { buffer } = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
  const from = bytes.byteOffset % 8 === 0 ? bytes.byteOffset : 0;
  const count = bytes.length === CHUNK * 8 ? CHUNK : (bytes.length - CHUNK) / 8;
  const values = new Column(new Float64Array(buffer as ArrayBuffer, from, count));
  return count === CHUNK ? { values } : { values, indexes: bytes.subarray(count * 8) };
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
