import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalBytes, canonicalJson, parseCanonical } from '../../src/bundle/canonical-json.ts';
import { isJsonObject, type JsonValue, unportable } from '../../src/program/json.ts';
import { anyText, jsonValue, number } from './arbitraries.ts';
import { holds, rounds } from './campaign.ts';

/** The value with the members of every object in the opposite order. */
function reversed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(reversed);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}

const withoutMinusZero = (value: JsonValue): JsonValue => JSON.parse(JSON.stringify(value)) as JsonValue;

test('the canonical form says the value, is its own canonical form, and does not know the order of keys', () =>
  holds(250, [jsonValue], (value) => {
    const text = canonicalJson(value);
    assert.deepEqual(JSON.parse(text), withoutMinusZero(value));
    assert.equal(canonicalJson(JSON.parse(text)), text);
    assert.equal(canonicalJson(reversed(value)), text);
    if (unportable(value) === undefined)
      assert.deepEqual(parseCanonical(Buffer.from(text), 'it'), JSON.parse(text));
  }));

test('no other spelling of a value is taken for its canonical form', () =>
  holds(250, [jsonValue, fc.constantFrom(' ', '\n', '\t', '\ufeff'), fc.nat(1000)], (value, space, at) => {
    const text = canonicalJson(value);
    const place = at % (text.length + 1);
    const other = text.slice(0, place) + space + text.slice(place);
    // A space between the halves of a pair makes text that bytes cannot say.
    if (!other.isWellFormed()) return;
    let same: boolean;
    try {
      same = canonicalJson(JSON.parse(other)) === other;
    } catch {
      same = false;
    }
    if (same) return;
    assert.throws(() => parseCanonical(Buffer.from(other), 'it'), { code: 'SAME1302' });
  }));

test('text with half a character and numbers that are none have no canonical form', () =>
  holds(200, [anyText], (text) => {
    if (text.isWellFormed()) assert.equal(JSON.parse(canonicalJson(text)), text);
    else assert.throws(() => canonicalJson([text]), { code: 'SAME1005' });
    assert.throws(() => canonicalJson({ [text]: Number.NaN }), { name: 'SameError' });
  }));

/** RFC 8785 once more, in another language: numbers from the shortest digits that CPython finds, keys by UTF-16. */
const ORACLE = `
import json, sys, decimal
def number(x):
    if x == 0: return '0'
    sign, digits, exponent = decimal.Decimal(repr(x)).as_tuple()
    while len(digits) > 1 and digits[-1] == 0:
        digits, exponent = digits[:-1], exponent + 1
    d = ''.join(map(str, digits)); k = len(d); n = k + exponent
    if k <= n <= 21: s = d + '0' * (n - k)
    elif 0 < n <= 21: s = d[:n] + '.' + d[n:]
    elif -6 < n <= 0: s = '0.' + '0' * -n + d
    else:
        e = n - 1
        s = d[0] + ('.' + d[1:] if k > 1 else '') + 'e' + ('+' if e >= 0 else '-') + str(abs(e))
    return ('-' if sign else '') + s
def text(s):
    out = []
    for c in s:
        short = {'"': '\\\\"', '\\\\': '\\\\\\\\', '\\b': '\\\\b', '\\f': '\\\\f', '\\n': '\\\\n', '\\r': '\\\\r', '\\t': '\\\\t'}.get(c)
        out.append(short if short else '\\\\u%04x' % ord(c) if c < ' ' else c)
    return '"' + ''.join(out) + '"'
def form(v):
    if v is None: return 'null'
    if v is True: return 'true'
    if v is False: return 'false'
    if isinstance(v, (int, float)): return number(float(v))
    if isinstance(v, str): return text(v)
    if isinstance(v, list): return '[' + ','.join(map(form, v)) + ']'
    return '{' + ','.join(text(k) + ':' + form(v[k]) for k in sorted(v, key=lambda k: k.encode('utf-16-be'))) + '}'
for line in sys.stdin.buffer:
    sys.stdout.buffer.write(form(json.loads(line)).encode('utf-8') + b'\\n')
`;

test('another implementation gives the same bytes', () => {
  const { seed, numRuns } = rounds(400);
  const values = [
    ...fc.sample(jsonValue, { seed, numRuns }),
    ...fc.sample(fc.array(number, { maxLength: 20 }), { seed, numRuns }),
  ];
  const input = values.map((value) => `${JSON.stringify(value)}\n`).join('');
  const { status, stdout, stderr } = spawnSync('python3', ['-c', ORACLE], { input, maxBuffer: 2 ** 28 });
  assert.equal(status, 0, stderr.toString());
  const theirs = stdout.toString().split('\n');
  for (const [index, value] of values.entries()) {
    assert.equal(canonicalBytes(value).toString(), theirs[index], JSON.stringify(value));
  }
});
