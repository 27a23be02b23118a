import { canonicalBytes, sha256 } from '../bundle/canonical-json.ts';
import type { JsonValue } from '../program/json.ts';
import type { PlannedStep } from './plan.ts';

/** Version of the step contract: part of every key, so that a changed contract never reuses old results. */
export const STEP_CONTRACT = 'same-step/v1';

/** What decides a step's result, besides the step's own declaration. */
export interface StepKeyInput {
  step: PlannedStep;
  /** Content digest of each input. */
  inputs: Record<string, string>;
  /** Digest of the code the step sees. */
  code: string;
  /** Key of its environment. */
  environment: string;
  variables: Record<string, string>;
  /** For instance `linux-x86_64`. */
  platform: string;
}

/**
 * The step's cache key (spec SAME-STP): sha256 of the canonical JSON of everything that may change its result.
 * Engine, resources, retries, timeout and run id are left out on purpose.
 */
export function stepKey(input: StepKeyInput): string {
  const { step } = input;
  return sha256(
    canonicalBytes({
      contract: STEP_CONTRACT,
      command: step.template,
      workdir: step.workdir,
      parameters: step.parameters,
      inputs: Object.fromEntries(
        Object.entries(step.inputs).map(([name, { at, mode }]) => [
          name,
          { digest: input.inputs[name]!, at: at ?? null, mode },
        ]),
      ),
      outputs: step.outputs as unknown as JsonValue,
      code: input.code,
      environment: input.environment,
      variables: input.variables,
      platform: input.platform,
    } as JsonValue),
  );
}
