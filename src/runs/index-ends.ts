/** How many of the least and of the greatest numbers of a chunk are kept beside it. */
export const ENDS = 16;

const ENTRY_BYTES = 10;

/** One of the least or greatest numbers of a chunk, and its place there. */
export interface End {
  at: number;
  value: number;
}

/** The numbers at an end of a chunk. */
export interface ChunkEnds {
  /** The first of the order first. */
  ends: End[];
  /** Whether the chunk has more numbers than these, none of which comes before the last of them. */
  isCut: boolean;
}

/** The least and the greatest numbers of a chunk as bytes, for {@link endsOf}; nothing where it has none. */
export function encodeEnds(numbers: Float64Array): Uint8Array | null {
  const greatest = ofEnd(numbers, -1);
  if (greatest.length === 0) return null;
  const both = [...greatest.slice(0, ENDS), ...ofEnd(numbers, 1).slice(0, ENDS)];
  const bytes = new Uint8Array(1 + both.length * ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[0] = greatest.length > ENDS ? 1 : 0;
  for (const [index, { at, value }] of both.entries()) {
    view.setUint16(1 + index * ENTRY_BYTES, at, true);
    view.setFloat64(3 + index * ENTRY_BYTES, value, true);
  }
  return bytes;
}

/** What {@link encodeEnds} made bytes of, as far as it is about one end. */
export function endsOf(bytes: Uint8Array, descending: boolean): ChunkEnds {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = (bytes.length - 1) / ENTRY_BYTES / 2;
  const from = descending ? 0 : count;
  const ends: End[] = [];
  for (let index = from; index < from + count; index++)
    ends.push({
      at: view.getUint16(1 + index * ENTRY_BYTES, true),
      value: view.getFloat64(3 + index * ENTRY_BYTES, true),
    });
  return { ends, isCut: bytes[0] === 1 };
}

/** Up to one more than are kept of those that come first where numbers have a sign. */
function ofEnd(numbers: Float64Array, sign: 1 | -1): End[] {
  const ends: End[] = [];
  let last = Number.POSITIVE_INFINITY;
  for (let at = 0; at < numbers.length; at++) {
    const value = sign * numbers[at]!;
    // NaN stands for no number.
    if (Number.isNaN(value) || (ends.length > ENDS && value >= last)) continue;
    if (ends.length > ENDS) ends.pop();
    let to = ends.length;
    while (to > 0 && sign * ends[to - 1]!.value > value) to--;
    ends.splice(to, 0, { at, value: numbers[at]! });
    last = sign * ends.at(-1)!.value;
  }
  return ends;
}
