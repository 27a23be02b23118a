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

/** What in a value cannot be carried exactly: a number, a `__proto__` key, half a character; undefined when all can. */
export function unportable(value: JsonValue): string | undefined {
  if (typeof value === 'number') {
    return isPortableNumber(value) ? undefined : 'a number is not finite or an integer beyond ±(2^53−1)';
  }
  if (typeof value === 'string') return value.isWellFormed() ? undefined : 'a text has half a surrogate pair';
  if (typeof value !== 'object' || value === null) return undefined;
  if (!Array.isArray(value) && Object.hasOwn(value, '__proto__')) return 'a key is "__proto__"';
  for (const item of Object.values(value)) {
    const problem = unportable(item);
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
