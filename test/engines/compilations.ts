import type { Compilation, CompiledStep } from '../../src/engines/kubernetes/compilation.ts';
import type { Plan } from '../../src/pipeline/plan.ts';
import { planStep } from '../../src/pipeline/plan-step.ts';
import type { Program, Step } from '../../src/program/schema.ts';

export const RUN = '0123456789ab';
export const IMAGE = `docker.io/library/busybox@sha256:${'0'.repeat(64)}`;

/** A step all cells of which run, as compilers get it. */
export function compiled(
  name: string,
  step: Step,
  more: Partial<CompiledStep> = {},
  group: 'steps' | 'finally' = 'steps',
): CompiledStep {
  const planned = planStep(name, group, step, {}, {} as Program);
  return {
    step: planned,
    cells: planned.cells.map(({ name: cell, matrix }) => ({ name: cell, matrix, inputs: {} })),
    image: IMAGE,
    variables: {},
    archives: [],
    after: [],
    ...more,
  };
}

/** A step of so many cells. */
export function matrixOf(count: number): Step {
  return {
    run: ['python', 'train.py', '--seed', '{{matrix.seed}}'],
    matrix: { seed: Array.from({ length: count }, (_, n) => n) },
  };
}

/** A plan of these steps. */
export function compilation(steps: CompiledStep[]): Compilation {
  return {
    plan: planOf(steps.map(({ step }) => step)),
    runId: RUN,
    steps,
    platform: 'linux-x86_64',
    optionalSecrets: [],
    onFailure: 'finish',
    shim: '# shim\n',
  };
}

export function planOf(steps: Plan['steps'], environments: Plan['environments'] = {}): Plan {
  return {
    program: { name: 'demo', version: '1.0', digest: `sha256:${'1'.repeat(64)}` },
    environments,
    steps,
  } as unknown as Plan;
}
