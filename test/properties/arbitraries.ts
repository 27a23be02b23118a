import fc from 'fast-check';
import type { JsonValue } from '../../src/program/json.ts';

/** Characters that parsers stumble over, beside any others. */
export const nastyCharacter = fc.oneof(
  fc.constantFrom(
    ...'\0\x01\x1b\x7f\x85\u00a0\u0301\u2028\u2029\ufeff\ufffe\uffff\ud800\udfff',
    ...'"\'\\/%{}[]()<>|&*!?#@:;,.=+-_~^$ \t\r\n',
    '😀',
    'é',
    'e\u0301',
    'ß',
    'İ',
    'ﬁ',
    '你',
    'ع',
    '\u{10ffff}',
  ),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
);

/** Any text, lone surrogates included. */
export const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.array(nastyCharacter, { maxLength: 20 }).map((characters) => characters.join('')),
);

/** Text that UTF-8 can say. */
export const wellFormedText = anyText.filter((text) => text.isWellFormed());

/** Numbers at the edges of what doubles and decimal writing can do, and any others. */
export const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.maxSafeInteger(),
  fc.constantFrom(
    ...[0, -0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e21, 1e-6, 1e-7],
    ...[
      999999999999999900000,
      123456789012345680000,
      9007199254740991,
      0.1,
      1 / 3,
      1e23,
      4.35,
      295147905179352830000,
    ],
  ),
);

/** Any JSON value that the canonical form can say. */
export const jsonValue: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    fc.oneof(fc.constant(null), fc.boolean(), number, wellFormedText) as fc.Arbitrary<JsonValue>,
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(
      wellFormedText.filter((key) => key !== '__proto__'),
      tie('value'),
      {
        maxKeys: 6,
        noNullPrototype: true,
      },
    ),
  ),
})).value;

const scripts = [
  ...[
    'a',
    'B',
    '0',
    '_',
    '-',
    'é',
    'ß',
    'Ж',
    'я',
    'λ',
    'א',
    'ش',
    '你',
    '好',
    'か',
    '한',
    'ไ',
    'हि',
    '😀',
    '𝔘',
  ],
  ...['\u{1f9ea}', 'ﬀ', 'ǆ', 'ı', ' ', '+', '=', '(', '#', "'", '%', '~', '&', '!', '@'],
];

/** A name of a file that every platform can hold, in any script, short or of up to 255 bytes. */
const fileName = fc
  .oneof(
    { weight: 8, arbitrary: fc.array(fc.constantFrom(...scripts), { minLength: 1, maxLength: 8 }) },
    { weight: 1, arbitrary: fc.array(fc.constantFrom(...scripts), { minLength: 40, maxLength: 60 }) },
    { weight: 1, arbitrary: fc.integer({ min: 95, max: 255 }).map((length) => ['n'.repeat(length)]) },
  )
  .map((parts) => `x${parts.join('').normalize('NFC').trimEnd()}`)
  .filter((name) => Buffer.byteLength(name) <= 255);

/** Lengths around what tar, gzip and the writer's buffers are cut at. */
const size = fc.oneof(
  { weight: 10, arbitrary: fc.nat(2000) },
  { weight: 6, arbitrary: fc.constantFrom(0, 1, 511, 512, 513, 1023, 1024, 1025) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(2 ** 16, 2 ** 18), fc.constantFrom(-513, -512, -1, 0, 1, 512))
      .map(([edge, off]) => edge + off),
  },
  { weight: 1, arbitrary: fc.constantFrom(2 ** 20 - 1, 2 ** 20, 2 ** 20 + 1) },
);

/** One file of an arbitrary tree. */
export interface ArbitraryFile {
  path: string;
  executable: boolean;
  bytes: Buffer;
}

/** A path of one or several directories, at most 1024 bytes long and 64 deep. */
const filePath = fc
  .oneof(
    { weight: 9, arbitrary: fc.array(fileName, { minLength: 1, maxLength: 5 }) },
    { weight: 1, arbitrary: fc.integer({ min: 40, max: 64 }).map((depth) => Array(depth).fill('d')) },
  )
  .map((segments) => segments.join('/'))
  .filter((path) => Buffer.byteLength(path) <= 1024);

/** Bytes that follow from a number: incompressible for odd ones, repetitive for even ones. */
function contentOf(seed: number, length: number): Buffer {
  if (seed % 2 === 0) return Buffer.alloc(length, `line ${seed}\n`);
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0, state = seed; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** A tree in no order, whose paths can lie side by side everywhere. */
export function treeOf(options: { maxFiles: number }): fc.Arbitrary<ArbitraryFile[]> {
  return fc
    .array(fc.record({ path: filePath, executable: fc.boolean(), length: size, seed: fc.nat(1000) }), {
      minLength: 0,
      maxLength: options.maxFiles,
    })
    .map((files) => {
      const taken = new Set<string>();
      return files.flatMap(({ path, executable, length, seed }, index) => {
        // A place of its own for each first segment that is met twice: no two paths fold to one.
        const folded = path.split('/')[0]!.normalize('NFC').toLowerCase().toUpperCase();
        const own = taken.has(folded) ? `f${index}/${path}` : path;
        taken.add(folded);
        if (own.split('/').length > 64 || Buffer.byteLength(own) > 1024) return [];
        return [{ path: own, executable, bytes: contentOf(seed, length) }];
      });
    });
}

/** Bytes cut into pieces at arbitrary places. */
export function piecesOf(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = Math.max(1, lengths[turn % lengths.length] ?? bytes.length);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

/** Lengths of pieces: single bytes, blocks, whatever. */
export const cuts = fc.oneof(
  fc.constantFrom([1], [511], [512], [513], [65_536]),
  fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 6 }),
);
