import type { ClusterCompiler } from '../cluster-compiler.ts';
import type { Compilation } from './compilation.ts';
import { compileJobs } from './jobs.ts';
import { jobRefusals } from './refusals.ts';
import { ROOT, SECRET, VOLUME } from './step-container.ts';

/** Plans as Jobs, as any cluster runs them (spec SAME-ENG-019). */
export const jobsCompiler: ClusterCompiler = {
  name: 'kubernetes',
  onFailure: ['finish', 'fail-fast'],
  packed: `${ROOT}/spec`,
  refusals: jobRefusals,
  compile(compilation, secrets) {
    const { steps } = compilation;
    return {
      ...compileJobs(compilation),
      comments: comments(compilation, secrets),
      made: `${steps.length} ${steps.length === 1 ? 'Job' : 'Jobs'}`,
    };
  },
};

function comments({ plan: { program }, steps }: Compilation, secrets: readonly string[]): string[] {
  return [
    `${program.name}:${program.version} as Jobs, made by same compile --engine kubernetes.`,
    `Needs a PersistentVolumeClaim "${VOLUME}" that all nodes can write, in the namespace of the Jobs.`,
    ...(secrets.length === 0 ? [] : [`Needs a Secret "${SECRET}" with ${secrets.join(', ')}.`]),
    'kubectl apply --server-side -f FILE',
    ...(steps.every(({ after }) => after.length === 0)
      ? []
      : [
          'A Job that reads from others (same.dev/after) is suspended. Once they are complete, let it go on:',
          'kubectl patch job NAME --type=merge -p \'{"spec":{"suspend":false}}\'',
        ]),
  ];
}
