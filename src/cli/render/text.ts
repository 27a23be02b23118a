import { columnsOf, pad } from './columns.ts';

/** Makes text from programs and bundles harmless on a terminal: control characters are shown, not obeyed. */
export function plain(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (character) => {
    const code = character.codePointAt(0)!;
    return `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** {@link plain} of a JSON document, where no other control characters stand than DEL and later ones, as UTF-8. */
export function plainBytes(json: string): Buffer {
  const bytes = Buffer.from(json);
  // To look at each character of a long document takes as long as to write it.
  const isPlain = bytes.length === json.length && !bytes.includes(0x7f);
  return isPlain ? bytes : Buffer.from(plain(json));
}

/** {@link plain} for a text that is part of a line: it cannot begin another one. */
export function plainLine(text: string): string {
  return plain(text).replaceAll('\n', '\\u000a');
}

/** {@link plainLine} of every text in a value, names of members too: for records, which anyone may have written. */
export function plainRecord<T>(value: T): T {
  if (typeof value === 'string') return plainLine(value) as T;
  if (Array.isArray(value)) return value.map(plainRecord) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [plainLine(name), plainRecord(member)]),
  ) as T;
}

/** Paints text for a terminal when colours are wanted. */
export function paint(
  text: string,
  style: 'red' | 'green' | 'yellow' | 'dim' | 'bold',
  colour: boolean,
): string {
  if (!colour) return text;
  const codes = { red: '31', green: '32', yellow: '33', dim: '2', bold: '1' };
  return `\u001b[${codes[style]}m${text}\u001b[0m`;
}

/** Rows as aligned columns, two spaces between them. */
export function table(rows: readonly (readonly string[])[], indent = ''): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, columnsOf(cell));
    });
  }
  return rows
    .map(
      (row) =>
        indent +
        row.map((cell, column) => pad(cell, column === row.length - 1 ? 0 : widths[column]!)).join('  '),
    )
    .map((line) => line.trimEnd())
    .join('\n');
}

/** A figure with as many digits as a reader can use, never fewer than tell it apart from the claim. */
export function figure(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
  const short = Number(value.toPrecision(10));
  return String(short);
}

/** A duration for people: `0.3 s`, `2 min 5 s`, never `60 s`. */
export function seconds(ms: number): string {
  const whole = Math.round(ms / 1000);
  if (whole < 60) return `${(ms / 1000).toFixed(ms < 9950 ? 1 : 0)} s`;
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
