import { type Finding, SameError } from '../errors/same-error.ts';
import { artifactReference } from './artifact-reference.ts';
import { Heap } from './heap.ts';
import type { Program, Step } from './schema.ts';

/** The two mappings that hold steps. */
export type StepGroup = 'steps' | 'finally';

/**
 * The steps of a group, each after those of the group it reads from; among steps that are ready, in the manifest's order.
 * @throws {SameError} SAME1013 when steps wait for each other.
 */
export function topologicalOrder(program: Program, group: StepGroup = 'steps'): string[] {
  const waiting = new Waiting(dependenciesOf(program.pipeline[group] ?? {}));
  const order = waiting.release();
  if (waiting.size > 0) throw new SameError(checkStepGraph(program, undefined, group));
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
    hint: 'an arrow reads "takes an input or its list from"; remove one of these',
  }));
}

/** The names of all steps that a step reads from, by its inputs or `foreach`. */
export function sourcesOf({ inputs, foreach }: Step): string[] {
  const sources = new Set<string>();
  for (const name in inputs) {
    const { from } = inputs[name]!;
    if (from !== undefined) sources.add(artifactReference(from).step);
  }
  if (foreach !== undefined) sources.add(artifactReference(foreach).step);
  return [...sources];
}

/** The names of steps of the group that each step of it reads from. */
function dependenciesOf(steps: Record<string, Step>): Map<string, string[]> {
  const dependencies = new Map<string, string[]>();
  for (const name of Object.keys(steps)) dependencies.set(name, []);
  for (const [name, own] of dependencies) {
    for (const source of sourcesOf(steps[name]!)) if (dependencies.has(source)) own.push(source);
  }
  return dependencies;
}

function cyclesOf(dependencies: Map<string, string[]>): string[][] {
  const waiting = new Waiting(dependencies);
  waiting.release();
  const cycles: string[][] = [];
  const path: string[] = [];
  const place = new Map<string, number>();
  for (const start of dependencies.keys()) {
    // Every step that is left waits for another that is left, so a walk must come back to where it was.
    for (let step: string | undefined = start; step !== undefined && waiting.has(step); ) {
      const at = place.get(step);
      if (at === undefined) {
        place.set(step, path.length);
        path.push(step);
        step = waiting.reason(step);
        continue;
      }
      const cycle = path.slice(at);
      cycles.push(cycle);
      waiting.remove(cycle);
      waiting.release();
      while (path.length > 0 && !waiting.has(path.at(-1)!)) place.delete(path.pop()!);
      step = path.pop();
      if (step !== undefined) place.delete(step);
    }
  }
  return cycles;
}

/** Steps that wait for others, in work proportional to steps and edges (Kahn's algorithm, with a heap). */
class Waiting {
  readonly #names: string[];
  readonly #position: Map<string, number>;
  readonly #dependencies: string[][];
  readonly #dependents: number[][];
  readonly #missing: number[];
  /** Of each step, how many of its dependencies were found to be gone. */
  readonly #passed: number[];
  readonly #left: Set<string>;
  readonly #ready = new Heap();

  constructor(dependencies: Map<string, string[]>) {
    this.#names = [...dependencies.keys()];
    this.#position = new Map();
    for (const name of this.#names) this.#position.set(name, this.#position.size);
    this.#dependencies = [...dependencies.values()];
    this.#dependents = this.#names.map(() => []);
    for (const [index, sources] of this.#dependencies.entries())
      for (const source of sources) this.#dependents[this.#position.get(source)!]!.push(index);
    this.#missing = this.#dependencies.map(({ length }) => length);
    this.#passed = this.#names.map(() => 0);
    this.#left = new Set(this.#names);
    for (const [index, count] of this.#missing.entries()) if (count === 0) this.#ready.push(index);
  }

  get size(): number {
    return this.#left.size;
  }

  has(name: string): boolean {
    return this.#left.has(name);
  }

  /** The first step that a waiting one waits for. */
  reason(name: string): string | undefined {
    const index = this.#position.get(name)!;
    const sources = this.#dependencies[index]!;
    while (this.#passed[index]! < sources.length && !this.#left.has(sources[this.#passed[index]!]!))
      this.#passed[index]!++;
    return sources[this.#passed[index]!];
  }

  /** Takes out every step that waits for none that is left. @returns their names, the first that were ready first */
  release(): string[] {
    const order: string[] = [];
    for (let index = this.#ready.pop(); index !== undefined; index = this.#ready.pop()) {
      const name = this.#names[index]!;
      if (!this.#left.delete(name)) continue;
      order.push(name);
      this.#settle(index);
    }
    return order;
  }

  /** Takes steps out although they wait. */
  remove(names: readonly string[]): void {
    for (const name of names) this.#left.delete(name);
    for (const name of names) this.#settle(this.#position.get(name)!);
  }

  #settle(index: number): void {
    for (const dependent of this.#dependents[index]!) {
      if (--this.#missing[dependent]! === 0) this.#ready.push(dependent);
    }
  }
}
