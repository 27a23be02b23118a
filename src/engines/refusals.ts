import type { Finding } from '../errors/same-error.ts';
import type { Plan, PlannedStep } from '../pipeline/plan.ts';
import { BACKOFF_MS } from '../pipeline/plan-step.ts';
import { TIMED_OUT } from './shim.ts';
import { isOfShells } from './step-variables.ts';

/** Says that an engine cannot honour a field (SAME1016): why, and what can be done instead. */
export type Refusal = (field: string, why: string, hint: string) => Finding;

/** Refusals of one engine, all in the same words. */
export function refusalsOf(engine: string): Refusal {
  return (field, why, hint) => ({
    code: 'SAME1016',
    message: `${field} is not supported by engine ${engine}: ${why}`,
    place: 'same.yaml',
    hint,
  });
}

/** What of environments no engine of a cluster can honour, nor of the names of what steps are told. */
export function environmentRefusals(refusal: Refusal, plan: Pick<Plan, 'environments' | 'steps'>): Finding[] {
  const environments = Object.entries(plan.environments).flatMap(([name, environment]) => {
    const { dockerfile, image, requires, variables = {} } = environment;
    const field = `environments.${name}`;
    const found: Finding[] = Object.keys(variables as object)
      .filter(isOfShells)
      .map((each) => refusal(`${field}.variables.${each}`, OF_SHELLS, OTHER_NAME));
    if (dockerfile !== undefined) {
      const hint = 'build it, push it into a registry, and declare it as image by its digest';
      found.push(refusal(`${field}.dockerfile`, 'a cluster fetches images and builds none', hint));
    } else if (image === undefined) {
      const hint =
        'declare image: NAME@sha256:… beside what it has; the key of a step with a lock stays what it is';
      found.push(refusal(`${field} without an image`, 'a pod is made from one', hint));
    }
    if (requires !== undefined) {
      const hint = 'leave it out where the image has them';
      found.push(refusal(`${field}.requires`, 'nobody has looked into the image', hint));
    }
    return found;
  });
  return [...environments, ...secretRefusals(refusal, plan.steps)];
}

const OF_SHELLS = 'shells keep a variable of that name for themselves';
const OTHER_NAME = 'give it another name';

/** What of the secrets of steps no engine can honour that hands them on by a shell. */
export function secretRefusals(refusal: Refusal, steps: readonly PlannedStep[]): Finding[] {
  return steps
    .filter(({ selected }) => selected === 'run')
    .flatMap(({ group, name, secrets }) =>
      secrets
        .filter(isOfShells)
        .map((each) => refusal(`pipeline.${group}.${name}.secrets.${each}`, OF_SHELLS, OTHER_NAME)),
    );
}

/**
 * What of a step no engine can honour that runs it in pods.
 * @param pause how long the engine waits between two attempts, where no field can change that
 */
export function podRefusals(
  refusal: Refusal,
  { group, name, resources, retries }: PlannedStep,
  pause?: string,
): Finding[] {
  const field = `pipeline.${group}.${name}`;
  const { gpu } = resources;
  const code = retries.codes?.find((each) => each === TIMED_OUT);
  const found: (Finding | false)[] = [
    resources.disk?.class !== undefined &&
      refusal(`${field}.resources.disk.class`, 'it is given the disk of its node', 'leave class out'),
    gpu?.memory !== undefined &&
      !gpu.optional &&
      refusal(`${field}.resources.gpu.memory`, 'pods ask for whole GPUs', 'leave gpu.memory out'),
    pause !== undefined &&
      retries.max > 0 &&
      code !== undefined &&
      refusal(
        `${field}.retries.codes (${code})`,
        'that code tells that time ran out',
        'let the step end with another code',
      ),
    pause !== undefined &&
      retries.max > 0 &&
      retries.backoffMs !== BACKOFF_MS &&
      refusal(`${field}.retries.backoff`, pause, 'leave backoff out'),
  ];
  return found.filter((each) => each !== false);
}
