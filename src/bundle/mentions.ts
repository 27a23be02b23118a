const HEX = /[0-9a-f]{64,}/g;
const HEX_DIGITS = 64;
/** A longer run of hexadecimal digits is no digest, wherever it is cut. */
const LONGEST_CARRIED = 4096;

/**
 * The digests that a text mentions, as 64 hexadecimal digits with something else around them, whatever the text is: a
 * manifest, a record, a list of files.
 */
export function* mentionedHex(pieces: Iterable<Uint8Array>): Generator<string> {
  const reader = new MentionReader();
  for (const piece of pieces) yield* reader.read(piece);
  yield* reader.end();
}

/** The same, for pieces that come one after the other. */
export class MentionReader {
  #carried = '';

  *read(piece: Uint8Array): Generator<string> {
    const text = this.#carried + Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('latin1');
    let end = text.length;
    while (end > 0 && isHex(text.charCodeAt(end - 1))) end--;
    this.#carried = text.slice(end).slice(0, LONGEST_CARRIED);
    yield* digestsIn(text.slice(0, end));
  }

  *end(): Generator<string> {
    yield* digestsIn(this.#carried);
    this.#carried = '';
  }
}

function* digestsIn(text: string): Generator<string> {
  for (const [run] of text.matchAll(HEX)) if (run.length === HEX_DIGITS) yield run;
}

function isHex(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66);
}
