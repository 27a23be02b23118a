import { isJsonObject, type JsonObject, type JsonValue } from '../../program/json.ts';
import { Refusal } from './refusal.ts';

/** Characters of a name, and of a text. */
const NAME_LENGTH = 500;
const TEXT_LENGTH = 256 * 1024;
/** Bytes of the path of an artifact. */
const PATH_BYTES = 2048;

/** One point of a series, as the protocol sends it. */
export interface Point {
  name: string;
  value: number;
  /** Milliseconds since 1970. */
  timestamp: number;
  step: number;
  /** It was logged of a model too: clients log what a run has once more for each model. */
  ofModel?: true;
}

/** A required text. @throws Refusal it is missing, or none */
export function textOf(body: JsonObject, field: string): string {
  const value = optionalText(body, field);
  if (value === undefined) throw invalid(`${field} is missing`);
  return value;
}

/** A text that may be missing or null; numbers and truth values are their words. */
export function optionalText(body: JsonObject, ...fields: string[]): string | undefined {
  for (const field of fields) {
    const value = Object.hasOwn(body, field) ? body[field] : undefined;
    if (value === undefined || value === null) continue;
    if (typeof value === 'object') throw invalid(`${field} is no text`);
    const text = String(value);
    if (text.length > TEXT_LENGTH)
      throw invalid(`${field} has ${text.length} characters, more than ${TEXT_LENGTH}`);
    // What cannot be UTF-8 cannot be in a record.
    return text.toWellFormed();
  }
  return undefined;
}

/** The name of a parameter, tag or figure. @throws Refusal */
export function nameOf(body: JsonObject, field = 'key'): string {
  const name = textOf(body, field);
  if (name === '') throw invalid(`${field} is empty`);
  if (name.length > NAME_LENGTH)
    throw invalid(`${field} has ${name.length} characters, more than ${NAME_LENGTH}`);
  if (/\p{Cc}/u.test(name)) throw invalid(`${field} holds a control character`);
  return name;
}

/** A whole number, be it sent as a text: JSON of 64-bit numbers is. */
export function wholeNumber(body: JsonObject, field: string, otherwise: number): number {
  const value = Object.hasOwn(body, field) ? body[field] : undefined;
  if (value === undefined || value === null || value === '') return otherwise;
  const number = Number(value);
  if (typeof value === 'object' || typeof value === 'boolean' || !Number.isSafeInteger(number))
    throw invalid(`${field} is no whole number`);
  return number;
}

/** A point; what is not finite is sent as `"NaN"`, `"Infinity"`. */
export function pointOf(value: JsonValue | undefined, nowMs: number): Point {
  const body = objectOf(value, 'a metric');
  const given = Object.hasOwn(body, 'value') ? body.value : undefined;
  const number =
    typeof given === 'number'
      ? given
      : typeof given === 'string' && given.trim() !== ''
        ? Number(given)
        : undefined;
  if (number === undefined || (Number.isNaN(number) && !/^[+-]?nan$/i.test(String(given))))
    throw invalid(`the value of metric ${JSON.stringify(optionalText(body, 'key') ?? '')} is no number`);
  return {
    name: nameOf(body),
    value: number,
    timestamp: wholeNumber(body, 'timestamp', nowMs),
    step: wholeNumber(body, 'step', 0),
    ...(optionalText(body, 'model_id') ? { ofModel: true as const } : {}),
  };
}

/** Keys and values of a list of `{key, value}`. */
export function pairsOf(value: JsonValue | undefined): [string, string][] {
  return listOf(value, 'a list of keys and values').map((each) => {
    const body = objectOf(each, 'what has a key and a value');
    return [nameOf(body), optionalText(body, 'value') ?? ''];
  });
}

/** A list, which may be missing. */
export function listOf(value: JsonValue | undefined, what: string): JsonValue[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(`${what} is no list`);
  return value;
}

/** @throws Refusal it is none */
export function objectOf(value: JsonValue | undefined, what: string): JsonObject {
  if (!isJsonObject(value)) throw invalid(`${what} is no object`);
  return value;
}

/** The path of an artifact, as segments. @throws Refusal it leads elsewhere, or cannot be a path */
export function segmentsOf(path: string): string[] {
  if (path === '') return [];
  const segments = path.split('/');
  const isPlain = segments.every(
    (segment) => segment !== '' && segment !== '.' && segment !== '..' && !/[\0\\]/.test(segment),
  );
  if (!isPlain || path !== path.toWellFormed()) throw invalid('the path of an artifact leads elsewhere');
  if (Buffer.byteLength(path) > PATH_BYTES)
    throw invalid(`the path of an artifact has more than ${PATH_BYTES} bytes`);
  return segments;
}

/** Whether two texts say the same: `5` is `5.0`, and `True` is `true`. */
export function isSameText(a: string, b: string): boolean {
  if (a === b) return true;
  if (a.trim() !== '' && b.trim() !== '' && Number(a) === Number(b)) return true;
  return (
    /^(true|false|none|null)$/i.test(a) &&
    a.toLowerCase().replace('none', 'null') === b.toLowerCase().replace('none', 'null')
  );
}

function invalid(message: string): Refusal {
  return new Refusal('INVALID_PARAMETER_VALUE', message);
}
