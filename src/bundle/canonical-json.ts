import { createHash, hash } from 'node:crypto';
import { SameError } from '../errors/same-error.ts';
import type { JsonValue } from '../program/json.ts';

/** Deepest nesting of arrays and objects that is written or read. */
const MAX_DEPTH = 512;

/**
 * RFC 8785 (JCS) text of a value: keys in UTF-16 code unit order, numbers and strings as ECMAScript writes them.
 * Properties that are undefined are left out, as JSON.stringify does.
 * @throws SAME1015 a number is not finite · SAME1005 a lone surrogate, or no JSON value, or nested over 512 deep
 */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return writeString(value);
  // JSON.stringify is RFC 8785 where the keys lie in order, and many times as fast as anything written here.
  const inOrder = ordered(value, 0);
  return inOrder === NOT_ORDERED ? write(value, 0) : JSON.stringify(inOrder);
}

/** {@link canonicalJson} as UTF-8. */
export function canonicalBytes(value: unknown): Buffer {
  return Buffer.from(canonicalJson(value), 'utf8');
}

/** The digest of bytes: `sha256:` and 64 hex digits. */
export function sha256(bytes: Uint8Array | string): string {
  return `sha256:${hash('sha256', bytes, 'hex')}`;
}

/** The digest of bytes that come in chunks, in constant memory. */
export async function sha256OfChunks(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunks) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

/**
 * Reads a JSON document that must be in canonical form, which also rules out duplicate keys, a BOM and invalid UTF-8.
 * @param what how the message calls the document.
 * @throws SAME1302
 */
export function parseCanonical(bytes: Uint8Array, what: string): JsonValue {
  try {
    const text = textOf(bytes);
    const value = JSON.parse(text) as JsonValue;
    if (canonicalJson(value) !== text) throw new Error('not in RFC 8785 form');
    return value;
  } catch (error) {
    throw unreadable(error, `${what} is not canonical JSON`);
  }
}

/** Reads a JSON document that others write, in any form. @throws SAME1302 */
export function parseJson(bytes: Uint8Array, what: string): JsonValue {
  try {
    return JSON.parse(textOf(bytes)) as JsonValue;
  } catch (error) {
    throw unreadable(error, `${what} is not JSON`);
  }
}

/** The only text that these bytes are the UTF-8 of. @throws TypeError they are no UTF-8 */
function textOf(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

function unreadable(error: unknown, what: string): SameError {
  const because = error instanceof Error ? error.message : String(error);
  // A parser's message quotes the document; what is quoted could hold terminal escapes.
  const clean = because.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200);
  return new SameError(
    { code: 'SAME1302', message: `${what}: ${clean}`, clause: 'SAME-BND-035' },
    { cause: error },
  );
}

/** Stands for a value that no object can hold in order: engines put keys that look like indices first, as numbers. */
const NOT_ORDERED = Symbol('not ordered');

/** The same value with the keys of every object in order: itself where they are, else a copy. @throws as canonicalJson */
function ordered(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return wellFormed(value);
  if (typeof value !== 'object' || value === null) {
    // Refuses what is no JSON value.
    write(value, depth);
    return value;
  }
  if (depth >= MAX_DEPTH) throw refused('SAME1005', `nested deeper than ${MAX_DEPTH}`);
  return Array.isArray(value) ? orderedItems(value, depth) : orderedMembers(value as Members, depth);
}

type Members = Record<string, unknown>;

function orderedItems(items: unknown[], depth: number): unknown {
  let copy: unknown[] | undefined;
  for (let index = 0; index < items.length; index++) {
    const item = ordered(items[index], depth + 1);
    if (item === NOT_ORDERED) return NOT_ORDERED;
    if (item !== items[index]) copy ??= items.slice();
    if (copy) copy[index] = item;
  }
  return copy ?? items;
}

function orderedMembers(value: Members, depth: number): unknown {
  const keys = Object.keys(value);
  let isSorted = typeof value.toJSON !== 'function';
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!;
    const first = key.charCodeAt(0);
    if (first >= 0x30 && first <= 0x39 && /^[0-9]+$/.test(key)) return NOT_ORDERED;
    if (index > 0 && key < keys[index - 1]!) isSorted = false;
  }
  const order = isSorted ? keys : keys.sort();
  let copy: Members | undefined = isSorted ? undefined : {};
  for (let index = 0; index < order.length; index++) {
    const key = order[index]!;
    const member = value[key];
    if (member === undefined) continue;
    if (key === '__proto__') throw refused('SAME1005', 'the key __proto__ is refused');
    wellFormed(key);
    const inOrder = ordered(member, depth + 1);
    if (inOrder === NOT_ORDERED) return NOT_ORDERED;
    if (inOrder !== member && !copy) {
      copy = {};
      for (const before of order.slice(0, index)) copy[before] = value[before];
    }
    if (copy) copy[key] = inOrder;
  }
  return copy ?? value;
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return writeString(value);
    case 'number':
      if (!Number.isFinite(value)) throw refused('SAME1015', `${value} is not a JSON number`);
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      break;
    default:
      throw refused('SAME1005', `a ${typeof value} is not a JSON value`);
  }
  if (value === null) return 'null';
  if (depth >= MAX_DEPTH) throw refused('SAME1005', `nested deeper than ${MAX_DEPTH}`);
  if (Array.isArray(value)) return `[${value.map((item) => write(item, depth + 1)).join(',')}]`;
  const members: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined) continue;
    if (key === '__proto__') throw refused('SAME1005', 'the key __proto__ is refused');
    members.push(`${writeString(key)}:${write(member, depth + 1)}`);
  }
  return `{${members.join(',')}}`;
}

function writeString(text: string): string {
  return JSON.stringify(wellFormed(text));
}

function wellFormed(text: string): string {
  if (!text.isWellFormed()) throw refused('SAME1005', 'text with a lone surrogate has no UTF-8 form');
  return text;
}

function refused(code: 'SAME1005' | 'SAME1015', message: string): SameError {
  return new SameError({ code, message });
}
