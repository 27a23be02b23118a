import assert from 'node:assert/strict';
import { SameError } from '../../src/errors/same-error.ts';

/** What some work fails with, which has to be one of the product's own errors. */
export async function errorOf(work: Promise<unknown>): Promise<SameError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof SameError, String(error));
    return error;
  }
  assert.fail('it did not fail');
}
