import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SameError } from '../../src/errors/same-error.ts';
import { holds } from '../../src/pipeline/condition.ts';
import { type Condition, parseCondition } from '../../src/program/condition.ts';
import type { JsonObject } from '../../src/program/json.ts';

const parameters: JsonObject = {
  n: 3,
  text: 'adam',
  yes: true,
  no: false,
  'two-words': 2,
  list: [1, 'x'],
  nil: null,
};
const matrix: JsonObject = { seed: 7, n: 4, kind: 'b' };

function conditionOf(text: string): Condition {
  const parsed = parseCondition(text);
  assert.ok('condition' in parsed, text);
  return parsed.condition;
}
const answer = (text: string) => holds(conditionOf(text), { parameters, matrix });

/** A part of a condition beside the JavaScript that means the same; how tightly it binds decides about brackets. */
interface Both {
  ours: string;
  theirs: string;
  /** 0 is `||`, 1 is `&&`, 2 a comparison, 3 a single thing. */
  binds: number;
}
const wrapped = ({ ours, theirs, binds }: Both, least: number): Both =>
  binds >= least ? { ours, theirs, binds } : { ours: `(${ours})`, theirs: `(${theirs})`, binds: 3 };
const single = (ours: string, theirs = ours): Both => ({ ours, theirs, binds: 3 });

const space = fc.constantFrom('', ' ', '  ', '\n');
const number = fc.oneof(
  fc.constantFrom(
    single('n', '3'),
    single('parameters.n', '3'),
    single('matrix.n', '4'),
    single('seed', '7'),
  ),
  fc.integer({ min: -9, max: 9 }).map((value) => single(String(value))),
  fc
    .double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 })
    .map((value) => single(JSON.stringify(value))),
);
const text = fc.oneof(
  fc.constantFrom(single('text', '"adam"'), single('matrix.kind', '"b"'), single('kind', '"b"')),
  fc.string({ maxLength: 3 }).map((value) => single(JSON.stringify(value))),
);
const joined = (operator: string, theirs: string, binds: number, least: number, parts: fc.Arbitrary<Both>) =>
  fc.tuple(parts, parts, space, space).map(([left, right, a, b]): Both => {
    const [l, r] = [wrapped(left, least), wrapped(right, least + 1)];
    return {
      ours: `${l.ours}${a}${operator}${b}${r.ours}`,
      theirs: `${l.theirs} ${theirs} ${r.theirs}`,
      binds,
    };
  });
const ordered = (parts: fc.Arbitrary<Both>) =>
  fc.oneof(...['<', '<=', '>', '>='].map((operator) => joined(operator, operator, 2, 3, parts)));
const equality = (parts: fc.Arbitrary<Both>) =>
  fc.oneof(joined('==', '===', 2, 3, parts), joined('!=', '!==', 2, 3, parts));
const scalar = fc.oneof(number, text);
const membership = fc.tuple(scalar, fc.array(scalar, { maxLength: 3 })).map(
  ([one, list]): Both => ({
    ours: `${one.ours} in [${list.map(({ ours }) => ours).join(', ')}]`,
    theirs: `[${list.map(({ theirs }) => theirs).join(', ')}].includes(${one.theirs})`,
    binds: 2,
  }),
);
const { whole } = fc.letrec<{ whole: Both }>((tie) => ({
  whole: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(single('yes', 'true'), single('no', 'false'), single('true'), single('false')),
    ordered(number),
    ordered(text),
    equality(scalar),
    membership,
    joined('==', '===', 2, 3, tie('whole')),
    joined('&&', '&&', 1, 1, tie('whole')),
    joined('||', '||', 0, 0, tie('whole')),
    tie('whole').map((inner): Both => {
      const { ours, theirs } = wrapped(inner, 3);
      return single(`!${ours}`, `!${theirs}`);
    }),
    tie('whole').map(({ ours, theirs }) => single(`( ${ours} )`, `(${theirs})`)),
  ),
}));

describe('a condition', () => {
  it('has the answer that JavaScript has for the same, strictly compared', () => {
    fc.assert(
      fc.property(whole, ({ ours, theirs }) => {
        assert.equal(answer(ours), Function(`return ${theirs};`)(), `${ours} for ${theirs}`);
      }),
      { numRuns: 2000 },
    );
  });

  it('compares texts by code units, as keys are sorted', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        fc.pre(a.isWellFormed() && b.isWellFormed());
        assert.equal(answer(`${JSON.stringify(a)} < ${JSON.stringify(b)}`), a < b);
      }),
    );
  });

  const answers: [text: string, expected: boolean][] = [
    ['n == 3', true],
    ['matrix.n == 4', true],
    ['two-words == 2', true],
    ['list == [1, "x"]', true],
    ['[1, "x"] != list', false],
    ['"x" in list', true],
    ['[1] in [[1], 2]', true],
    ['nil == null', true],
    ['1 == 1.0', true],
    ['1 == "1"', false],
    ['0 == -0', true],
    ['[1, [2]] == [1, [2]]', true],
    ['yes || 1 > "x"', true],
    ['no && 1 > "x"', false],
    ['!(n > 2 && n < 4)', false],
  ];
  for (const [condition, expected] of answers) {
    it(`is ${expected}: ${condition}`, () => {
      assert.equal(answer(condition), expected);
    });
  }

  const unanswered: [text: string, why: RegExp][] = [
    ['n', /the condition is 3, neither true nor false/],
    ['text && yes', /a side of && is "adam"/],
    ['yes && n', /a side of && is 3/],
    ['!n', /the right side of ! is 3/],
    ['n < "x"', /3 < "x" compares neither two numbers nor two texts/],
    ['yes > no', /true > false compares neither/],
    ['1 in n', /the right side of in is 3, not a list/],
    ['[1]', /the condition is \[1\]/],
    ['nil < 1', /null < 1 compares neither/],
    ['unknown == 1', /there is no parameter or dimension "unknown"/],
  ];
  for (const [condition, why] of unanswered) {
    it(`has no answer: ${condition}`, () => {
      assert.throws(
        () => answer(condition),
        (error) => error instanceof SameError && error.code === 'SAME1010' && why.test(error.message),
      );
    });
  }

  it('may be a chain of a hundred thousand', () => {
    assert.equal(answer(Array(100_000).fill('no').join(' || ')), false);
    assert.equal(answer(Array(100_000).fill('yes').join(' && ')), true);
  });
});
