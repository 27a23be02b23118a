import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checkStepGraph, topologicalOrder } from '../../src/program/graph.ts';
import type { Program } from '../../src/program/schema.ts';
import { parseTemplate } from '../../src/program/template.ts';

describe('templates', () => {
  it('are split into text and places', () => {
    assert.deepEqual(parseTemplate('a {{inputs.x}} {{ parameters.lr }}{{flags}}{{scratch}} }}'), {
      parts: [
        'a ',
        { path: ['inputs', 'x'] },
        ' ',
        { path: ['parameters', 'lr'] },
        { flags: true },
        { scratch: true },
        ' }}',
      ],
      findings: [],
    });
    assert.deepEqual(parseTemplate(''), { parts: [], findings: [] });
    assert.deepEqual(parseTemplate('{"a": {"b": 1}}'), { parts: ['{"a": {"b": 1}}'], findings: [] });
  });

  it('are refused by name when unknown', () => {
    const cases: Record<string, RegExp> = {
      '{{foo}}': /known: \{\{parameters\.NAME\}\}/,
      '{{flag}}': /did you mean \{\{flags\}\}/,
      '{{input.x}}': /did you mean \{\{inputs\.x\}\}/,
      '{{inputs}}': /known/,
      '{{inputs.a.b}}': /known/,
      '{{inputs.x': /end it with/,
      '{{}}': /known/,
    };
    for (const [text, hint] of Object.entries(cases)) {
      const { findings } = parseTemplate(text);
      assert.equal(findings.length, 1, text);
      assert.equal(findings[0]!.code, 'SAME1010');
      assert.match(findings[0]!.hint!, hint);
    }
  });

  it('keep any other text as it is', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { parts } = parseTemplate(text);
        if (!text.includes('{{')) assert.equal(parts.join(''), text);
      }),
    );
  });
});

function programOf(steps: Record<string, string[]>): Program {
  const entries = Object.entries(steps).map(([name, after]) => [
    name,
    { run: 'true', inputs: Object.fromEntries(after.map((step) => [step, { from: `${step}.o` }])) },
  ]);
  return { pipeline: { steps: Object.fromEntries(entries) } } as unknown as Program;
}

describe('the order of steps', () => {
  it('puts each step after those it reads from, else as they are written', () => {
    assert.deepEqual(topologicalOrder(programOf({ d: ['b', 'c'], c: ['a'], b: ['a'], a: [] })), [
      'a',
      'c',
      'b',
      'd',
    ]);
    assert.deepEqual(topologicalOrder(programOf({ x: [], a: [] })), ['x', 'a']);
  });

  it('names every cycle', () => {
    const program = programOf({ a: ['b'], b: ['a'], c: ['c'], d: ['a'], e: [] });
    const findings = checkStepGraph(program, (step) => `at ${step}`);
    assert.deepEqual(
      findings.map(({ code, message, place }) => [code, message.split(': ')[1], place]),
      [
        ['SAME1013', 'a → b → a', 'at a'],
        ['SAME1013', 'c → c', 'at c'],
      ],
    );
    assert.throws(() => topologicalOrder(program), { code: 'SAME1013' });
  });

  it('survives deep chains', () => {
    const chain = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, i) => [`s${i}`, i === 0 ? [] : [`s${i - 1}`]]),
    );
    assert.equal(topologicalOrder(programOf(chain)).length, 20_000);
    assert.equal(checkStepGraph(programOf({ ...chain, s0: ['s19999'] })).length, 1);
  });
});
