import { parseQuantity } from '../../program/quantity.ts';
import { placeOf, stepScript } from '../step-script.ts';
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
const GRACE_SECONDS = 30;

const ARCHITECTURES: Record<string, string> = { x86_64: 'amd64', aarch64: 'arm64', arm64: 'arm64' };
const GPUS = { nvidia: 'nvidia.com/gpu', amd: 'amd.com/gpu', intel: 'gpu.intel.com/i915' };

/** GPUs that a step is given: of one that can do without none. */
export function gpusOf({ resources: { gpu } }: CompiledStep['step']): number {
  return gpu === undefined || gpu.optional ? 0 : gpu.count;
}

/** The script of a step, as its pods get it. */
export function scriptOf({ step, cells, variables, code }: CompiledStep, { runId }: Compilation): string {
  const own = Object.entries(variables).filter(([name]) => !step.secrets.includes(name));
  return stepScript({
    step,
    cells,
    runId,
    root: ROOT,
    variables: Object.fromEntries(own),
    gpus: gpusOf(step),
    ...(code ? { code: `${ROOT}/spec/${code.name}` } : {}),
  });
}

/** The pod of each cell: nothing of the cluster but its own inputs, its script and a place for what it leaves. */
export function podSpec(compiled: CompiledStep, compilation: Compilation): ClusterObject {
  const { step, image, cells } = compiled;
  const { runId, platform, optionalSecrets } = compilation;
  const [os, architecture] = platform.split('-') as [string, string];
  const annotation = (name: string) => ({
    valueFrom: { fieldRef: { fieldPath: `metadata.annotations['${name}']` } },
  });
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: GRACE_SECONDS,
    ...(step.timeoutMs === undefined
      ? {}
      : { activeDeadlineSeconds: Math.ceil(step.timeoutMs / 1000) + BACKSTOP_SECONDS }),
    ...(step.cache === 'portable'
      ? {}
      : {
          nodeSelector: {
            'kubernetes.io/os': os,
            'kubernetes.io/arch': ARCHITECTURES[architecture] ?? architecture,
          },
        }),
    securityContext: { runAsUser: 0, runAsGroup: 0, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'main',
        image,
        command: ['sh', `${ROOT}/spec/shim.sh`],
        env: [
          { name: 'SAME_STEP_FILE', value: `${ROOT}/spec/step.sh` },
          { name: 'SAME_EXIT_COPY', value: '/dev/termination-log' },
          { name: 'SAME_CELL', ...annotation('batch.kubernetes.io/job-completion-index') },
          { name: 'SAME_RETRIES', ...annotation('batch.kubernetes.io/job-index-failure-count') },
          ...step.secrets.map((name) => ({
            name,
            valueFrom: {
              secretKeyRef: {
                name: SECRET,
                key: name,
                ...(optionalSecrets.includes(name) ? { optional: true } : {}),
              },
            },
          })),
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
          { name: 'volume', mountPath: `${ROOT}/keep`, subPathExpr: `${runId}/${step.name}/$(SAME_CELL)` },
          ...compiled.after.map((name) => ({
            name: 'volume',
            mountPath: `${ROOT}/from/${name}`,
            subPath: `${runId}/${name}`,
            readOnly: true,
          })),
          ...Object.entries(cells[0]!.inputs).flatMap(([input, { isMounted, sources }]) => {
            const source = sources[0]?.source;
            if (!isMounted || !source || 'archive' in source) return [];
            const subPath = `${runId}/${source.step}/${source.slot}/${source.output}`;
            return [{ name: 'volume', mountPath: placeOf(step, input, ROOT), subPath, readOnly: true }];
          }),
        ],
      },
    ],
    volumes: [
      { name: 'work', emptyDir: step.resources.disk ? { sizeLimit: step.resources.disk.size } : {} },
      { name: 'temporary', emptyDir: {} },
      { name: 'spec', projected: { sources: specSources(compiled, runId) } },
      { name: 'volume', persistentVolumeClaim: { claimName: VOLUME } },
    ],
  };
}

function specSources({ step, code, archives }: CompiledStep, runId: string) {
  const names = [
    objectName(runId, '@shim'),
    objectName(runId, step.name),
    ...[...(code ? [code] : []), ...archives].map(({ name }) => objectName(runId, `@${name}`)),
  ];
  return [...new Set(names)].map((name) => ({ configMap: { name } }));
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
