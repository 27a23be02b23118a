import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { flagWords } from '../../src/pipeline/command.ts';
import type { JsonObject, JsonValue } from '../../src/program/json.ts';
import { equalJson, unportable } from '../../src/program/json.ts';
import { foldName, isName, pinDirectory } from '../../src/program/name.ts';
import { parseParameterWords } from '../../src/program/parameter-words.ts';
import { resolveParameters } from '../../src/program/parameters.ts';
import { formatBytes, parseDuration, parseQuantity } from '../../src/program/quantity.ts';
import { formatReference, parseReference } from '../../src/program/reference.ts';
import type { Program } from '../../src/program/schema.ts';
import {
  compareVersions,
  highestVersion,
  isPrerelease,
  isVersion,
  tagOf,
  versionOfTag,
} from '../../src/program/version.ts';
import { jsonValue, number, wellFormedText } from './arbitraries.ts';
import { holds } from './campaign.ts';

const version = fc
  .array(
    fc.oneof(
      fc.constantFrom('0', '1', '9', '10', '01', 'a', 'B', 'rc', '.', '-', '+', '.0', '99999999999999999999'),
      fc.stringMatching(/^[0-9A-Za-z.+-]$/),
    ),
    { minLength: 1, maxLength: 10 },
  )
  .map((parts) => parts.join(''))
  .filter(isVersion);

test('versions have one order: of any two one is first, and it goes on through a third', () =>
  holds(1500, [version, version, version], (a, b, c) => {
    assert.equal(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a)), 0);
    assert.ok(compareVersions(a, a) === 0);
    if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) assert.ok(compareVersions(a, c) <= 0);
    if (compareVersions(a, b) === 0) {
      assert.ok(Math.sign(compareVersions(a, c)) === Math.sign(compareVersions(b, c)));
    }
  }));

test('the highest of some versions is none of the pre-releases where there is another, and nothing is above it', () =>
  holds(500, [fc.array(version, { minLength: 1, maxLength: 8 })], (versions) => {
    const highest = highestVersion(versions)!;
    const able = versions.some((each) => !isPrerelease(each))
      ? versions.filter((each) => !isPrerelease(each))
      : versions;
    assert.ok(able.includes(highest));
    for (const each of able) assert.ok(compareVersions(each, highest) <= 0);
  }));

test('a version and its tag name each other', () =>
  holds(500, [version], (each) => {
    assert.match(tagOf(each), /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/);
    assert.equal(versionOfTag(tagOf(each)), each);
  }));

const name = fc
  .stringMatching(/^[A-Za-z0-9]{1,5}([._-][A-Za-z0-9]{1,4}){0,2}(\/[A-Za-z0-9]{1,4}){0,2}$/)
  .filter(isName);

test('a reference that is written is the one that is read', () =>
  holds(
    1000,
    [
      name,
      fc.option(version, { nil: undefined }),
      fc.option(fc.stringMatching(/^sha256:[0-9a-f]{64}$/), { nil: undefined }),
      fc.option(fc.constantFrom('h.example', 'h.example:5000', 'localhost:1', '[::1]:5000', '127.0.0.1'), {
        nil: undefined,
      }),
    ],
    (path, tag, digest, host) => {
      const text = `${host === undefined ? '' : `oci://${host}/`}${path}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
      const reference = parseReference(text);
      assert.equal(formatReference(reference), text);
      assert.deepEqual(parseReference(formatReference(reference)), reference);
      assert.equal(reference.version, tag);
      assert.equal(reference.digest, digest);
    },
  ));

test('names that fold to one share their pins, and no others do', () =>
  holds(1000, [name, name], (a, b) => {
    assert.equal(foldName(foldName(a)), foldName(a));
    assert.equal(pinDirectory(a) === pinDirectory(b), foldName(a) === foldName(b));
  }));

test('values become words, and the words the same values', () => {
  const parameters = {
    text: { type: 'string' },
    whole: { type: 'integer' },
    rate: { type: 'number' },
    yes: { type: 'boolean' },
    'no-op': { type: 'boolean' },
    items: { type: 'array' },
    options: { type: 'object' },
    names: { type: 'array', items: { type: 'string' } },
  };
  const program = { metadata: { name: 'a', version: '1' }, parameters } as unknown as Program;
  const fitting = (value: JsonValue): boolean => unportable(value) === undefined;
  return holds(
    500,
    [
      fc.record({
        // A list of texts is given as JSON, which begins with a bracket; a text may begin with anything.
        text: wellFormedText,
        whole: fc.maxSafeInteger(),
        rate: number.filter(fitting),
        yes: fc.boolean(),
        'no-op': fc.boolean(),
        items: fc.array(jsonValue.filter(fitting), { maxLength: 4 }),
        options: fc.dictionary(
          wellFormedText.filter((key) => key !== '__proto__'),
          jsonValue.filter(fitting),
          {
            maxKeys: 4,
            noNullPrototype: true,
          },
        ),
        names: fc.array(wellFormedText, { maxLength: 4 }),
      }),
    ],
    (values) => {
      const words = flagWords(values as JsonObject);
      const { flags, findings } = parseParameterWords(words, parameters as never);
      assert.deepEqual(findings, []);
      const resolved = resolveParameters(program, { flags });
      const wanted: JsonObject = { ...(values as JsonObject) };
      for (const [key, value] of Object.entries(wanted)) {
        // False is left out of the words: nothing says it.
        if (value === false) continue;
        assert.ok(
          equalJson(resolved.parameters[key]!.value, JSON.parse(JSON.stringify(value))),
          `${key}: ${JSON.stringify(value)} became ${JSON.stringify(resolved.parameters[key])}`,
        );
      }
    },
  );
});

test('quantities grow with their number and unit, and are whole', () =>
  holds(
    500,
    [
      fc.nat(1000),
      fc.constantFrom('', 'k', 'M', 'G', 'T', 'Ki', 'Mi', 'Gi', 'Ti'),
      fc.constantFrom('ms', 's', 'm', 'h', 'd'),
    ],
    (count, unit, time) => {
      const size = parseQuantity(`${count}${unit}`);
      assert.ok(Number.isSafeInteger(size));
      assert.equal(parseQuantity(`${count + 1}${unit}`) - size, parseQuantity(`1${unit}`));
      assert.equal(
        parseDuration(`${count + 1}${time}`) - parseDuration(`${count}${time}`),
        parseDuration(`1${time}`),
      );
      assert.match(formatBytes(size), /^[0-9.]+ ([KMGTP]i)?B$/);
    },
  ));
