import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ParameterSchema } from '../../src/program/schema.ts';
import { parseExpression } from '../../src/sweeps/expression.ts';
import { listedValues } from '../../src/sweeps/search-space.ts';

const read = (schema: ParameterSchema, ...texts: string[]) =>
  parseExpression({ name: 'p', schema, from: '--p', texts });

function valuesOf(schema: ParameterSchema, text: string) {
  const expression = read(schema, text);
  assert.ok('dimension' in expression, JSON.stringify(expression));
  return listedValues(expression.dimension);
}

function problemsOf(schema: ParameterSchema, ...texts: string[]): string[] {
  const expression = read(schema, ...texts);
  assert.ok('findings' in expression, JSON.stringify(expression));
  return expression.findings.map(({ code, message }) => `${code} ${message}`);
}

const number: ParameterSchema = { type: 'number' };
const integer: ParameterSchema = { type: 'integer' };
const text: ParameterSchema = { type: 'string' };

describe('what is to be tried for a parameter', () => {
  it('is a list of values by the declared type', () => {
    assert.deepEqual(valuesOf(text, 'a,b'), ['a', 'b']);
    assert.deepEqual(valuesOf(text, '1,2'), ['1', '2']);
    assert.deepEqual(valuesOf(integer, '1,2'), [1, 2]);
    assert.deepEqual(valuesOf({ type: 'boolean' }, 'true,false'), [true, false]);
    assert.deepEqual(valuesOf({ type: ['string', 'null'] }, 'a,null'), ['a', null]);
    assert.deepEqual(valuesOf(text, '["a,b","c"]'), ['a,b', 'c']);
    assert.deepEqual(valuesOf(number, 'choice(0.1,1e-3)'), [0.1, 0.001]);
    assert.deepEqual(valuesOf(text, 'choice(x)'), ['x']);
  });

  it('is a choice of whole lists and objects where the parameter is one', () => {
    const layers: ParameterSchema = { type: 'array', items: { type: 'integer', minimum: 1 } };
    assert.deepEqual(valuesOf(layers, 'choice([32],[64,64])'), [[32], [64, 64]]);
    assert.deepEqual(read(layers, '[64,64]'), { value: [64, 64] });
    assert.deepEqual(read(layers, '32', '16'), { value: [32, 16] });
    assert.deepEqual(valuesOf({ type: 'object' }, 'choice({"a":1},{})'), [{ a: 1 }, {}]);
    assert.deepEqual(problemsOf(layers, 'choice([32],[0])'), [
      'SAME1103 parameter "p": [0]: 0 is below the minimum 1 (from --p)',
    ]);
  });

  it('is a range without its end, exact in decimals', () => {
    assert.deepEqual(valuesOf(integer, 'range(0,5)'), [0, 1, 2, 3, 4]);
    assert.deepEqual(valuesOf(integer, 'range(5,0,-2)'), [5, 3, 1]);
    assert.deepEqual(valuesOf(number, 'range(0,0.5,0.1)'), [0, 0.1, 0.2, 0.3, 0.4]);
    assert.deepEqual(valuesOf(number, 'range(1e-7,4e-7,1e-7)'), [1e-7, 2e-7, 3e-7]);
  });

  it('is one value where nothing says several, as in a run', () => {
    assert.deepEqual(read(text, 'adam'), { value: 'adam' });
    assert.deepEqual(read(number, '1e-3'), { value: 0.001 });
    assert.deepEqual(read(text, '["a,b"]'), { dimension: { name: 'p', kind: 'choice', values: ['a,b'] } });
  });

  it('is refused where a value of a list is not valid, each by itself', () => {
    assert.deepEqual(problemsOf({ ...integer, minimum: 1, maximum: 3 }, 'range(0,5)'), [
      'SAME1103 parameter "p": 0 is below the minimum 1 (from --p)',
      'SAME1103 parameter "p": 4 is above the maximum 3 (from --p)',
    ]);
    assert.deepEqual(problemsOf(integer, '1,x,2.5'), [
      'SAME1102 parameter "p": expected integer, got "x" (from --p)',
      'SAME1102 parameter "p": expected integer, got "2.5" (from --p)',
    ]);
    assert.deepEqual(problemsOf({ ...text, enum: ['sgd', 'adam'] }, 'sgd,lion'), [
      'SAME1103 parameter "p": "lion" is not one of "sgd", "adam" (from --p)',
    ]);
  });

  it('is refused where an end of an interval is not valid', () => {
    assert.deepEqual(problemsOf({ ...number, exclusiveMinimum: 0, maximum: 1 }, 'linear(0,2)'), [
      'SAME1103 parameter "p": 0 is not above the exclusive minimum 0 (from --p)',
      'SAME1103 parameter "p": 2 is above the maximum 1 (from --p)',
    ]);
    assert.deepEqual(problemsOf({ ...number, multipleOf: 0.5 }, 'linear(0,0.7)'), [
      'SAME1103 parameter "p": 0.7 is not a multiple of 0.5 (from --p)',
    ]);
  });

  for (const [schema, written, code] of [
    [number, 'linear(2,1)', 'SAME1621'],
    [number, 'linear(1,1)', 'SAME1621'],
    [number, 'log(0,1)', 'SAME1621'],
    [number, 'log(1)', 'SAME1621'],
    [number, 'linear(1,2,3)', 'SAME1621'],
    [number, 'range(1)', 'SAME1621'],
    [integer, 'range(5,5)', 'SAME1621'],
    [integer, 'range(0,5,0)', 'SAME1621'],
    [integer, 'range(0,5', 'SAME1102'],
    [number, 'choice(1,2', 'SAME1102'],
    [integer, 'range(0,1000000)', 'SAME1621'],
    [integer, 'range(0,2.5)', 'SAME1102'],
    [integer, '1,1', 'SAME1621'],
    [integer, '[]', 'SAME1621'],
    [integer, '[1', 'SAME1102'],
    [text, 'range(0,5)', 'SAME1621'],
    [{ ...number, enum: [1, 2] }, 'linear(1,2)', 'SAME1621'],
    [{ ...integer, multipleOf: 1.5 }, 'linear(3,6)', 'SAME1621'],
    [{ type: ['string', 'null'] }, '["null","a"]', 'SAME1102'],
  ] as [ParameterSchema, string, string][]) {
    it(`is refused with ${code}: ${written} of ${JSON.stringify(schema)}`, () => {
      assert.deepEqual(
        problemsOf(schema, written).map((problem) => problem.slice(0, 8)),
        [code],
      );
    });
  }
});
