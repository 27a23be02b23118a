/** Any value JSON can say. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };
/** A JSON object. */
export type JsonObject = { [key: string]: JsonValue };

/** True for a JSON object: neither null nor a list. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * True for a number that every reader of its canonical JSON reads back exactly: finite, and no integer beyond
 * ±(2^53−1). Numbers of 1e21 and more are written with an exponent, so they are no integers there.
 */
export function isPortableNumber(value: number): boolean {
  return Number.isFinite(value) && (Number.isSafeInteger(value) || !/^-?[0-9]+$/.test(String(value)));
}

/** True when two values are the same JSON, whatever the order of their keys. */
export function equalJson(a: JsonValue, b: JsonValue): boolean {
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => equalJson(item, b[index]!));
  }
  if (isJsonObject(a)) {
    const keys = Object.keys(a);
    return (
      isJsonObject(b) &&
      keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && equalJson(a[key]!, b[key]!))
    );
  }
  return a === b;
}

/** A text that two values share when, and only when, {@link equalJson} says that they are the same. */
export function stableText(value: JsonValue): string {
  return JSON.stringify(value, (_, inner: JsonValue) =>
    isJsonObject(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** Deepest nesting of lists and objects that a value from a command line or a file may have, as in a manifest. */
const DEEPEST = 100;

/**
 * What in a value cannot be carried exactly: a number, a `__proto__` key, half a character, too deep a nesting;
 * undefined when all can.
 */
export function unportable(value: JsonValue, depth = 0): string | undefined {
  if (depth > DEEPEST) return `it is nested deeper than ${DEEPEST} levels`;
  if (typeof value === 'number') {
    return isPortableNumber(value) ? undefined : 'a number is not finite or an integer beyond ±(2^53−1)';
  }
  if (typeof value === 'string') return value.isWellFormed() ? undefined : 'a text has half a surrogate pair';
  if (typeof value !== 'object' || value === null) return undefined;
  if (!Array.isArray(value) && Object.hasOwn(value, '__proto__')) return 'a key is "__proto__"';
  for (const item of Object.values(value)) {
    const problem = unportable(item, depth + 1);
    if (problem) return problem;
  }
  return undefined;
}

/** A key that stands twice in one object of a valid JSON text: JSON.parse keeps the last and says nothing. */
export function duplicateKey(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (const token of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g)) {
    if (token[0] === '{') open.push(new Set());
    else if (token[0] === '[') open.push(undefined);
    else if (token[0] === '}' || token[0] === ']') open.pop();
    else if (token[1] !== undefined) {
      const key = JSON.parse(token[0].slice(0, -token[1].length)) as string;
      if (open.at(-1)?.has(key)) return key;
      open.at(-1)?.add(key);
    }
  }
  return undefined;
}
