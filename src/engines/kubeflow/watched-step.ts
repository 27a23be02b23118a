import { parseQuantity } from '../../program/quantity.ts';
import { labelsOf } from '../kubernetes/carried-objects.ts';
import type { ClusterObject, Compilation, CompiledStep } from '../kubernetes/compilation.ts';
import { objectName } from '../kubernetes/names.ts';
import {
  deadlineSeconds,
  nodeSelector,
  POD_SECURITY,
  ROOT,
  SECRET,
  specObjects,
  VOLUME,
} from '../kubernetes/step-container.ts';
import { resourcesOf, SLOT, secretsAsVariables } from './executors.ts';
import { OF, watchedStartText } from './start.ts';

/** The container of a step of a run that its client watches: it is told its step, its cell and its retries, in this order. */
export function watchedContainer(
  { step, image }: CompiledStep,
  { optionalSecrets }: Pick<Compilation, 'optionalSecrets'>,
): ClusterObject {
  const resources = resourcesOf(step);
  return {
    image,
    command: ['sh', '-c', watchedStartText(step.secrets, optionalSecrets), 'same'],
    args: [step.name, `{{$.inputs.parameters['${SLOT}']}}`, String(step.retries.max)],
    ...(Object.keys(resources).length === 0 ? {} : { resources }),
  };
}

/**
 * What the container of a try says of its cell: what {@link watchedContainer} is told. Before 2.17 Kubeflow fills it in only
 * inside of the pod; there it is in what its launcher is given to do so.
 */
export function cellToldIn({
  command = [],
  args = [],
}: {
  command?: string[];
  args?: string[];
}): { slot: number; retries: number } | undefined {
  if (args.length < 4) return undefined;
  const [told, retries] = args.slice(-2).map(Number);
  const slot = Number.isInteger(told) ? told : slotGiven(command[command.indexOf('--executor_input') + 1]);
  if (!Number.isInteger(slot) || !Number.isInteger(retries)) return undefined;
  return { slot: slot!, retries: retries! };
}

function slotGiven(text: string | undefined): number | undefined {
  try {
    const { inputs } = JSON.parse(text ?? '') as { inputs?: { parameterValues?: Record<string, unknown> } };
    const slot = inputs?.parameterValues?.[SLOT];
    return slot === undefined ? undefined : Number(slot);
  } catch {
    return undefined;
  }
}

/**
 * What is there as long as what was handed over is not over: of this, and not of what the same run hands over when it is
 * gone on with. It can be changed, for of what cannot a node does not look whether it is gone.
 */
export function markOf(compilation: Compilation): ClusterObject {
  const { runId, watched } = compilation;
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: markName(compilation), labels: labelsOf(runId) },
    data: { [OF]: watched?.id ?? runId },
  };
}

function markName({ runId, watched }: Compilation): string {
  return objectName(runId, `@of ${watched?.id ?? runId}`);
}

/**
 * What Kubernetes is told of such pods: what they read and leave is on the volume of the run, their scripts are objects.
 * They are there before anything begins; Kubeflow begins `finally` also of what was terminated, when they may be gone, and a
 * pod that waited for them would wait for ever. Pods are not kept from the network: what tells Kubeflow of the end of a step
 * is in the same container.
 */
export function watchedPod(compiled: CompiledStep, name: string, compilation: Compilation): ClusterObject {
  const { step, after } = compiled;
  const { runId, watched } = compilation;
  const labels = nodeSelector(step, compilation);
  const deadline = deadlineSeconds(step);
  const { disk } = step.resources;
  const directory = watched?.directory ?? runId;
  const mount = (path: string, of: string) => ({
    constant: VOLUME,
    mountPath: `${ROOT}/${path}`,
    subPath: `${directory}/${of}`,
  });
  return {
    podMetadata: { labels: { ...labelsOf(runId), 'same.dev/step': name } },
    emptyDirMounts: [
      {
        // Volumes of claims have the names of these.
        volumeName: 'work',
        mountPath: ROOT,
        ...(disk === undefined ? {} : { sizeLimit: String(Math.ceil(parseQuantity(disk.size)!)) }),
      },
    ],
    configMapAsVolume: [...specObjects(compiled, compilation), markName(compilation)].map(
      (configMapName, number) => ({
        configMapName,
        mountPath: `${ROOT}/config/${number}`,
        optional: true,
      }),
    ),
    pvcMount: [mount('keep', step.name), ...after.map((source) => mount(`from/${source}`, source))],
    securityContext: { runAsUser: POD_SECURITY.runAsUser, runAsGroup: POD_SECURITY.runAsGroup },
    ...(labels === undefined ? {} : { nodeSelector: { labels } }),
    ...(deadline === undefined ? {} : { activeDeadlineSeconds: String(deadline) }),
    ...secretsAsVariables(step, watched?.secret ?? SECRET, () => true),
  };
}
