import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalBytes, canonicalJson, parseCanonical, sha256 } from '../../src/bundle/canonical-json.ts';

test('the example of RFC 8785 section 3.2 has the bytes of the RFC', () => {
  const source = String.raw`{
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  }`;
  assert.equal(
    canonicalJson(JSON.parse(source)),
    String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
  );
});

test('keys are sorted by UTF-16 code unit, as section 3.2.3 shows', () => {
  const keys = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6'];
  const sorted = Object.keys(JSON.parse(canonicalJson(Object.fromEntries(keys.map((key) => [key, 0])))));
  assert.deepEqual(sorted, ['1', '\r', '\u0080', '\u00f6', '\u20ac', '\u{1f600}', '\ufb33']);
});

test('what JSON cannot say is refused', () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, [Number.NEGATIVE_INFINITY]]) {
    assert.throws(() => canonicalJson(value), { code: 'SAME1015' });
  }
  const deep = JSON.parse('['.repeat(600) + ']'.repeat(600));
  for (const value of [
    '\ud800',
    { '\udc00': 1 },
    () => 1,
    1n,
    undefined,
    JSON.parse('{"__proto__":1}'),
    deep,
  ]) {
    assert.throws(() => canonicalJson(value), { code: 'SAME1005' });
  }
  assert.equal(canonicalJson({ a: undefined, b: -0 }), '{"b":0}');
});

test('any JSON value survives and has one canonical form', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      if (JSON.stringify(value).includes('__proto__')) return;
      const bytes = canonicalBytes(value);
      const back = parseCanonical(bytes, 'value');
      assert.deepEqual(back, JSON.parse(JSON.stringify(value)));
      assert.ok(canonicalBytes(back).equals(bytes));
    }),
  );
});

test('a document in another form is refused, which covers duplicate keys, BOM and bad UTF-8', () => {
  const documents = [
    '{"a":1,"a":1}',
    '{ }',
    '{"b":1,"a":2}',
    '1.0',
    '\ufeff{}',
    '{"__proto__":1}',
    '"\\u0041"',
    '{}\n',
    '',
  ];
  for (const text of [...documents.map((text) => Buffer.from(text)), Buffer.from([0x22, 0xff, 0x22])]) {
    assert.throws(() => parseCanonical(text, 'x'), { code: 'SAME1302' });
  }
  assert.throws(() => parseCanonical(Buffer.from('['.repeat(2_000_000)), 'x'), { code: 'SAME1302' });
});

test('a digest is lower-case hex with its algorithm', () => {
  assert.equal(sha256(''), 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

test('keys that look like indices, are out of order or of objects with toJSON are written as any others', () => {
  assert.equal(
    canonicalJson({ b: 1, a: [{ d: 1, c: { 10: 1, 9: 2, x: 0 } }] }),
    '{"a":[{"c":{"10":1,"9":2,"x":0},"d":1}],"b":1}',
  );
  assert.equal(
    canonicalJson({ a: 1, b: { z: 1, y: 2 }, c: undefined, d: 'é' }),
    '{"a":1,"b":{"y":2,"z":1},"d":"é"}',
  );
  assert.equal(canonicalJson({ toJSON: undefined, a: 1 }), '{"a":1}');
  assert.equal(canonicalJson({ at: new Date(0) }), '{"at":{}}');
  assert.throws(() => canonicalJson([undefined]), { code: 'SAME1005' });
});
