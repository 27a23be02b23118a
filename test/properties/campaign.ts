import assert from 'node:assert/strict';
import fc from 'fast-check';
import { catalogue } from '../../src/errors/catalogue.ts';
import { SameError } from '../../src/errors/same-error.ts';

/** The same inputs each time, unless SAME_FUZZ_SEED says others. A failure prints seed and path. */
const SEED = Number(process.env.SAME_FUZZ_SEED ?? 20_260_101);
const LEAST_ROUNDS = Number(process.env.SAME_FUZZ_RUNS ?? 0);
/** Longest that one hostile input may take on a machine that is busy with other things. */
const PATIENCE_MS = 20_000;

/** How a property is tried: `usual` rounds in the suite, at least SAME_FUZZ_RUNS in a long campaign. */
export function rounds(usual: number): { seed: number; numRuns: number } {
  return { seed: SEED, numRuns: Math.max(usual, LEAST_ROUNDS) };
}

/** Tries a property, with the names of what it was given in the message of a failure. */
export async function holds<T extends unknown[]>(
  usual: number,
  arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
  predicate: (...values: T) => Promise<void> | void,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(...(arbitraries as unknown as [fc.Arbitrary<unknown>]), (async (...values: T) => {
      await predicate(...values);
    }) as never),
    rounds(usual),
  );
}

/** What came of hostile input: a value, or the refusal. */
export type Outcome<T> = { value: T; refused?: undefined } | { value?: undefined; refused: SameError };

/**
 * Does something with hostile input, which must end in time, in a value or in a refusal with a code of the catalogue:
 * never in another error, and never in one that is a bug of ours.
 */
export async function outcomeOf<T>(work: () => T | Promise<T>): Promise<Outcome<T>> {
  const startedAt = performance.now();
  try {
    return { value: await work() };
  } catch (error) {
    if (!(error instanceof SameError)) throw error;
    for (const { code } of error.findings) {
      assert.ok(Object.hasOwn(catalogue, code), `${code} is in no catalogue`);
      assert.notEqual(code, 'SAME7001', error.message);
    }
    return { refused: error };
  } finally {
    assert.ok(performance.now() - startedAt < PATIENCE_MS, 'it took too long');
  }
}
