import type { ClusterCompiler } from '../cluster-compiler.ts';
import { ROOT, SECRET, VOLUME } from '../kubernetes/step-container.ts';
import { ARGO_ON_FAILURE, workflowRefusals } from './refusals.ts';
import { compileWorkflow, EXECUTOR } from './workflow.ts';

/** Plans as Workflows of Argo (spec SAME-ENG-025). */
export const workflowCompiler: ClusterCompiler = {
  name: 'argo',
  onFailure: ARGO_ON_FAILURE,
  packed: `${ROOT}/spec`,
  refusals: workflowRefusals,
  compile(compilation, secrets) {
    const { program } = compilation.plan;
    return {
      ...compileWorkflow(compilation),
      comments: [
        `${program.name}:${program.version} as a Workflow of Argo, made by same compile --engine argo.`,
        `Needs Argo Workflows 3.6 or later, and in the namespace of the Workflow a PersistentVolumeClaim "${VOLUME}" that all`,
        `nodes can write, and a ServiceAccount "${EXECUTOR}" that may create and patch workflowtaskresults, with its token in a`,
        `Secret "${EXECUTOR}.service-account-token". Steps themselves have no account.`,
        ...(secrets.length === 0 ? [] : [`Needs a Secret "${SECRET}" with ${secrets.join(', ')}.`]),
        'kubectl apply --server-side -f FILE',
      ],
      made: 'a Workflow',
    };
  },
};
