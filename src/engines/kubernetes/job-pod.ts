import type { ClusterObject, Compilation, CompiledStep } from './compilation.ts';
import { deadlineSeconds, nodeSelector, POD_SECURITY, stepContainer, stepVolumes } from './step-container.ts';

const GRACE_SECONDS = 30;

/** The pod of each cell, the number of which is the index of its Job. */
export function podSpec(compiled: CompiledStep, compilation: Compilation): ClusterObject {
  const annotation = (name: string) => ({
    valueFrom: { fieldRef: { fieldPath: `metadata.annotations['${name}']` } },
  });
  const deadline = deadlineSeconds(compiled.step);
  const nodes = nodeSelector(compiled.step, compilation);
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: GRACE_SECONDS,
    ...(deadline === undefined ? {} : { activeDeadlineSeconds: deadline }),
    ...(nodes === undefined ? {} : { nodeSelector: nodes }),
    securityContext: POD_SECURITY,
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
