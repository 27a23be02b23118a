import type { ContentStore } from '../content/content-store.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import { cellsOfList, unusable } from '../pipeline/matrix.ts';
import type { PlannedCell, PlannedStep } from '../pipeline/plan.ts';
import type { JsonObject, JsonValue } from '../program/json.ts';
import type { Artifact } from './engine.ts';

/** Bytes of a list that cells are made of. */
const LIST_BYTES = 256 * 1024 * 1024;

/**
 * Makes the cells of a step with `foreach` from the list that another step wrote.
 * @param parameters values of all parameters of the program
 * @returns the cells, or why there can be none (SAME1613)
 */
export async function readListCells(
  step: PlannedStep,
  artifact: Artifact,
  parameters: JsonObject,
  content: ContentStore,
): Promise<PlannedCell[] | Finding> {
  if (artifact.digest.startsWith('tree:')) return unusable(step, 'it is a directory');
  if (artifact.sizeBytes > LIST_BYTES) {
    return unusable(step, `it has ${artifact.sizeBytes} bytes, more than ${LIST_BYTES}`);
  }
  const bytes = await content.read(artifact.digest, LIST_BYTES);
  let list: JsonValue;
  try {
    list = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as JsonValue;
  } catch (error) {
    if (error instanceof SameError) throw error;
    return unusable(step, `it is no JSON: ${(error as Error).message}`);
  }
  return cellsOfList(step, list, parameters);
}
