import type { ClusterObject } from './compilation.ts';
import { MAIN } from './pod-state.ts';
import { labelsOf, type RunNames } from './run-names.ts';
import { VOLUME } from './step-container.ts';

/** Where a carrier has the volume. */
export const PLACE = '/same/volume';
/** A carrier ends by itself after this, and another takes its place: none outlives a client that died for long. */
const LIFE_SECONDS = 86_400;
const KEPT_SECONDS = 60;

/** The Job of the pod through which files of a run come and go: it does nothing until it is told. */
export function carrierJob(names: RunNames, image: string): ClusterObject {
  const labels = { ...labelsOf(names), 'same.dev/role': 'carrier', 'same.dev/network': 'none' };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: names.carrier, labels, annotations: names.owner },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: LIFE_SECONDS,
      ttlSecondsAfterFinished: KEPT_SECONDS,
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 1,
          securityContext: { runAsUser: 0, runAsGroup: 0, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              name: MAIN,
              image,
              command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done'],
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              volumeMounts: [{ name: 'volume', mountPath: PLACE }],
            },
          ],
          volumes: [{ name: 'volume', persistentVolumeClaim: { claimName: VOLUME } }],
        },
      },
    },
  };
}
