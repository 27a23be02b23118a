import type { JsonValue } from '../program/json.ts';

/** Overflows to Infinity when it is read. */
const NOT_FINITE = '1e999';
const WORD = /^(?:NaN|[+-]?Infinity)$/;

/**
 * JSON, and what programs write for numbers that JSON lacks: `NaN` is the text `"NaN"`, which {@link numberIn} reads, and
 * `Infinity` is infinite.
 * @returns undefined where it is no JSON by any reading
 */
export function parseLooseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    const spelt = text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b(?!\s*:)/g, (token) => {
      if (token.startsWith('"')) return token;
      if (token.endsWith('NaN')) return '"NaN"';
      return token.startsWith('-') ? `-${NOT_FINITE}` : NOT_FINITE;
    });
    if (spelt === text) return undefined;
    try {
      return JSON.parse(spelt) as JsonValue;
    } catch {
      // The caller says so with its place.
      return undefined;
    }
  }
}

/** The number that a value of a report is: true and false are 1 and 0, `"NaN"` and `"Infinity"` not finite; else undefined. */
export function numberIn(value: JsonValue): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  return typeof value === 'string' && WORD.test(value) ? Number(value) : undefined;
}
