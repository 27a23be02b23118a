import { parseQuantity } from '../../program/quantity.ts';
import { placeOf, stepScript } from '../step-script.ts';
import { secretVariable } from '../step-variables.ts';
import type { ClusterObject, Compilation, CompiledStep } from './compilation.ts';
import { objectName } from './names.ts';

/** Directory of an attempt in its pod. */
export const ROOT = '/same';
/** The claim of the volume on which steps leave what others read. */
export const VOLUME = 'same';
/** The secret that has the program's secrets by their names. */
export const SECRET = 'same-secrets';
/** Seconds beyond its timeout after which a pod is ended whatever it does: fetching an image is no part of a timeout. */
const BACKSTOP_SECONDS = 3600;

const ARCHITECTURES: Record<string, string> = { x86_64: 'amd64', aarch64: 'arm64', arm64: 'arm64' };
const GPUS = { nvidia: 'nvidia.com/gpu', amd: 'amd.com/gpu', intel: 'gpu.intel.com/i915' };

/** Seconds that what is asked to end has, unless a run says otherwise. */
const GRACE_SECONDS = 30;
/** What all pods of steps are: the same user in every image. */
export const POD_SECURITY = { runAsUser: 0, runAsGroup: 0, seccompProfile: { type: 'RuntimeDefault' } };

/** GPUs that a step is given: of one that can do without none. */
export function gpusOf({ resources: { gpu } }: CompiledStep['step']): number {
  return gpu === undefined || gpu.optional ? 0 : gpu.count;
}

/** Nodes that a step may run on, or undefined where any does. */
export function nodeSelector(
  { cache }: CompiledStep['step'],
  { platform }: Pick<Compilation, 'platform'>,
): Record<string, string> | undefined {
  if (cache === 'portable') return undefined;
  const [os, architecture] = platform.split('-') as [string, string];
  return {
    'kubernetes.io/os': os,
    'kubernetes.io/arch': ARCHITECTURES[architecture] ?? architecture,
  };
}

/** When the cluster ends an attempt that its shim has not, in seconds, or undefined of a step without a timeout. */
export function deadlineSeconds({ timeoutMs }: CompiledStep['step']): number | undefined {
  return timeoutMs === undefined ? undefined : Math.ceil(timeoutMs / 1000) + BACKSTOP_SECONDS;
}

/** What the pods of a step are that Jobs start, all but their container and their volumes. */
export function podFields(
  step: CompiledStep['step'],
  compilation: Pick<Compilation, 'platform'>,
): ClusterObject {
  const deadline = deadlineSeconds(step);
  const nodes = nodeSelector(step, compilation);
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: GRACE_SECONDS,
    ...(deadline === undefined ? {} : { activeDeadlineSeconds: deadline }),
    ...(nodes === undefined ? {} : { nodeSelector: nodes }),
    securityContext: POD_SECURITY,
  };
}

/** The script of a step, as its pods get it. */
export function scriptOf(compiled: CompiledStep, { runId, watched }: Compilation): string {
  const { step, cells, variables, code, given, report } = compiled;
  const own = Object.entries(variables).filter(([name]) => !step.secrets.includes(name));
  return stepScript({
    step,
    cells,
    runId: watched?.id ?? runId,
    root: ROOT,
    variables: Object.fromEntries(own),
    gpus: gpusOf(step),
    ...(code ? { code: `${ROOT}/spec/${code.name}` } : {}),
    ...(given ? { given } : {}),
    ...(report ? { report } : {}),
  });
}

/**
 * The container of each cell: nothing of the cluster but its own inputs, its script and a place for what it leaves.
 * @param told what tells the shim its cell (`SAME_CELL`), its retries and where to leave a copy of how it ended; also its
 *   script, where that does not lie beside it
 * @param cell the number of the cell where the engine fills it in; of others it is taken from `SAME_CELL`
 */
export function stepContainer(
  compiled: CompiledStep,
  { runId, optionalSecrets, watched }: Pick<Compilation, 'runId' | 'optionalSecrets' | 'watched'>,
  told: readonly ClusterObject[],
  cell?: string,
): ClusterObject {
  const { step, image, cells } = compiled;
  const directory = watched?.directory ?? runId;
  return {
    name: 'main',
    image,
    command: ['sh', `${ROOT}/spec/shim.sh`],
    env: [
      ...(told.some(({ name }) => String(name).startsWith('SAME_STEP_'))
        ? []
        : [{ name: 'SAME_STEP_FILE', value: `${ROOT}/spec/step.sh` }]),
      ...told,
      ...secretVariables(step, watched?.secret ?? SECRET, (name) => optionalSecrets.includes(name)),
    ],
    ...resourcesOf(compiled),
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'work', mountPath: ROOT },
      { name: 'temporary', mountPath: '/tmp', subPath: 'tmp' },
      { name: 'temporary', mountPath: '/var/tmp', subPath: 'var-tmp' },
      { name: 'spec', mountPath: `${ROOT}/spec`, readOnly: true },
      {
        name: 'volume',
        mountPath: `${ROOT}/keep`,
        ...(cell === undefined
          ? { subPathExpr: `${directory}/${step.name}/$(SAME_CELL)` }
          : { subPath: `${directory}/${step.name}/${cell}` }),
      },
      ...compiled.after.map((name) => ({
        name: 'volume',
        mountPath: `${ROOT}/from/${name}`,
        subPath: `${directory}/${name}`,
        readOnly: true,
      })),
      ...Object.entries(cells[0]!.inputs).flatMap(([input, { isMounted, sources }]) => {
        const source = sources[0]?.source;
        if (!isMounted || !source || !('step' in source)) return [];
        const subPath = `${directory}/${source.step}/${source.slot}/${source.output}`;
        return [{ name: 'volume', mountPath: placeOf(step, input, ROOT), subPath, readOnly: true }];
      }),
    ],
  };
}

/**
 * The variables in which a container is told the secrets of its step.
 * @param secret the object that has them by their names
 */
export function secretVariables(
  { secrets }: CompiledStep['step'],
  secret: string,
  isOptional: (name: string) => boolean,
): ClusterObject[] {
  return secrets.map((key) => ({
    name: secretVariable(key),
    valueFrom: {
      secretKeyRef: { name: secret, key, ...(isOptional(key) ? { optional: true } : {}) },
    },
  }));
}

/** Names of the objects that have what the pods of a step find in `spec`: shim, script, code and what else they read. */
export function specObjects(
  { step, code, archives }: CompiledStep,
  { runId }: Pick<Compilation, 'runId'>,
): string[] {
  const names = [
    objectName(runId, '@shim'),
    objectName(runId, step.name),
    ...[...(code ? [code] : []), ...archives].map(({ name }) => objectName(runId, `@${name}`)),
  ];
  return [...new Set(names)];
}

/** The volumes that {@link stepContainer} mounts. */
export function stepVolumes(compiled: CompiledStep, compilation: Compilation): ClusterObject[] {
  const { step } = compiled;
  return [
    { name: 'work', emptyDir: step.resources.disk ? { sizeLimit: step.resources.disk.size } : {} },
    { name: 'temporary', emptyDir: {} },
    {
      name: 'spec',
      projected: {
        sources: specObjects(compiled, compilation).map((name) => ({ configMap: { name } })),
      },
    },
    { name: 'volume', persistentVolumeClaim: { claimName: VOLUME } },
  ];
}

/** What is declared is asked for and no more is given (spec SAME-ENG-011). */
function resourcesOf({ step }: CompiledStep): ClusterObject {
  const { cpu, memory, disk, gpu } = step.resources;
  const wanted = {
    ...(cpu === undefined ? {} : { cpu: String(cpu) }),
    ...(memory === undefined ? {} : { memory: String(Math.ceil(parseQuantity(memory)!)) }),
    ...(disk === undefined ? {} : { 'ephemeral-storage': String(Math.ceil(parseQuantity(disk.size)!)) }),
    ...(gpusOf(step) === 0 ? {} : { [GPUS[gpu!.vendor ?? 'nvidia']]: String(gpu!.count) }),
  };
  return Object.keys(wanted).length === 0 ? {} : { resources: { requests: wanted, limits: wanted } };
}
