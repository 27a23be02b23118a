import type { Finding } from '../../errors/same-error.ts';
import type { Plan } from '../../pipeline/plan.ts';
import type { OnFailure } from '../cluster-compiler.ts';
import { environmentRefusals, podRefusals, refusalsOf } from '../refusals.ts';

/** Refusals of Workflows. */
export const refusal = refusalsOf('argo');

/** What Argo does after a failure: whatever does not need what failed. */
export const ARGO_ON_FAILURE: readonly OnFailure[] = ['keep-going'];

/** What is known of Argo without a cluster. */
export const ARGO_FACTS = {
  onFailure: ARGO_ON_FAILURE,
  refusals: workflowRefusals,
} as const;

/** What of a plan a Workflow cannot honour (SAME1016): every field, with a way out. */
export function workflowRefusals(plan: Plan): Finding[] {
  return [
    ...environmentRefusals(refusal, plan),
    ...plan.steps
      .filter(({ selected }) => selected === 'run')
      .flatMap((step) =>
        podRefusals(
          refusal,
          step,
          'Argo waits 10 s after the first failure and twice as long after each further one',
        ),
      ),
  ];
}
