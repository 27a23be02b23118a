import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { workflowRefusals } from '../../src/engines/argo/refusals.ts';
import { experimentCompiler } from '../../src/engines/katib/compiler.ts';
import { pipelineRefusals } from '../../src/engines/kubeflow/refusals.ts';
import { jobRefusals, runRefusals } from '../../src/engines/kubernetes/refusals.ts';
import { podmanRefusals } from '../../src/engines/podman/refusals.ts';
import { pipelineRunRefusals } from '../../src/engines/tekton/refusals.ts';
import type { Plan } from '../../src/pipeline/plan.ts';
import { planStep } from '../../src/pipeline/plan-step.ts';
import type { Program } from '../../src/program/schema.ts';
import { IMAGE } from './compilations.ts';

const names = ['UID', 'SECONDS', 'OPTIND', 'BASHPID', '_', 'SHLVL'];
const others = ['K', 'n', 'HOSTNAME', 'IFS', 'UIDS', 'BASH_ENV', 'LC_ALL'];

/** A plan whose environment declares variables, and whose step has secrets. */
function planOf(variables: readonly string[], secrets: readonly string[]): Plan {
  const step = planStep('train', 'steps', { run: ['true'], secrets: [...secrets] }, {}, {} as Program);
  const declared = Object.fromEntries(variables.map((name) => [name, 'x']));
  return {
    environments: { default: { image: IMAGE, variables: declared } },
    steps: [step, { ...step, name: 'reused', selected: 'reuse' }],
  } as unknown as Plan;
}

describe('names that shells keep for themselves', () => {
  for (const [engine, refusals] of Object.entries({
    'kubernetes as files': jobRefusals,
    kubernetes: runRefusals,
    argo: workflowRefusals,
    tekton: pipelineRunRefusals,
    kubeflow: pipelineRefusals,
    katib: experimentCompiler.refusals,
  }))
    it(`are refused by ${engine}, of variables and of secrets, and no others`, () => {
      const fields = (plan: Plan) =>
        refusals(plan).flatMap(({ code, message }) => {
          const [field, why] = message.split(' is not supported by engine ');
          return code === 'SAME1016' && /: shells keep/.test(why!) ? [field] : [];
        });
      assert.deepEqual(
        fields(planOf(names, [])),
        names.map((name) => `environments.default.variables.${name}`),
      );
      assert.deepEqual(
        fields(planOf([], names)),
        names.map((name) => `pipeline.steps.train.secrets.${name}`),
      );
      assert.deepEqual(fields(planOf(others, others)), []);
    });

  it('are refused by podman of secrets, which alone reach a step by a shell', () => {
    const fields = podmanRefusals(planOf(names, names)).flatMap(({ message }) =>
      /: shells keep/.test(message) ? message.split(' is not')[0]! : [],
    );
    assert.deepEqual(
      fields,
      names.map((name) => `pipeline.steps.train.secrets.${name}`),
    );
  });
});
