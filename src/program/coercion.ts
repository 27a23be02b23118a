import { duplicateKey, type JsonValue, unportable } from './json.ts';
import type { ParameterSchema } from './schema.ts';
import { shown, typeOf, typeText } from './value.ts';

/** A value read from the command line, or why there is none. */
export type Coercion = { value: JsonValue } | { problem: string };

/**
 * Reads one command-line text by the declared type only: a string keeps its text, `1e3`, `1.0` and `0x10` are no
 * integers, lists and objects are JSON. Ranges are not looked at.
 */
export function coerceText(schema: ParameterSchema, text: string): Coercion {
  const { type, nullable } = typeOf(schema);
  if (nullable && text === 'null') return { value: null };
  const refused: Coercion = { problem: `expected ${typeText(schema)}, got ${shown(text)}` };
  switch (type) {
    case 'string':
      return text.isWellFormed() ? { value: text } : refused;
    case 'boolean':
      return text === 'true' || text === 'false' ? { value: text === 'true' } : refused;
    case 'integer': {
      const value = /^-?(0|[1-9][0-9]*)$/.test(text) ? Number(text) : Number.NaN;
      return Number.isSafeInteger(value) ? { value: value + 0 } : refused;
    }
    case 'number': {
      const value = /^-?(0|[1-9][0-9]*|(?=\.))(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(text)
        ? Number(text)
        : Number.NaN;
      const lost = value === 0 && /[1-9]/.test(text.split(/[eE]/)[0]!);
      return Number.isFinite(value) && !lost && unportable(value) === undefined
        ? { value: value + 0 }
        : refused;
    }
    case 'array':
    case 'object':
      return coerceJson(text, type);
  }
}

/**
 * Reads the texts of a flag that may have been repeated: for a list one text that starts with `[` is the whole list as
 * JSON, else each text is one item; any other type takes exactly one text.
 */
export function coerceTexts(schema: ParameterSchema, texts: readonly string[]): Coercion {
  const { type, nullable } = typeOf(schema);
  const [first = ''] = texts;
  if (type === 'array' && !(texts.length === 1 && (/^\s*\[/.test(first) || (nullable && first === 'null')))) {
    const items = texts.map((text) => (schema.items ? coerceText(schema.items, text) : { value: text }));
    const refused = items.findIndex((item) => 'problem' in item);
    if (refused >= 0) return { problem: `[${refused}]: ${(items[refused] as { problem: string }).problem}` };
    return { value: items.map((item) => (item as { value: JsonValue }).value) };
  }
  if (texts.length > 1) {
    return {
      problem: `given ${texts.length} times (${texts.map(shown).join(', ')}), but only lists may be repeated`,
    };
  }
  return coerceText(schema, first);
}

function coerceJson(text: string, type: 'array' | 'object'): Coercion {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    return { problem: `expected ${type} as JSON, got ${shown(text)}` };
  }
  const twice = duplicateKey(text);
  if (twice !== undefined) return { problem: `key ${shown(twice)} stands twice in ${shown(text)}` };
  const problem = unportable(value);
  // What kind of JSON it is, is for validation, which says more.
  return problem === undefined ? { value } : { problem };
}
