import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SameError } from '../../src/errors/same-error.ts';
import { checkStepGraph, topologicalOrder } from '../../src/program/graph.ts';
import { Heap } from '../../src/program/heap.ts';
import type { Program, Step } from '../../src/program/schema.ts';

/** Steps that read from the named ones, the first by `foreach`. */
function programWith(edges: Record<string, string[]>): Program {
  const steps = Object.fromEntries(
    Object.entries(edges).map(([name, [first, ...others]]): [string, Step] => [
      name,
      {
        run: 'x',
        ...(first === undefined ? {} : { foreach: `${first}.o` }),
        inputs: Object.fromEntries(others.map((from, index) => [`i${index}`, { from: `${from}.o` }])),
      },
    ]),
  );
  return { pipeline: { steps } } as Program;
}
const cyclesOf = (edges: Record<string, string[]>) =>
  checkStepGraph(programWith(edges)).map(({ message }) => message.replace('steps wait for each other: ', ''));

const graph = fc
  .array(fc.uniqueArray(fc.nat(7), { maxLength: 3 }), { minLength: 1, maxLength: 8 })
  .map((lists) =>
    Object.fromEntries(
      lists.map((list, index) => [`s${index}`, list.filter((to) => to < lists.length).map((to) => `s${to}`)]),
    ),
  );

describe('cycles of steps', () => {
  it('are each named once, by inputs and lists', () => {
    assert.deepEqual(cyclesOf({ a: ['b'], b: ['a'], c: ['c'], d: ['a', 'c'], e: [] }), [
      'a → b → a',
      'c → c',
    ]);
  });

  it('are found after one that was entered from afar', () => {
    assert.deepEqual(cyclesOf({ a: ['b'], b: ['c', 'd'], c: ['c'], d: ['e'], e: ['d', 'b'] }), [
      'b → d → e → b',
      'c → c',
    ]);
  });

  it('are real, share no step, and leave none when their steps are taken out', () => {
    fc.assert(
      fc.property(graph, (edges) => {
        const cycles = cyclesOf(edges).map((text) => text.split(' → '));
        const members = cycles.flatMap((cycle) => cycle.slice(1));
        assert.equal(new Set(members).size, members.length);
        for (const cycle of cycles)
          cycle.slice(1).forEach((step, index) => {
            assert.ok(edges[cycle[index]!]!.includes(step), `${cycle[index]} reads from ${step}`);
          });
        const rest = Object.fromEntries(
          Object.entries(edges)
            .filter(([name]) => !members.includes(name))
            .map(([name, list]) => [name, list.filter((to) => !members.includes(to))]),
        );
        assert.deepEqual(cyclesOf(rest), []);
        assert.equal(topologicalOrder(programWith(rest)).length, Object.keys(rest).length);
        if (cycles.length > 0)
          assert.throws(
            () => topologicalOrder(programWith(edges)),
            (error) => error instanceof SameError && error.code === 'SAME1013',
          );
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the order of steps', () => {
  it('is that of the manifest among steps that are ready', () => {
    fc.assert(
      fc.property(graph, (edges) => {
        const acyclic = Object.fromEntries(
          Object.entries(edges).map(([name, list]) => [name, list.filter((to) => to > name)]),
        );
        const order = topologicalOrder(programWith(acyclic));
        const done = new Set<string>();
        for (const step of order) {
          const ready = Object.keys(acyclic).filter(
            (name) => !done.has(name) && acyclic[name]!.every((to) => done.has(to)),
          );
          assert.equal(step, ready[0]);
          done.add(step);
        }
        assert.equal(done.size, Object.keys(acyclic).length);
      }),
    );
  });
});

describe('a heap', () => {
  it('gives back what it was given, the smallest first, whatever comes between', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer(), fc.constant('pop' as const))), (commands) => {
        const heap = new Heap();
        const held: number[] = [];
        for (const command of commands) {
          if (command === 'pop') {
            held.sort((a, b) => a - b);
            assert.equal(heap.peek(), held[0]);
            assert.equal(heap.pop(), held.shift());
          } else {
            heap.push(command);
            held.push(command);
          }
          assert.equal(heap.size, held.length);
        }
      }),
    );
  });
});
