import { type Finding, SameError } from '../errors/same-error.ts';
import type { Program, Step } from './schema.ts';

/** The two mappings that hold steps. */
export type StepGroup = 'steps' | 'finally';

/**
 * The pipeline's steps, each after those it reads from; among steps that are ready, in the manifest's order.
 * @throws {SameError} SAME1013 when steps wait for each other.
 */
export function topologicalOrder(program: Program): string[] {
  const { order, left } = sortSteps(dependenciesOf(program.pipeline.steps));
  if (left.size > 0) throw new SameError(checkStepGraph(program));
  return order;
}

/** One finding (SAME1013) per cycle among the steps or those of `finally`. `place` says where a step is written. */
export function checkStepGraph(
  program: Program,
  place?: (step: string) => string,
  group: StepGroup = 'steps',
): Finding[] {
  return cyclesOf(dependenciesOf(program.pipeline[group] ?? {})).map((cycle) => ({
    code: 'SAME1013',
    message: `steps wait for each other: ${[...cycle, cycle[0]!].join(' → ')}`,
    ...(place ? { place: place(cycle[0]!) } : {}),
    hint: 'an arrow reads "takes an input from"; remove one of these inputs',
  }));
}

function cyclesOf(dependencies: Map<string, string[]>): string[][] {
  const cycles: string[][] = [];
  let { left } = sortSteps(dependencies);
  while (left.size > 0) {
    // Every step that is left waits for another that is left, so this walk must come back to where it was.
    const seen = new Set<string>();
    let step = left.keys().next().value!;
    while (!seen.has(step)) {
      seen.add(step);
      step = left.get(step)![0]!;
    }
    const walk = [...seen];
    const cycle = walk.slice(walk.indexOf(step));
    cycles.push(cycle);
    for (const member of cycle) left.delete(member);
    ({ left } = sortSteps(left));
  }
  return cycles;
}

/** The names of steps that each step takes an input from; names that are no step are left out. */
function dependenciesOf(steps: Record<string, Step>): Map<string, string[]> {
  return new Map(
    Object.entries(steps).map(([name, step]) => [
      name,
      [
        ...new Set(
          Object.values(step.inputs ?? {})
            .flatMap(({ from }) => (from === undefined ? [] : [from.split('.')[0]!]))
            .filter((dependency) => Object.hasOwn(steps, dependency)),
        ),
      ],
    ]),
  );
}

/** Kahn's algorithm; `left` are the steps that wait in vain, with what they wait for. */
function sortSteps(dependencies: Map<string, string[]>): { order: string[]; left: Map<string, string[]> } {
  const names = [...dependencies.keys()];
  const position = new Map(names.map((name, index) => [name, index]));
  const dependents = new Map<string, number[]>(names.map((name) => [name, []]));
  const missing = names.map((name, index) => {
    const known = dependencies.get(name)!.filter((dependency) => position.has(dependency));
    for (const dependency of known) dependents.get(dependency)!.push(index);
    return known.length;
  });
  const ready = names.flatMap((_, index) => (missing[index] === 0 ? [index] : []));
  const order: string[] = [];
  while (ready.length > 0) {
    const index = ready.shift()!;
    order.push(names[index]!);
    for (const dependent of dependents.get(names[index]!)!) {
      if (--missing[dependent]! === 0) insertSorted(ready, dependent);
    }
  }
  const done = new Set(order);
  const left = names
    .filter((name) => !done.has(name))
    .map((name): [string, string[]] => [
      name,
      dependencies.get(name)!.filter((d) => position.has(d) && !done.has(d)),
    ]);
  return { order, left: new Map(left) };
}

function insertSorted(sorted: number[], value: number): void {
  let at = sorted.length;
  while (at > 0 && sorted[at - 1]! > value) at--;
  sorted.splice(at, 0, value);
}
