import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cellsOfList, combinationsOf } from '../../src/pipeline/matrix.ts';
import type { PlannedCell } from '../../src/pipeline/plan.ts';
import { planRun } from '../../src/pipeline/plan-run.ts';
import type { JsonObject, JsonValue } from '../../src/program/json.ts';
import { resolveParameters } from '../../src/program/parameters.ts';
import { programOf } from './program.ts';

function planOf(manifest: string, values: JsonObject = {}) {
  const program = programOf(manifest);
  const { parameters } = resolveParameters(program, { file: { name: 'values.json', values } });
  return planRun({
    program,
    digest: `sha256:${'a'.repeat(64)}`,
    target: 'here',
    engine: 'local',
    parameters,
  });
}

const oneStep = (
  fields: string,
) => `parameters: {n: {type: integer, default: 1}, s: {type: string, default: a}}
pipeline:
  steps:
    main: {run: [sh, x.sh]${fields}}
`;

describe('the cells of a matrix', () => {
  it('are every combination in the order of the names, the last varying fastest, whatever the order they are written in', () => {
    const { cells } = planOf(oneStep(', matrix: {z: [1, 2], a: [x, y]}')).plan.steps[0]!;
    assert.deepEqual(cells, [
      { name: 'main.0', matrix: { a: 'x', z: 1 } },
      { name: 'main.1', matrix: { a: 'x', z: 2 } },
      { name: 'main.2', matrix: { a: 'y', z: 1 } },
      { name: 'main.3', matrix: { a: 'y', z: 2 } },
    ]);
  });

  it('are numbered also where there is one, and not where there is no matrix', () => {
    assert.deepEqual(planOf(oneStep(', matrix: {a: [x]}')).plan.steps[0]!.cells, [
      { name: 'main.0', matrix: { a: 'x' } },
    ]);
    assert.deepEqual(planOf(oneStep('')).plan.steps[0]!.cells, [{ name: 'main', matrix: {} }]);
  });

  it('are as many as the product of the lists, all different, each found at its place by counting', () => {
    const dimension = fc.uniqueArray(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 5 });
    const names = fc.stringMatching(/^[a-z][a-z0-9]{0,3}$/);
    fc.assert(
      fc.property(
        fc.dictionary(names, dimension, { minKeys: 1, maxKeys: 4, noNullPrototype: true }),
        (matrix) => {
          const found = combinationsOf(matrix);
          const sorted = Object.keys(matrix).sort();
          assert.equal(
            found.length,
            sorted.reduce((product, name) => product * matrix[name]!.length, 1),
          );
          found.forEach((combination, number) => {
            let rest = number;
            for (const name of sorted.toReversed()) {
              const values = matrix[name]!;
              assert.equal(combination[name], values[rest % values.length]);
              rest = Math.floor(rest / values.length);
            }
          });
        },
      ),
    );
  });
});

describe('a condition in a plan', () => {
  it('skips the cells for which it is false, and says why', () => {
    const { cells } = planOf(oneStep(', matrix: {a: [1, 2, 3]}, when: a != n'), { n: 2 }).plan.steps[0]!;
    assert.deepEqual(
      cells.map(({ skipped }) => skipped),
      [undefined, 'its condition is false: a != n', undefined],
    );
  });

  it('sees parameters that the step does not', () => {
    const { plan } = planOf(oneStep(', parameters: [], when: n == 7'), { n: 7 });
    assert.deepEqual(plan.steps[0]!.cells, [{ name: 'main', matrix: {} }]);
  });

  it('without an answer is refused with SAME1010, by the name of its step', () => {
    const { findings } = planOf(oneStep(', when: s < 3'));
    assert.deepEqual(
      findings.map(({ code }) => code),
      ['SAME1010'],
    );
    assert.match(findings[0]!.message, /^pipeline\.steps\.main\.when: "a" < 3 .* \(s < 3\)$/);
  });
});

describe('the cells of a list', () => {
  const step = { name: 'plot', foreach: { step: 'choose', output: 'best' } };

  it('are one for each item, in order, as the dimension item', () => {
    assert.deepEqual(cellsOfList(step, ['a', { b: 1 }, null], {}), [
      { name: 'plot.0', matrix: { item: 'a' } },
      { name: 'plot.1', matrix: { item: { b: 1 } } },
      { name: 'plot.2', matrix: { item: null } },
    ]);
    assert.deepEqual(cellsOfList(step, [], {}), []);
  });

  it('are skipped where the condition is false', () => {
    const cells = cellsOfList({ ...step, when: 'item > least' }, [1, 2], { least: 1 }) as PlannedCell[];
    assert.deepEqual(
      cells.map(({ skipped }) => skipped),
      ['its condition is false: item > least', undefined],
    );
  });

  const refused: [what: string, list: JsonValue, why: RegExp][] = [
    ['no list', { a: 1 }, /it is \{"a":1\}, not a list/],
    ['too long', Array.from({ length: 100_001 }, (_, index) => index), /100001 items, more than 100000/],
    ['of equal items', [{ a: 1, b: 2 }, 3, { b: 2, a: 1 }], /items 0 and 2 are the same/],
    ['of a text with a NUL', ['a\0'], /item 0 cannot be passed on: it holds a NUL/],
    ['of numbers that are not kept', [2 ** 60], /item 0 cannot be passed on/],
  ];
  for (const [what, list, why] of refused) {
    it(`cannot be made of what is ${what}`, () => {
      const finding = cellsOfList(step, list, {});
      assert.ok(!Array.isArray(finding));
      assert.equal(finding.code, 'SAME1613');
      assert.match(finding.message, why);
      assert.match(finding.message, /step plot has no cells from choose\.best/);
    });
  }

  it('cannot be made where the condition has no answer', () => {
    const finding = cellsOfList({ ...step, when: 'item > 1' }, ['a'], {});
    assert.ok(!Array.isArray(finding) && /when: "a" > 1/.test(finding.message));
  });

  it('can be a hundred thousand', () => {
    const cells = cellsOfList(
      step,
      Array.from({ length: 100_000 }, (_, index) => index),
      {},
    );
    assert.ok(Array.isArray(cells) && cells.length === 100_000);
  });
});

describe('a plan with steps that run more than once', () => {
  it('keeps the list and the condition of a foreach, and has no cells yet', () => {
    const { plan } = planOf(`
pipeline:
  steps:
    choose: {run: x, outputs: {best: {}}}
    plot: {run: x, foreach: choose.best, when: item > 1, parallel: 3}
`);
    const [, plot] = plan.steps;
    assert.deepEqual(
      [plot!.cells, plot!.foreach, plot!.when, plot!.parallel, plot!.after],
      [[], { step: 'choose', output: 'best' }, 'item > 1', 3, ['choose']],
    );
  });

  it('has the steps of finally last, with their group', () => {
    const { plan } = planOf(`
pipeline:
  steps: {z: {run: x, outputs: {o: {}}}}
  finally:
    a: {run: x, inputs: {i: {from: b.o}, j: {from: z.o}}}
    b: {run: x, outputs: {o: {}}}
`);
    assert.deepEqual(
      plan.steps.map(({ name, group, after }) => [name, group, after]),
      [
        ['z', 'steps', []],
        ['b', 'finally', []],
        ['a', 'finally', ['b', 'z']],
      ],
    );
  });
});
