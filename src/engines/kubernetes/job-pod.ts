import type { ClusterObject, Compilation, CompiledStep } from './compilation.ts';
import { podFields, stepContainer, stepVolumes } from './step-container.ts';

/** The pod of each cell, the number of which is the index of its Job. */
export function podSpec(compiled: CompiledStep, compilation: Compilation): ClusterObject {
  const annotation = (name: string) => ({
    valueFrom: { fieldRef: { fieldPath: `metadata.annotations['${name}']` } },
  });
  return {
    ...podFields(compiled.step, compilation),
    containers: [
      stepContainer(compiled, compilation, [
        { name: 'SAME_EXIT_COPY', value: '/dev/termination-log' },
        { name: 'SAME_CELL', ...annotation('batch.kubernetes.io/job-completion-index') },
        { name: 'SAME_RETRIES', ...annotation('batch.kubernetes.io/job-index-failure-count') },
      ]),
    ],
    volumes: stepVolumes(compiled, compilation),
  };
}
