import type { Finding } from '../../errors/same-error.ts';
import type { Plan, PlannedStep } from '../../pipeline/plan.ts';
import { BACKOFF_MS } from '../../pipeline/plan-step.ts';
import type { OnFailure } from '../cluster-compiler.ts';
import { environmentRefusals, refusalsOf } from '../refusals.ts';

/** Refusals of pipelines of Kubeflow. */
export const refusal = refusalsOf('kubeflow');

/** What Kubeflow does after a failure: what runs ends, and nothing starts. */
export const KUBEFLOW_ON_FAILURE: readonly OnFailure[] = ['finish'];

/** What is known of Kubeflow without a cluster. */
export const KUBEFLOW_FACTS = {
  onFailure: KUBEFLOW_ON_FAILURE,
  refusals: pipelineRefusals,
  takesNoJobs: true,
} as const;

/** What of a plan a pipeline of Kubeflow cannot honour (SAME1016): every field, with a way out. */
export function pipelineRefusals(plan: Plan): Finding[] {
  const last = plan.steps.filter(({ group, selected }) => group === 'finally' && selected === 'run');
  const others = new Set(plan.steps.filter(({ group }) => group === 'steps').map(({ name }) => name));
  return [
    ...environmentRefusals(refusal, plan),
    ...plan.steps.flatMap(stepRefusals),
    ...last.flatMap(({ name, inputs }) =>
      Object.entries(inputs)
        .filter(([, { from }]) => 'step' in from && others.has(from.step))
        .map(([input]) =>
          refusal(
            `pipeline.finally.${name}.inputs.${input}`,
            'what ends a pipeline is handed nothing where a step of it failed',
            'read it in a step of steps',
          ),
        ),
    ),
  ];
}

function stepRefusals({
  group,
  name,
  resources,
  mutex,
  retries,
  selected,
  timeoutMs,
}: PlannedStep): Finding[] {
  if (selected === 'reuse') return [];
  const field = `pipeline.${group}.${name}`;
  const found: Finding[] = [];
  const refuse = (what: string, why: string, hint: string) =>
    found.push(refusal(`${field}.${what}`, why, hint));
  if (mutex.length > 0)
    refuse(
      'mutex',
      'tasks know of no others',
      'let one step read from the other, or use parallel: 1 for cells',
    );
  if (resources.disk?.class !== undefined)
    refuse('resources.disk.class', 'it is given the disk of its node', 'leave class out');
  const { gpu } = resources;
  if (gpu?.memory !== undefined && !gpu.optional)
    refuse('resources.gpu.memory', 'tasks ask for whole GPUs', 'leave gpu.memory out');
  if (retries.max === 0) return found;
  if (retries.codes !== undefined)
    refuse('retries.codes', 'a task is tried again whatever code it ended with', 'leave codes out');
  if (retries.backoffMs !== BACKOFF_MS)
    refuse(
      'retries.backoff',
      'a task waits all of a time between attempts, and not a random part',
      'leave backoff out',
    );
  if (timeoutMs !== undefined)
    refuse('retries beside timeout', 'a task that ran out of time is tried again', 'leave one of both out');
  return found;
}
