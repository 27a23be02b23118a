import { canonicalBytes, sha256 } from '../bundle/canonical-json.ts';
import type { JsonObject, JsonValue } from '../program/json.ts';
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
  document: Uint8Array;
}

/**
 * The step's cache key (spec SAME-STP-028): sha256 of the canonical JSON of everything that may change its result.
 * Engine, resources, retries, timeout and run id are left out on purpose.
 */
export function stepKey(input: StepKeyInput): StepKey {
  const { step } = input;
  const document = canonicalBytes({
    contract: STEP_CONTRACT,
    command: step.template,
    workdir: step.workdir,
    parameters: step.parameters,
    ...(Object.keys(input.matrix).length === 0 ? {} : { matrix: input.matrix }),
    inputs: Object.fromEntries(
      Object.entries(step.inputs).map(([name, { at, mode }]) => {
        const { digest, executable } = input.inputs[name]!;
        return [name, { digest, at: at ?? null, mode, ...(executable ? { executable } : {}) }];
      }),
    ),
    outputs: step.outputs as unknown as JsonValue,
    ...(step.network ? { network: true } : {}),
    code: input.code,
    environment: input.environment,
    variables: input.variables,
    platform: step.cache === 'portable' ? 'portable' : input.platform,
  } as JsonValue);
  return { key: sha256(document), document };
}
