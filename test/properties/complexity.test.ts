import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHashedRequirements } from '../../src/environments/hashed-requirements.ts';
import { SameError } from '../../src/errors/same-error.ts';
import { coerceText } from '../../src/program/coercion.ts';
import { parseCondition } from '../../src/program/condition.ts';
import { parseDocument } from '../../src/program/document.ts';
import { matchesGlob } from '../../src/program/glob.ts';
import { parseManifest } from '../../src/program/manifest.ts';
import type { ParameterSchema } from '../../src/program/schema.ts';
import { unsafePlaces } from '../../src/program/shell-context.ts';
import { validateValue } from '../../src/program/value.ts';

/** Lengths of the smaller and the larger input; work in proportion grows sixteenfold, in the square 256-fold. */
const [SMALL, LARGE] = [2 ** 13, 2 ** 17];
const MOST_GROWTH = 90;
/** What takes less processor time than this is quick enough, however it grew. */
const QUICK_MS = 300;

/** A text of a length made of one piece, over and over. */
const filled = (piece: string, length: number): string =>
  piece.repeat(Math.ceil(length / piece.length)).slice(0, length);

/** Processor time of this thread: what other processes do has little part in it. */
function workMs(work: () => unknown): number {
  const before = process.threadCpuUsage();
  try {
    work();
  } catch (error) {
    if (!(error instanceof SameError)) throw error;
  }
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

function growsWithItsInput<T>(make: (length: number) => T, work: (input: T) => unknown): void {
  const [small, large] = [make(SMALL), make(LARGE)];
  const least = Math.max(
    1,
    workMs(() => work(small)),
  );
  const most = workMs(() => work(large));
  const grown = Math.round(most / least);
  assert.ok(most <= QUICK_MS || grown <= MOST_GROWTH, `16 times the input took ${grown} times the work`);
}

test('a shell text of one piece over and over is read in proportion to its length', () => {
  for (const piece of ['{{', '{{a', '"{{', '`{{', '${{{', '$(']) {
    growsWithItsInput((length) => filled(piece, length), unsafePlaces);
  }
});

test('a condition is read in proportion to its length', () => {
  for (const piece of ['a || ', '!', '(', '[1, ', '"\\', ' ', 'a.', '-1', '== ']) {
    growsWithItsInput((length) => filled(piece, length), parseCondition);
  }
});

test('a lock of requirements is read in proportion to its length', () => {
  for (const piece of [' ', '\r', 'a==1\n']) {
    growsWithItsInput(
      (length) => Buffer.from(`a==1 ${filled(piece, length)}b`),
      (bytes) => parseHashedRequirements(bytes, 'f'),
    );
  }
});

test('a list of maps that look like templates is read in proportion to its length', () =>
  growsWithItsInput(
    (length) => Buffer.from(`[${filled('{{a},b},', length)}]`),
    (bytes) => parseDocument(bytes, 'f'),
  ));

test('the places of fields are found in proportion to their number', () =>
  growsWithItsInput(
    (length) => {
      const keys = Array.from({ length: length / 8 }, (_, i) => `k${i}`);
      return {
        keys,
        document: parseDocument(Buffer.from(`{${keys.map((key) => `${key}: 1`).join()}}`), 'f'),
      };
    },
    ({ keys, document }) => {
      for (const key of keys) document.place([key], 'key');
      for (const key of keys) document.written([key]);
    },
  ));

test('a manifest with many unknown fields is read in proportion to its length', () =>
  growsWithItsInput(
    (length) => {
      const head = 'apiVersion: same/v1\nkind: Program\nmetadata: {name: a, version: "1"}\n';
      const fields = Array.from({ length: length / 8 }, (_, i) => `k${i}: 1\n`);
      const text = `${head}pipeline: {steps: {a: {run: [a]}}}\n${fields.join('')}`;
      return { bytes: Buffer.from(text), count: fields.length };
    },
    ({ bytes, count }) => assert.equal(parseManifest(bytes, 'same.yaml').findings.length, count),
  ));

test('a document that goes deeper than the parser can come back from is refused, and is no fault of ours', () => {
  for (const piece of ['- ', '? ', '? - ']) {
    const bytes = Buffer.from(`${piece.repeat(100_000)}a\nb: 1\n`);
    const { findings, value } = parseDocument(bytes, 'same.yaml');
    assert.equal(value, undefined);
    const message = 'nested too deeply, or broken in too many places';
    assert.deepEqual(findings, [{ code: 'SAME1001', message, place: 'same.yaml:1:1' }]);
  }
});

test('a glob never backtracks', () => {
  for (const piece of ['*a', '**/', '{*,**}', '{a,aa}', '**/*a*']) {
    assert.equal(matchesGlob(`${'a'.repeat(500)}/${'a'.repeat(500)}`, `${piece.repeat(40)}b`), false);
  }
});

test('a list that may hold nothing twice is checked in proportion to its length', () => {
  const schema = { type: 'array', uniqueItems: true } as unknown as ParameterSchema;
  growsWithItsInput(
    (length) => Array.from({ length: length / 4 }, (_, i) => i),
    (items) => validateValue(schema, items),
  );
});

test('lists and maps of any depth on the command line are refused and not followed', () => {
  for (const text of [
    '['.repeat(60_000) + ']'.repeat(60_000),
    `[${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}]`,
  ]) {
    assert.ok('problem' in coerceText({ type: 'array' } as ParameterSchema, text));
  }
});
