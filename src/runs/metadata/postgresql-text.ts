import { createHash } from 'node:crypto';

/** Longest name that tables have as it is, in bytes: an index takes 2704 of a name and a run's id. */
const LONGEST_NAME = 2000;

/** What of a text no database of PostgreSQL holds: the character 0, and halves of characters. */
export function storableText(text: string): string {
  return text.replaceAll('\0', '\ufffd').toWellFormed();
}

/** The same JSON with texts that a database can hold, and where others were, at most ten of them. */
export function storable<Value>(value: Value): { value: Value; changed: string[] } {
  const json = JSON.stringify(value) ?? '';
  // Looking for the escapes alone is quick, and where they only look so, nothing is changed.
  if (!/\\u(?:0000|d[89a-f])/i.test(json)) return { value, changed: [] };
  const changed: string[] = [];
  const held = (inner: unknown, path: string): unknown => {
    if (typeof inner === 'string') {
      const text = storableText(inner);
      if (text !== inner && changed.length < 10) changed.push(path);
      return text;
    }
    if (Array.isArray(inner)) return inner.map((item, at) => held(item, `${path}[${at}]`));
    if (typeof inner !== 'object' || inner === null) return inner;
    return Object.fromEntries(
      Object.entries(inner).map(([name, item]) => {
        const key = storableText(name);
        const at = path === '' ? key : `${path}.${key}`;
        if (key !== name && changed.length < 10) changed.push(at);
        return [key, held(item, at)];
      }),
    );
  };
  return { value: held(value, '') as Value, changed };
}

/** A name as tables have it: one that no index takes is cut, and ends in digits of its hash (spec SAME-RUN-121). */
export function tableName(name: string): string {
  const bytes = Buffer.from(storableText(name));
  if (bytes.length <= LONGEST_NAME) return storableText(name);
  // Longer than any name that stays as it is, so that it is no other's; half a character at its end is left out.
  const begin = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, LONGEST_NAME), {
    stream: true,
  });
  return `${begin}…${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`;
}

/** What is said of names that tables have cut, at most ten of them. */
export function cutNames(of: string, names: Iterable<string>): string[] {
  return [...names]
    .filter((name) => tableName(name) !== storableText(name))
    .slice(0, 10)
    .map(
      (name) =>
        `${of} ${JSON.stringify(name.slice(0, 60))}… is cut in the tables: an index takes no name so long`,
    );
}
