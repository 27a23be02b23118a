import type { ClusterCompiler } from '../cluster-compiler.ts';
import { ROOT, SECRET, VOLUME } from '../kubernetes/step-container.ts';
import { compilePipelineRun } from './pipeline-run.ts';
import { pipelineRunRefusals, TEKTON_ON_FAILURE } from './refusals.ts';

/** Plans as PipelineRuns of Tekton (spec SAME-ENG-026). */
export const pipelineRunCompiler: ClusterCompiler = {
  name: 'tekton',
  onFailure: TEKTON_ON_FAILURE,
  packed: `${ROOT}/spec`,
  refusals: pipelineRunRefusals,
  compile(compilation, secrets) {
    const { program } = compilation.plan;
    return {
      ...compilePipelineRun(compilation),
      comments: [
        `${program.name}:${program.version} as a PipelineRun of Tekton, made by same compile --engine tekton.`,
        `Needs Tekton Pipelines 1.0 or later, and a PersistentVolumeClaim "${VOLUME}" that all nodes can write, in the namespace`,
        'of the PipelineRun.',
        ...(secrets.length === 0 ? [] : [`Needs a Secret "${SECRET}" with ${secrets.join(', ')}.`]),
        'kubectl apply --server-side -f FILE',
      ],
      made: 'a PipelineRun',
    };
  },
};
