/** How many of the least and of the greatest numbers of a chunk are kept beside it. */
export const ENDS = 16;

/** Bytes of a number and its place, at either end. */
const ENTRY_BYTES = 2 * (8 + 2);

/** The numbers at an end of a chunk, the first of the order first, and their places there. */
export interface ChunkEnds {
  values: Float64Array;
  places: Uint16Array;
  /** Whether the chunk has more numbers than these, none of which comes before the last of them. */
  isCut: boolean;
}

/**
 * The least and the greatest numbers of a chunk as bytes, for {@link endsOf}; nothing where it has none. What is of one
 * kind lies together, so that it is read without a look at each.
 */
export function encodeEnds(numbers: Float64Array): Uint8Array | null {
  const greatest = ofEnd(numbers, -1);
  if (greatest.length === 0) return null;
  const both = [...greatest.slice(0, ENDS), ...ofEnd(numbers, 1).slice(0, ENDS)];
  const values = Float64Array.from(both, (at) => numbers[at]!);
  return Buffer.concat([
    Buffer.from(values.buffer),
    Buffer.from(Uint16Array.from(both).buffer),
    Buffer.of(greatest.length > ENDS ? 1 : 0),
  ]);
}

/** What {@link encodeEnds} made bytes of, as far as it is about one end. */
export function endsOf(bytes: Uint8Array, descending: boolean): ChunkEnds {
  // Aligned, as views of eight bytes each have to be.
  const { buffer, byteOffset } = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
  const count = (bytes.length - 1) / ENTRY_BYTES;
  const from = descending ? 0 : count;
  return {
    values: new Float64Array(buffer, byteOffset + from * 8, count),
    places: new Uint16Array(buffer, byteOffset + count * 16 + from * 2, count),
    isCut: bytes.at(-1) === 1,
  };
}

/** The least and the greatest number of what {@link encodeEnds} made bytes of. */
export function boundsOf(bytes: Uint8Array): [least: number, most: number] {
  return [endsOf(bytes, false).values[0]!, endsOf(bytes, true).values[0]!];
}

/** Places of up to one more than are kept of those that come first where numbers have a sign. */
function ofEnd(numbers: Float64Array, sign: 1 | -1): number[] {
  const ends: number[] = [];
  let last = Number.POSITIVE_INFINITY;
  for (let at = 0; at < numbers.length; at++) {
    const value = sign * numbers[at]!;
    // NaN stands for no number.
    if (Number.isNaN(value) || (ends.length > ENDS && value >= last)) continue;
    if (ends.length > ENDS) ends.pop();
    let to = ends.length;
    while (to > 0 && sign * numbers[ends[to - 1]!]! > value) to--;
    ends.splice(to, 0, at);
    last = sign * numbers[ends.at(-1)!]!;
  }
  return ends;
}
