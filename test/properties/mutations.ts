import fc from 'fast-check';
import type { JsonValue } from '../../src/program/json.ts';
import { anyText, jsonValue } from './arbitraries.ts';

/** One change of a sequence of bytes; places are fractions of its length, in millionths. */
export type Change =
  | { kind: 'flip'; at: number; bit: number }
  | { kind: 'set'; at: number; byte: number }
  | { kind: 'cut'; at: number }
  | { kind: 'remove'; at: number; length: number }
  | { kind: 'repeat'; at: number; length: number; times: number }
  | { kind: 'splice'; from: number; to: number; length: number }
  | { kind: 'insert'; at: number; bytes: Uint8Array };

const at = fc.nat(999_999);
const length = fc.oneof(fc.integer({ min: 1, max: 16 }), fc.constantFrom(512, 1024), fc.nat(5000));

/** What bit rot, a broken copy or an attacker does to a file. */
export const changes: fc.Arbitrary<Change[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('flip' as const), at, bit: fc.nat(7) }),
    fc.record({
      kind: fc.constant('set' as const),
      at,
      byte: fc.constantFrom(0, 10, 32, 34, 47, 48, 57, 127, 255),
    }),
    fc.record({ kind: fc.constant('cut' as const), at }),
    fc.record({ kind: fc.constant('remove' as const), at, length }),
    fc.record({ kind: fc.constant('repeat' as const), at, length, times: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ kind: fc.constant('splice' as const), from: at, to: at, length }),
    fc.record({
      kind: fc.constant('insert' as const),
      at,
      bytes: fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 20 }),
        anyText.map((text) => Buffer.from(text)),
      ),
    }),
  ),
  { minLength: 1, maxLength: 4 },
);

/** The bytes after some changes. */
export function changed(original: Uint8Array, all: readonly Change[]): Buffer {
  let bytes = Buffer.from(original);
  for (const change of all) {
    const place = (fraction: number): number => Math.floor((fraction / 1e6) * bytes.length);
    const splice = (from: number, to: number, ...between: Uint8Array[]): Buffer<ArrayBuffer> =>
      Buffer.concat([bytes.subarray(0, from), ...between, bytes.subarray(to)]);
    switch (change.kind) {
      case 'flip':
        if (bytes.length > 0) bytes[place(change.at)]! ^= 1 << change.bit;
        break;
      case 'set':
        if (bytes.length > 0) bytes[place(change.at)] = change.byte;
        break;
      case 'cut':
        bytes = splice(place(change.at), bytes.length);
        break;
      case 'remove':
        bytes = splice(place(change.at), place(change.at) + change.length);
        break;
      case 'repeat': {
        const from = place(change.at);
        const piece = bytes.subarray(from, from + change.length);
        bytes = splice(from, from, ...Array<Buffer>(change.times).fill(piece));
        break;
      }
      case 'splice': {
        const from = place(change.from);
        bytes = splice(place(change.to), place(change.to), bytes.subarray(from, from + change.length));
        break;
      }
      case 'insert':
        bytes = splice(place(change.at), place(change.at), change.bytes);
        break;
    }
  }
  return bytes;
}

/** A change of one place of a JSON value. */
export interface JsonChange {
  /** Which of all places, in millionths of their number. */
  place: number;
  what: 'replace' | 'remove' | 'rename' | 'double' | 'wrap' | 'add';
  value: JsonValue;
  key: string;
}

/** Any change of a document that leaves it JSON. */
export const jsonChange: fc.Arbitrary<JsonChange> = fc.record({
  place: at,
  what: fc.constantFrom('replace', 'remove', 'rename', 'double', 'wrap', 'add'),
  value: fc.oneof(
    jsonValue,
    fc.constantFrom<JsonValue>(null, [], {}, '', 0, -1, 1e308, '..', '/', 'sha256:', 2 ** 53 - 1, true),
  ),
  key: fc.oneof(
    fc.constantFrom(
      'constructor',
      'toString',
      'length',
      'digest',
      'annotations',
      'x-a',
      '',
      'hasOwnProperty',
    ),
    anyText.filter((key) => key !== '__proto__'),
  ),
});

/** A copy of a JSON value with one place changed. */
export function jsonChanged(original: JsonValue, change: JsonChange): JsonValue {
  const root = { root: structuredClone(original) };
  const places: { holder: Record<string, JsonValue>; key: string }[] = [];
  const walk = (holder: Record<string, JsonValue>, key: string): void => {
    places.push({ holder, key });
    const value = holder[key];
    if (typeof value !== 'object' || value === null) return;
    for (const below of Object.keys(value)) walk(value as Record<string, JsonValue>, below);
  };
  walk(root, 'root');
  const { holder, key } = places[Math.floor((change.place / 1e6) * places.length)]!;
  const value = holder[key]!;
  switch (change.what) {
    case 'replace':
      holder[key] = change.value;
      break;
    case 'remove':
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else if (holder !== (root as unknown)) delete holder[key];
      break;
    case 'rename':
      if (Array.isArray(holder) || holder === (root as unknown)) break;
      delete holder[key];
      holder[change.key] = value;
      break;
    case 'double':
      if (Array.isArray(holder)) holder.splice(Number(key), 0, structuredClone(value));
      else if (typeof value === 'number') holder[key] = value * 2;
      else if (typeof value === 'string') holder[key] = value + value;
      break;
    case 'wrap':
      holder[key] = [value];
      break;
    case 'add':
      if (Array.isArray(value)) value.push(change.value);
      else if (typeof value === 'object' && value !== null) value[change.key] = change.value;
      else holder[key] = `${value}${change.key}`;
      break;
  }
  return root.root;
}
