import type { Finding } from '../../errors/same-error.ts';
import type { Plan, PlannedStep } from '../../pipeline/plan.ts';
import { refusalsOf, secretRefusals } from '../refusals.ts';
import { missingPodman } from './podman.ts';

const refuse = refusalsOf('podman');

/** What cannot be honoured in containers, before anything runs (SAME1016), or that there is no podman (SAME1702). */
export function podmanRefusals(plan: Plan): Finding[] {
  const environments = Object.entries(plan.environments).flatMap(([name, environment]) => {
    if (environment.image !== undefined || environment.dockerfile !== undefined) return [];
    const kind = Object.keys(environment).find((field) => LANGUAGES.includes(field)) ?? 'system';
    return [
      refuse(
        `environments.${name}.${kind} without an image`,
        'a container is made from one',
        kind === 'system'
          ? 'declare image or dockerfile instead of system, or run with --engine local'
          : 'declare image or dockerfile beside it, or run with --engine local',
      ),
    ];
  });
  const steps = plan.steps.flatMap((step) =>
    needsGpu(step)
      ? [
          refuse(
            `pipeline.${step.group}.${step.name}.resources.gpu`,
            'containers are given no devices',
            'say optional: true if the step can do without, or run with --engine local',
          ),
        ]
      : [],
  );
  return [...environments, ...steps, ...secretRefusals(refuse, plan.steps), ...missingPodman()];
}

const LANGUAGES = ['python', 'r', 'node'];

function needsGpu({ resources, selected }: PlannedStep): boolean {
  return selected === 'run' && resources.gpu !== undefined && !resources.gpu.optional;
}
