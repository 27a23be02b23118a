/** Replaces secret values wherever they appear. */
export interface Masking {
  mask(text: string): string;
  /** The same bytes with values masked, in constant memory; a value may lie across chunks. */
  maskStream(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Buffer>;
  maskBytes(bytes: Buffer): Buffer;
  /** Whether there is anything to mask. */
  active: boolean;
}

/** Shorter values would blot out ordinary text; they are refused as secrets nowhere, but cannot be masked. */
const SHORTEST_MASKED = 4;

/**
 * A masking of these secrets' values; a value is shown as `***NAME***`. Output is shown and stored as it comes, by
 * lines, so of a value of several lines (a PEM key) each line is masked.
 */
export function maskingOf(secrets: Record<string, string>): Masking {
  const names = new Map<string, string>();
  for (const [name, value] of Object.entries(secrets)) {
    for (const part of partsOf(value)) if (!names.has(part)) names.set(part, name);
  }
  const known = [...names].sort(([a], [b]) => b.length - a.length);
  const text = replacerOf(known);
  // latin1 keeps every byte; the values are compared as the UTF-8 bytes that the step printed.
  const bytes = replacerOf(
    known.map(([value, name]) => [Buffer.from(value, 'utf8').toString('latin1'), name]),
  );
  return {
    active: known.length > 0,
    mask: (whole) => text(whole, true).done,
    maskBytes: (whole) => Buffer.from(bytes(whole.toString('latin1'), true).done, 'latin1'),
    async *maskStream(chunks) {
      let rest = '';
      for await (const chunk of chunks) {
        const masked = bytes(rest + Buffer.from(chunk).toString('latin1'), false);
        rest = masked.rest;
        yield Buffer.from(masked.done, 'latin1');
      }
      yield Buffer.from(bytes(rest, true).done, 'latin1');
    },
  };
}

function partsOf(value: string): string[] {
  const long = (part: string) => part.length >= SHORTEST_MASKED;
  const lines = value
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter(long);
  if (/[\r\n]/.test(value) && lines.length > 0) return lines;
  return long(value) ? [value] : [];
}

/** @returns what is decided, and the end of the text that could be the beginning of a value when more follows. */
function replacerOf(known: [value: string, name: string][]) {
  const longest = Math.max(0, ...known.map(([value]) => value.length));
  const names = new Map(known);
  const pattern = new RegExp(
    known.map(([value]) => value.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'),
    'g',
  );
  return (text: string, last: boolean): { done: string; rest: string } => {
    if (known.length === 0) return { done: text, rest: '' };
    const decided = last ? text.length : Math.max(0, text.length - longest + 1);
    let done = '';
    let at = 0;
    for (const match of text.matchAll(pattern)) {
      if (match.index >= decided) break;
      done += `${text.slice(at, match.index)}***${names.get(match[0])}***`;
      at = match.index + match[0].length;
    }
    const end = Math.max(at, decided);
    return { done: done + text.slice(at, end), rest: text.slice(end) };
  };
}
