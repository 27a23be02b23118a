import type { Finding } from '../../errors/same-error.ts';
import type { Plan, PlannedStep } from '../../pipeline/plan.ts';
import { BACKOFF_MS } from '../../pipeline/plan-step.ts';
import type { JsonObject } from '../../program/json.ts';
import { TIMED_OUT } from '../shim.ts';

/** What of a plan Jobs cannot honour (SAME1016): every field, with a way out. */
export function jobRefusals(plan: Plan): Finding[] {
  return [
    ...Object.entries(plan.environments).flatMap(([name, environment]) =>
      environmentRefusals(name, environment),
    ),
    ...plan.steps.flatMap(stepRefusals),
  ];
}

/** One refusal, in the words of all of them. */
export function refusal(field: string, why: string, hint: string): Finding {
  return {
    code: 'SAME1016',
    message: `${field} is not supported by engine kubernetes: ${why}`,
    place: 'same.yaml',
    hint,
  };
}

function environmentRefusals(name: string, environment: JsonObject): Finding[] {
  const field = `environments.${name}`;
  const found: Finding[] = [];
  if (environment.dockerfile !== undefined) {
    const hint = 'build it, push it into a registry, and declare it as image by its digest';
    found.push(refusal(`${field}.dockerfile`, 'a cluster fetches images and builds none', hint));
  } else if (environment.image === undefined) {
    found.push(
      refusal(
        `${field} without an image`,
        'a pod is made from one',
        'declare image: NAME@sha256:… beside what it has; the key of a step with a lock stays what it is',
      ),
    );
  }
  if (environment.requires !== undefined)
    found.push(
      refusal(
        `${field}.requires`,
        'nobody has looked into the image',
        'leave it out where the image has them',
      ),
    );
  return found;
}

function stepRefusals({ group, name, resources, mutex, retries, selected }: PlannedStep): Finding[] {
  if (selected === 'reuse') return [];
  const field = `pipeline.${group}.${name}`;
  const found: Finding[] = [];
  if (mutex.length > 0)
    found.push(
      refusal(
        `${field}.mutex`,
        'Jobs know of no others',
        'let one step read from the other, or use parallel: 1 for cells',
      ),
    );
  if (resources.disk?.class !== undefined)
    found.push(
      refusal(`${field}.resources.disk.class`, 'it is given the disk of its node', 'leave class out'),
    );
  const { gpu } = resources;
  if (gpu?.memory !== undefined && !gpu.optional)
    found.push(refusal(`${field}.resources.gpu.memory`, 'pods ask for whole GPUs', 'leave gpu.memory out'));
  const code = retries.codes?.find((each) => each === TIMED_OUT);
  if (retries.max > 0 && code !== undefined)
    found.push(
      refusal(
        `${field}.retries.codes (${code})`,
        'that code tells that time ran out',
        'let the step end with another code',
      ),
    );
  if (retries.max > 0 && retries.backoffMs !== BACKOFF_MS)
    found.push(
      refusal(
        `${field}.retries.backoff`,
        'a Job waits 10 s after the first failure and twice as long after each further one',
        'leave backoff out',
      ),
    );
  return found;
}
