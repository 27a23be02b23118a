import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { EngineContext } from '../../src/engines/engine.ts';
import type { Fixture, Ran } from './workbench.ts';

/** Runs a fixture on the engine under test. */
export type RunFixture = (fixture: Fixture) => Promise<Ran>;

/** In what an engine differs from others though it keeps the contract. */
export interface EngineTraits {
  /** What stands in manifests for `system: true`. */
  environment?(): string;
  /** Steps cannot write where they may not, instead of being found out. */
  isClosed?: boolean;
  /** Whether a process lives, by the number that a step knows it by. */
  isAlive?(pid: number): boolean;
  /** Steps are given no GPUs. */
  hasNoGpus?: boolean;
  /** Of an end by signal n, which the engine did not send, it knows no more than 128 + n. */
  codesSignals?: boolean;
  /**
   * Steps run on another machine: they meet at no place of this one, tell no numbers of its processes, share no scratch
   * directory, and may be given other limits.
   */
  isAway?: boolean;
  /** Variables that steps have beside those of the contract. */
  variables?: string[];
}

/**
 * Cases that need a place, processes, cores or a disk of this machine: of an engine whose steps run elsewhere there are
 * none to look at, and its own tests have what takes their place.
 */
export function ofThisMachine({ isAway }: EngineTraits): {
  it(title: string, work: () => Promise<void>): void;
} {
  return { it: isAway ? () => {} : (title, work) => void it(title, work) };
}

/** A manifest of one step called `main`, its fields in flow style lines. */
export function oneStep(fields: string, rest = ''): string {
  return `${rest}\npipeline:\n  steps:\n    main:\n${fields.trim().replace(/^/gm, '      ')}\n`;
}

/** A manifest of one step that runs `attack.sh` and reads what `make` wrote, two files. */
export function attackOn(output: string, input: string, extra = ''): string {
  return `
pipeline:
  steps:
    make:
      run: ${JSON.stringify(output)}
      outputs: {x: {}}
    attack:
      run: [sh, attack.sh, "{{inputs.x}}"]
      inputs: {x: {from: make.x${input}}}
      outputs: {done: {}}
      ${extra}
`;
}

/** Asserts that a run succeeded, without a problem. */
export function succeeded(ran: Ran): void {
  assert.equal(ran.record.status, 'succeeded', JSON.stringify(ran.problems));
  assert.deepEqual(ran.problems, []);
}

/** Asserts that a run failed with these codes and no others, the first of them in its record. */
export function failedWith(ran: Ran, ...codes: string[]): void {
  assert.equal(ran.record.status, 'failed');
  assert.deepEqual(ran.codes, codes, JSON.stringify(ran.problems));
  assert.equal(ran.record.error?.code, codes[0]);
}

/** The status of every cell of a run, by its name. */
export const statusesOf = (ran: Ran) =>
  Object.fromEntries(ran.record.steps.map(({ name, status }) => [name, status]));

/** Goes on with all that can run after a failure. */
export const keepGoing = (context: EngineContext) => ({ ...context, onFailure: 'keep-going' as const });
