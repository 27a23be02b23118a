import { canonicalJson, sha256 } from '../bundle/canonical-json.ts';
import type { JsonObject } from '../program/json.ts';
import type { PlannedStep } from './plan.ts';

/** Version of the step contract: part of every key, so that a changed contract never reuses old results. */
export const STEP_CONTRACT = 'same-step/v1';

/** What decides a step's result, besides the step's own declaration. */
export interface StepKeyInput {
  step: PlannedStep;
  /** The cell's values; part of the key only where the step has dimensions. */
  matrix: JsonObject;
  /** Content digest of each input, and whether it is a file with the executable bit, which the step sees as well. */
  inputs: Record<string, { digest: string; executable?: boolean }>;
  /** Digest of the code the step sees. */
  code: string;
  /** Key of its environment. */
  environment: string;
  variables: Record<string, string>;
  /** For instance `linux-x86_64`. */
  platform: string;
}

/** A step's cache key, `sha256:…`, and the document that it is the digest of. */
export interface StepKey {
  key: string;
  /** Canonical JSON. Stored as a blob, it says later what a result was made from. */
  document: string;
}

/** The canonical text of what one cell after another has in common. */
function textOfLast(): (shared: unknown) => string {
  let last: unknown;
  let text = '';
  return (shared) => {
    if (shared === last) return text;
    text = canonicalJson(shared);
    last = shared;
    return text;
  };
}

const textOf = {
  code: textOfLast(),
  command: textOfLast(),
  environment: textOfLast(),
  outputs: textOfLast(),
  parameters: textOfLast(),
  variables: textOfLast(),
};

/**
 * The step's cache key (spec SAME-STP-028): sha256 of the canonical JSON of everything that may change its result.
 * Engine, resources, retries, timeout and run id are left out on purpose.
 */
export function stepKey(input: StepKeyInput): StepKey {
  const { step, matrix } = input;
  // In the order of the names, as the canonical form has them: a whole document is made for every cell of a run.
  let document = `{"code":${textOf.code(input.code)},"command":${textOf.command(step.template)}`;
  document += `,"contract":"${STEP_CONTRACT}","environment":${textOf.environment(input.environment)}`;
  document += `,"inputs":${inputsText(input)}`;
  if (Object.keys(matrix).length > 0) document += `,"matrix":${canonicalJson(matrix)}`;
  if (step.network) document += ',"network":true';
  document += `,"outputs":${textOf.outputs(step.outputs)},"parameters":${textOf.parameters(step.parameters)}`;
  document += `,"platform":${canonicalJson(step.cache === 'portable' ? 'portable' : input.platform)}`;
  document += `,"variables":${textOf.variables(input.variables)},"workdir":${canonicalJson(step.workdir)}}`;
  return { key: sha256(document), document };
}

function inputsText({ step, inputs }: StepKeyInput): string {
  let text = '';
  for (const name of Object.keys(step.inputs).sort()) {
    const { at, mode } = step.inputs[name]!;
    const { digest, executable } = inputs[name]!;
    if (text !== '') text += ',';
    text += `${canonicalJson(name)}:{"at":${at === undefined ? 'null' : canonicalJson(at)}`;
    text += `,"digest":${canonicalJson(digest)}${executable ? ',"executable":true' : ''},"mode":"${mode}"}`;
  }
  return `{${text}}`;
}
