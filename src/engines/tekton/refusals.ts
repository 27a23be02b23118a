import type { Finding } from '../../errors/same-error.ts';
import type { Plan, PlannedStep } from '../../pipeline/plan.ts';
import type { OnFailure } from '../cluster-compiler.ts';
import { environmentRefusals, podRefusals, refusalsOf } from '../refusals.ts';

/** Refusals of PipelineRuns. */
export const refusal = refusalsOf('tekton');

/** What Tekton does after a failure; a PipelineRun that goes on in spite of one says in the end that it succeeded. */
export const TEKTON_ON_FAILURE: readonly OnFailure[] = ['finish'];

/** What is known of Tekton without a cluster. */
export const TEKTON_FACTS = {
  onFailure: TEKTON_ON_FAILURE,
  refusals: pipelineRunRefusals,
  takesNoJobs: true,
} as const;

/** What of a plan a PipelineRun cannot honour (SAME1016): every field, with a way out. */
export function pipelineRunRefusals(plan: Plan): Finding[] {
  const { steps } = plan;
  return [
    ...environmentRefusals(refusal, plan),
    ...steps
      .filter(({ selected }) => selected === 'run')
      .flatMap((step) => [
        ...podRefusals(refusal, step, 'Tekton starts the next attempt at once'),
        ...stepRefusals(step, steps),
      ]),
  ];
}

function stepRefusals(step: PlannedStep, steps: readonly PlannedStep[]): Finding[] {
  const { group, name, mutex, cells, inputs } = step;
  const field = `pipeline.${group}.${name}`;
  const found: Finding[] = [];
  const alone = 'let one step read from the other, or compile for an engine that can: --engine argo';
  if (mutex.length > 0) found.push(refusal(`${field}.mutex`, 'tasks of Tekton know no locks', alone));
  found.push(...parallelRefusals(step, cells.length));
  if (group !== 'finally') return found;
  // Where no other steps are to run, those of finally are a graph as well; which they are is not known yet.
  for (const [input, { from }] of Object.entries(inputs)) {
    if (!('step' in from)) continue;
    const source = steps.find((other) => other.name === from.step);
    if (source?.group === 'finally' && source.selected === 'run') {
      found.push(
        refusal(
          `${field}.inputs.${input}`,
          `Tekton starts all that comes last at once, step ${source.name} too`,
          'make one step of both',
        ),
      );
    }
  }
  return found;
}

/** Of a step with a list the number of its cells is known when the list is. */
export function parallelRefusals({ group, name, parallel }: PlannedStep, cells: number): Finding[] {
  if (parallel === undefined || parallel >= cells) return [];
  return [
    refusal(
      `pipeline.${group}.${name}.parallel (${parallel} of ${cells} cells)`,
      'a matrix of Tekton starts all its cells at once',
      'leave parallel out, or compile for an engine that can: --engine argo',
    ),
  ];
}
