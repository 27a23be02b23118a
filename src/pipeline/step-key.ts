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

/** What many steps, or the cells of one, have in common and is said in each of their documents. */
const texts = new WeakMap<object, string>();

function textOf(shared: object): string {
  let text = texts.get(shared);
  if (text === undefined) {
    text = canonicalJson(shared);
    texts.set(shared, text);
  }
  return text;
}

/**
 * The step's cache key (spec SAME-STP-028): sha256 of the canonical JSON of everything that may change its result.
 * Engine, resources, retries, timeout and run id are left out on purpose.
 */
export function stepKey(input: StepKeyInput): StepKey {
  const { step, matrix } = input;
  const { template } = step;
  const hasMatrix = Object.keys(matrix).length > 0;
  // In the order of the names, as the canonical form has them: a whole document is made for every cell of a run.
  const document = `{"code":${canonicalJson(input.code)},"command":${
    typeof template === 'string' ? canonicalJson(template) : textOf(template)
  },"contract":"${STEP_CONTRACT}","environment":${canonicalJson(input.environment)},"inputs":${inputsText(input)}${
    hasMatrix ? `,"matrix":${textOf(matrix)}` : ''
  }${step.network ? ',"network":true' : ''},"outputs":${textOf(step.outputs)},"parameters":${textOf(
    step.parameters,
  )},"platform":${canonicalJson(step.cache === 'portable' ? 'portable' : input.platform)},"variables":${textOf(
    input.variables,
  )},"workdir":${canonicalJson(step.workdir)}}`;
  return { key: sha256(document), document };
}

function inputsText({ step, inputs }: StepKeyInput): string {
  let text = '';
  for (const name of Object.keys(step.inputs).sort()) {
    const { at, mode } = step.inputs[name]!;
    const { digest, executable } = inputs[name]!;
    text += `${text === '' ? '' : ','}${canonicalJson(name)}:{"at":${canonicalJson(at ?? null)},"digest":${canonicalJson(
      digest,
    )}${executable ? ',"executable":true' : ''},"mode":"${mode}"}`;
  }
  return `{${text}}`;
}
