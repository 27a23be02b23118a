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

/** Shorter pieces of an encoded value occur in ordinary text too. */
const SHORTEST_PIECE = 8;

/** How many characters `base64` and `xxd -p` write on a line. */
const BASE64_LINE = 76;
const HEX_LINE = 60;

/**
 * A masking of these secrets' values; a value is shown as `***NAME***`, also where it stands in base64, hexadecimal
 * digits, a URL or a JSON text (spec SAME-STP-015). Output is shown and stored as it comes, by lines, so of a value of
 * several lines (a PEM key) each line is masked.
 */
export function maskingOf(secrets: Record<string, string>): Masking {
  const names = new Map<string, string>();
  for (const [name, value] of Object.entries(secrets)) {
    for (const form of formsOf(value)) if (!names.has(form)) names.set(form, name);
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

/** A value as programs print it: plain, and encoded whole, or as a part of what is encoded. */
function formsOf(value: string): string[] {
  const parts = partsOf(value);
  if (parts.length === 0) return [];
  const whole = [...new Set([value, value.trim(), ...parts])].flatMap((text) => [
    encodeURIComponent(text),
    encodeURIComponent(text).replace(/%20/g, '+'),
    JSON.stringify(text).slice(1, -1),
    ...encodedForms(Buffer.from(text, 'utf8')),
  ]);
  return [...new Set([...parts, ...whole])].filter(
    (form) => form.length >= SHORTEST_MASKED && !/^\s+$/.test(form),
  );
}

function encodedForms(bytes: Buffer): string[] {
  const hex = bytes.toString('hex');
  const aligned = [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    // Characters at either end that also hold bits of what stands beside the value.
    const own = text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    return own.length < SHORTEST_PIECE ? [] : [own, ...linesOf(own, BASE64_LINE)];
  });
  const base64 = [bytes.toString('base64'), bytes.toString('base64').replace(/=+$/, ''), ...aligned];
  const hexadecimal = [hex, ...linesOf(hex, HEX_LINE)];
  return [
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    ...hexadecimal,
    ...hexadecimal.map((text) => text.toUpperCase()),
  ];
}

/** What is left of a text on the lines of a tool that breaks them. */
function linesOf(text: string, length: number): string[] {
  if (text.length <= length) return [];
  return (text.match(new RegExp(`.{1,${length}}`, 'g')) ?? []).filter(
    (line) => line.length >= SHORTEST_PIECE,
  );
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
