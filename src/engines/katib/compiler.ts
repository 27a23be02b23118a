import type { Finding } from '../../errors/same-error.ts';
import type { Plan, PlannedStep } from '../../pipeline/plan.ts';
import type { Search } from '../../sweeps/sweep.ts';
import type { Compilation } from '../kubernetes/compilation.ts';
import { ROOT, SECRET, VOLUME } from '../kubernetes/step-container.ts';
import { environmentRefusals } from '../refusals.ts';
import { compileExperiment } from './experiment.ts';
import { refusal, searchRefusals } from './search.ts';

/** Searches as Experiments of Katib (spec SAME-ENG-027). */
export const experimentCompiler = {
  name: 'katib',
  onFailure: ['finish' as const],
  packed: `${ROOT}/spec`,
  searchRefusals,
  refusals: (plan: Plan): Finding[] => [
    ...environmentRefusals(refusal, plan),
    ...shapeRefusals(plan),
    ...plan.steps.flatMap(stepRefusals),
  ],
  compile: (compilation: Compilation, search: Search, secrets: readonly string[]) => ({
    ...compileExperiment(compilation, search),
    comments: comments(compilation, secrets),
    made: `an Experiment of ${search.trials} ${search.trials === 1 ? 'trial' : 'trials'}`,
  }),
};

/** What a trial can be: one step that has one cell. */
function shapeRefusals({ steps }: Plan): Finding[] {
  const hint =
    'name the step that the metric is of: --until STEP is for same run; sweep it here with same sweep';
  if (steps.length !== 1) return [refusal(`pipeline with ${steps.length} steps`, 'a trial is one Job', hint)];
  const [{ group, name, cells, foreach }] = steps as [PlannedStep];
  const field = `pipeline.${group}.${name}`;
  if (foreach) return [refusal(`${field}.foreach`, 'a trial is one Job', 'leave it out')];
  if (cells.length === 1 && Object.keys(cells[0]!.matrix).length === 0) return [];
  return [
    refusal(`${field}.matrix`, 'a trial is one Job', 'make its dimensions parameters, and search them'),
  ];
}

function stepRefusals({ group, name, resources, mutex, retries, cells }: PlannedStep): Finding[] {
  const found: Finding[] = [];
  const refuse = (what: string, why: string, hint: string) =>
    found.push(refusal(`pipeline.${group}.${name}.${what}`, why, hint));
  if (mutex.length > 0)
    refuse('mutex', 'trials know of no others', 'leave out --jobs: then they run one by one');
  if (resources.disk?.class !== undefined)
    refuse('resources.disk.class', 'it is given the disk of its node', 'leave class out');
  if (resources.gpu?.memory !== undefined && !resources.gpu.optional)
    refuse('resources.gpu.memory', 'pods ask for whole GPUs', 'leave gpu.memory out');
  if (retries.max > 0)
    refuse(
      'retries',
      'it takes the metric of the first attempt',
      'leave retries out: a trial that fails stops nothing',
    );
  if (cells.some(({ skipped }) => skipped !== undefined))
    refuse('when', 'it leaves the step out, and a trial is a step', 'leave when out');
  return found;
}

function comments({ plan: { program } }: Compilation, secrets: readonly string[]): string[] {
  return [
    `${program.name}:${program.version} as an Experiment of Katib, made by same compile --engine katib.`,
    'Needs a namespace with the label katib.kubeflow.org/metrics-collector-injection=enabled,',
    `and in it a PersistentVolumeClaim "${VOLUME}" that all nodes can write.`,
    ...(secrets.length === 0 ? [] : [`Needs a Secret "${SECRET}" with ${secrets.join(', ')}.`]),
    'kubectl apply --server-side -f FILE',
  ];
}
