import type { Finding } from '../../errors/same-error.ts';
import type { Plan } from '../../pipeline/plan.ts';
import { environmentRefusals, podRefusals, refusalsOf } from '../refusals.ts';

/** Refusals of Jobs. */
export const refusal = refusalsOf('kubernetes');

/** Attempts at a time where nobody says how many: a cluster has its own queue. */
export const CLUSTER_JOBS = 32;

/** What of a plan Jobs cannot honour (SAME1016): every field, with a way out. */
export function jobRefusals(plan: Plan): Finding[] {
  return [
    ...environmentRefusals(refusal, plan),
    ...plan.steps
      .filter(({ selected }) => selected === 'run')
      .flatMap((step) => [
        ...step.mutex
          .slice(0, 1)
          .map(() =>
            refusal(
              `pipeline.${step.group}.${step.name}.mutex`,
              'Jobs know of no others',
              'let one step read from the other, or use parallel: 1 for cells',
            ),
          ),
        ...podRefusals(
          refusal,
          step,
          'a Job waits 10 s after the first failure and twice as long after each further one',
        ),
      ]),
  ];
}

/** What of a plan the engine cannot honour that runs one attempt a Job: it keeps pauses, codes and mutexes itself. */
export function runRefusals(plan: Plan): Finding[] {
  return [
    ...environmentRefusals(refusal, plan),
    ...plan.steps.filter(({ selected }) => selected === 'run').flatMap((step) => podRefusals(refusal, step)),
  ];
}
