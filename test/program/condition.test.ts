import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { namesInCondition, parseCondition } from '../../src/program/condition.ts';

function problemOf(text: string): string {
  const parsed = parseCondition(text);
  assert.ok('problem' in parsed, text);
  const { message, hint } = parsed.problem;
  return hint === undefined ? message : `${message}; ${hint}`;
}

describe('a text that is no condition', () => {
  const problems: [text: string, problem: string][] = [
    ['', 'the end is not expected at character 1'],
    ['a = 1', '"=" is not expected at character 3; equality is =='],
    ['a & b', '"&" is not expected at character 3; and is &&'],
    ['a | b', '"|" is not expected at character 3; or is ||'],
    ["a == 'x'", '"\'" is not expected at character 6; write text in double quotes: "adam"'],
    ['1 < a < 3', '"<" is not expected at character 7; comparisons do not chain: write a < b && b < c'],
    ['a == 1 in b', '"in" is not expected at character 8; comparisons do not chain: write a < b && b < c'],
    ['(a', 'the end is not expected at character 3; a ( is not closed'],
    ['a in [1', 'the end is not expected at character 8; a [ is not closed'],
    ['a == 01', '"01" is not expected at character 6; numbers are written as in JSON'],
    ['a == 1_000', '"1_000" is not expected at character 6; numbers are written as in JSON'],
    [
      'outputs.x == 1',
      '"outputs.x" is not expected at character 1; a name is NAME, parameters.NAME or matrix.NAME',
    ],
    ['a b', '"b" is not expected at character 3'],
    ['a == "\\q"', '"\\"\\\\q\\"" is not expected at character 6; text is written as in JSON'],
    ['"a', '"\\"" is not expected at character 1'],
    [`${'!'.repeat(101)}a`, 'nested deeper than 100 levels'],
    [`${'['.repeat(101)}a`, 'nested deeper than 100 levels'],
  ];
  for (const [text, problem] of problems) {
    it(`is refused with its place: ${text.slice(0, 40)}`, () => {
      assert.equal(problemOf(text), problem);
    });
  }

  it('is refused by a value, never by a crash, whatever it is', () => {
    const pieces = fc.constantFrom(
      'a',
      '1',
      '"x"',
      '"',
      '\\',
      '==',
      '<',
      '&&',
      '|',
      '!',
      '(',
      ')',
      '[',
      ']',
      ',',
      '.',
      ' ',
      'in',
      'é',
      '\0',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(pieces).map((list) => list.join('')),
          fc.string({ unit: 'binary' }),
        ),
        (text) => {
          const parsed = parseCondition(text);
          assert.ok('condition' in parsed || parsed.problem.message.length < 120);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('the names of a condition', () => {
  it('are found in order wherever they stand', () => {
    const parsed = parseCondition('a && !(b in [c, [matrix.d]]) || parameters.e == (f != "g")');
    assert.ok('condition' in parsed);
    assert.deepEqual(namesInCondition(parsed.condition), [
      { name: 'a' },
      { name: 'b' },
      { name: 'c' },
      { name: 'd', of: 'matrix' },
      { name: 'e', of: 'parameters' },
      { name: 'f' },
    ]);
  });

  it('may be those of parameters and matrix themselves', () => {
    const parsed = parseCondition('parameters == matrix');
    assert.ok('condition' in parsed);
    assert.deepEqual(namesInCondition(parsed.condition), [{ name: 'parameters' }, { name: 'matrix' }]);
  });
});
