import type { ContentStore } from '../content/content-store.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import { cellsOfList, unusable } from '../pipeline/matrix.ts';
import type { PlannedCell, PlannedStep } from '../pipeline/plan.ts';
import type { JsonObject, JsonValue } from '../program/json.ts';
import type { Skip } from './cell-lookup.ts';
import type { Artifact } from './engine.ts';
import type { Outcome, StepState } from './run-graph.ts';

/** Bytes of a list that cells are made of. */
const LIST_BYTES = 256 * 1024 * 1024;

/** The cells of a step with `foreach`, or why it has none; `cells` and `skip` where its list is empty. */
export type Expansion = { cells: PlannedCell[]; skip?: undefined } | { cells?: PlannedCell[]; skip: Skip };

/**
 * What becomes of a step with `foreach` once the step that writes its list has ended.
 * @param parameters values of all parameters of the program
 */
export async function expansionOf(
  step: PlannedStep,
  source: StepState | undefined,
  parameters: JsonObject,
  content: ContentStore,
): Promise<Expansion> {
  const outcome: Outcome = source?.cells?.[0]?.outcome ?? source?.outcome ?? { as: 'left-out' };
  if (outcome.as === 'failed') {
    return { skip: { because: `step ${outcome.root} did not succeed`, cause: 'failure', outcome } };
  }
  if (outcome.as === 'left-out') {
    const because = `step ${step.foreach!.step}, which makes its list, was left out`;
    return { skip: { because, cause: 'upstream', outcome } };
  }
  const cells = await readListCells(step, outcome.outputs[step.foreach!.output]!, parameters, content);
  if ('code' in cells) {
    const failed: Outcome = { as: 'failed', root: step.name };
    return { skip: { because: cells.message, cause: 'failure', problems: [cells], outcome: failed } };
  }
  if (cells.length > 0) return { cells };
  return { cells, skip: { because: 'its list is empty', cause: 'condition', outcome: { as: 'left-out' } } };
}

/** Makes cells of the list that another step wrote. @returns the cells, or why there can be none (SAME1613) */
async function readListCells(
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
