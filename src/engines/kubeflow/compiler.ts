import type { ClusterCompiler } from '../cluster-compiler.ts';
import type { Compilation } from '../kubernetes/compilation.ts';
import { ROOT, SECRET } from '../kubernetes/step-container.ts';
import { compilePipeline } from './pipeline.ts';
import { KUBEFLOW_ON_FAILURE, pipelineRefusals } from './refusals.ts';

/** Plans as pipelines of Kubeflow Pipelines 2 (spec SAME-ENG-023). */
export const pipelineCompiler: ClusterCompiler = {
  name: 'kubeflow',
  onFailure: KUBEFLOW_ON_FAILURE,
  packed: `${ROOT}/spec`,
  refusals: pipelineRefusals,
  compile(compilation, secrets) {
    const { objects, findings, tasks } = compilePipeline(compilation);
    return {
      objects,
      findings,
      comments: comments(compilation, secrets),
      made: `${tasks} ${tasks === 1 ? 'task' : 'tasks'}`,
    };
  },
};

function comments({ plan: { program } }: Compilation, secrets: readonly string[]): string[] {
  return [
    `${program.name}:${program.version} as a pipeline of Kubeflow, made by same compile --engine kubeflow.`,
    ...(secrets.length === 0
      ? []
      : [`Needs a Secret "${SECRET}" with ${secrets.join(', ')} in the namespace of its runs.`]),
    'kfp pipeline create -p NAME FILE, or upload it at the page of Kubeflow Pipelines',
  ];
}
