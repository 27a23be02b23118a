import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseDocument } from '../../src/program/document.ts';

const read = (text: string) => parseDocument(new TextEncoder().encode(text), 'f.yaml');
const lines = (text: string) => read(text).findings.map(({ code, place }) => `${code} ${place}`);

describe('documents', () => {
  it('are YAML 1.2 or JSON', () => {
    const cases: [string, unknown][] = [
      [
        'a: 1\nb: [x, "1.10", true, null, ~]\nc: |\n  text\n',
        { a: 1, b: ['x', '1.10', true, null, null], c: 'text\n' },
      ],
      ['{"a":\t1.5e3,\n\t"b": "\\ud83d\\ude00"}', { a: 1500, b: '😀' }],
      ['on: yes', { on: 'yes' }],
      ['a: 0x1F\r\nb: 6.02e23\r\n', { a: 31, b: 6.02e23 }],
      ['"<<": 1', { '<<': 1 }],
      ['date: 2024-01-01', { date: '2024-01-01' }],
      ['a: -0', { a: 0 }],
    ];
    for (const [text, value] of cases) {
      assert.deepEqual(read(text).findings, [], text);
      assert.deepEqual(read(text).value, value);
    }
  });

  it('say no more than JSON can', () => {
    const cases: Record<string, string[]> = {
      'a: &x 1\nb: *x': ['SAME1002 f.yaml:1:7', 'SAME1002 f.yaml:2:4'],
      'a: !foo 1': ['SAME1002 f.yaml:1:9'],
      'a: !!str 1': ['SAME1002 f.yaml:1:10'],
      '<<: {a: 1}': ['SAME1002 f.yaml:1:1'],
      'a: 1\n---\nb: 1': ['SAME1002 f.yaml:2:1'],
      '%YAML 1.1\n---\na: 1': ['SAME1002 f.yaml:1:1'],
      '1: a\n? [b]\n: c\n~: d': ['SAME1002 f.yaml:1:1', 'SAME1002 f.yaml:2:3', 'SAME1002 f.yaml:4:1'],
      'a: 1\nb: 2\na: 3': ['SAME1003 f.yaml:3:1'],
      'a: .nan\nb: -.inf\nc: 1e999': ['SAME1015 f.yaml:1:4', 'SAME1015 f.yaml:2:4', 'SAME1015 f.yaml:3:4'],
      'a: 9007199254740992\nb: 9007199254740991\nc: 1e20': ['SAME1015 f.yaml:1:4', 'SAME1015 f.yaml:3:4'],
      'a: 1000000000000000000000000': ['SAME1015 f.yaml:1:4'],
      '{"__proto__": {"x": 1}}': ['SAME1015 f.yaml:1:2'],
      '"\\ud83d"': ['SAME1015 f.yaml:1:1'],
      'a: 1\rb: 2': ['SAME1001 f.yaml:1:5'],
    };
    for (const [text, expected] of Object.entries(cases)) assert.deepEqual(lines(text), expected, text);
  });

  it('are refused whole when they are not text', () => {
    assert.deepEqual(
      parseDocument(new Uint8Array([0x61, 0x0a, 0x62, 0xff]), 'f').findings.map((f) => [f.code, f.place]),
      [['SAME1011', 'f:2:2']],
    );
    assert.equal(parseDocument(new Uint8Array([0xef, 0xbb, 0xbf, 0x61]), 'f').findings[0]!.code, 'SAME1011');
    assert.equal(parseDocument(new Uint8Array([0xff, 0xfe, 0x61, 0x00]), 'f').findings[0]!.code, 'SAME1011');
    assert.equal(parseDocument(new Uint8Array(1024 * 1024 + 1), 'f').findings[0]!.code, 'SAME1011');
    assert.deepEqual(lines(''), ['SAME1001 f.yaml:1:1']);
    assert.deepEqual(lines('a: \0'), ['SAME1001 f.yaml:1:4']);
  });

  it('explain broken syntax', () => {
    const cases: Record<string, RegExp> = {
      'a:\n\t- b': /spaces/,
      'a: b: c': /quote text that has/,
      'a: @x': /quote the text/,
      'run: [python, --x={{inputs.x}}]': /\{\{/,
    };
    for (const [text, hint] of Object.entries(cases)) {
      const [finding] = read(text).findings;
      assert.equal(finding!.code, 'SAME1001', text);
      assert.match(finding!.hint!, hint, text);
    }
  });

  it('say how to write an unquoted template in a list', () => {
    const { findings, value } = read('run: [python, {{inputs.x}}]');
    assert.deepEqual(
      findings.map(({ code, place, hint }) => [code, place, hint]),
      [['SAME1001', 'f.yaml:1:15', 'quote it: "{{inputs.x}}"']],
    );
    assert.deepEqual(value, { run: ['python', '{{inputs.x}}'] });
  });

  it('know where each value is written', () => {
    const document = read('a:\n  b: [x, 1.10]\n  c: 2\n');
    assert.equal(document.place(['a', 'b', 1]), 'f.yaml:2:10');
    assert.equal(document.place(['a', 'c'], 'key'), 'f.yaml:3:3');
    assert.equal(document.place(['a', 'missing'], 'key'), 'f.yaml:1:1');
    assert.equal(document.written(['a', 'b', 1]), '1.10');
  });

  it('never crash the reader, and bring no deep recursion', () => {
    for (const text of [
      '['.repeat(5000),
      '- '.repeat(5000),
      'a: {'.repeat(5000),
      '? '.repeat(5000),
      `${'['.repeat(200)}${']'.repeat(200)}`,
    ]) {
      assert.ok(read(text).findings.length > 0, text.slice(0, 10));
    }
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void parseDocument(bytes, 'f')));
    const yaml = fc.array(
      fc.constantFrom(
        'a',
        ': ',
        '\n',
        '- ',
        '[',
        ']',
        '{',
        '}',
        '{{',
        '"',
        "'",
        '&x ',
        '*x',
        '!t ',
        ', ',
        '? ',
        '|',
        '#',
        '%',
        '---\n',
        '1',
        '<<',
        '  ',
      ),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(yaml, (parts) => void read(parts.join(''))),
      { numRuns: 2000 },
    );
  });

  it('read back every JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false, maxDepth: 4 }), (value) => {
        const { findings, value: got } = read(JSON.stringify(value));
        if (findings.length > 0)
          assert.ok(
            findings.every(({ code }) => code === 'SAME1015' || code === 'SAME1003' || code === 'SAME1001'),
          );
        else assert.equal(JSON.stringify(got), JSON.stringify(value));
      }),
    );
  });
});
