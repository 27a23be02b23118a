import { parseQuantity } from '../../program/quantity.ts';
import type { ClusterObject, Compilation, CompiledStep } from '../kubernetes/compilation.ts';
import {
  deadlineSeconds,
  gpusOf,
  nodeSelector,
  ROOT,
  SECRET,
  scriptOf,
} from '../kubernetes/step-container.ts';
import { secretVariable } from '../step-variables.ts';
import { type StartFile, startText, variableOf } from './start.ts';
import type { StepTask } from './tasks.ts';

/** What an output's artifact that tells of the attempt is called: no output can be. */
export const ACCOUNT = '_same';
/** The parameter of a component that is the number of its cell. */
export const SLOT = '_slot';
const GB = 1e9;
const GPUS = { nvidia: 'nvidia.com/gpu', amd: 'amd.com/gpu', intel: 'gpu.intel.com/i915' };

/** The files of a step, each for one variable. */
export function filesOf(compiled: CompiledStep, compilation: Compilation): (StartFile & { field: string })[] {
  const { step, code, archives } = compiled;
  const field = `pipeline.${step.group}.${step.name}`;
  const base64 = (content: string | Uint8Array) => Buffer.from(content).toString('base64');
  return [
    { name: 'shim.sh', content: base64(compilation.shim), field },
    {
      name: 'step.sh',
      content: base64(scriptOf(unmounted(compiled), compilation)),
      field: `the cells of ${field}`,
    },
    ...[...(code ? [code] : []), ...archives].map(({ name, bytes, field: of }) => ({
      name,
      content: base64(bytes),
      field: of,
    })),
  ];
}

const plain = new WeakMap<object, CompiledStep['cells'][number]['inputs'][string]>();

/** The same where no input is mounted into its place: what a step reads is put there by its script. */
export function unmounted(compiled: CompiledStep): CompiledStep {
  return { ...compiled, cells: compiled.cells.map((cell) => ({ ...cell, inputs: copied(cell.inputs) })) };
}

function copied(inputs: CompiledStep['cells'][number]['inputs']): CompiledStep['cells'][number]['inputs'] {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => {
      // The script tells once what all cells read the same way: by what is the same thing.
      const known = plain.get(input) ?? { sources: input.sources };
      plain.set(input, known);
      return [name, known];
    }),
  );
}

/** The container of a step, the same for all its tasks but for what these read. */
export function containerOf(
  { step, image }: CompiledStep,
  files: readonly StartFile[],
  sources: readonly { name: string }[],
): ClusterObject {
  const resources = resourcesOf(step);
  return {
    image,
    command: ['sh', '-c', startText(files), 'same'],
    args: [
      step.name,
      `{{$.inputs.parameters['${SLOT}']}}`,
      '{{$}}',
      String(sources.length),
      ...sources.map((source) => `{{$.inputs.artifacts['${source.name}'].path}}`),
      ...[...Object.keys(step.outputs).map((output) => [output, output]), ['.same', ACCOUNT]].flatMap(
        ([entry, artifact]) => [
          entry,
          artifact,
          `{{$.outputs.artifacts['${artifact}'].path}}`,
          `{{$.outputs.artifacts['${artifact}'].uri}}`,
        ],
      ),
    ],
    env: files.map(({ content }, number) => ({ name: variableOf(number), value: content })),
    ...(Object.keys(resources).length === 0 ? {} : { resources }),
  };
}

/** What is declared is asked for and no more is given; each figure twice, for older and newer versions of Kubeflow. */
export function resourcesOf(step: CompiledStep['step']): ClusterObject {
  const { cpu, memory, gpu } = step.resources;
  const bytes = memory === undefined ? undefined : Math.ceil(parseQuantity(memory)!);
  const count = gpusOf(step);
  const type = GPUS[gpu?.vendor ?? 'nvidia'];
  return {
    ...(cpu === undefined
      ? {}
      : { cpuLimit: cpu, cpuRequest: cpu, resourceCpuLimit: String(cpu), resourceCpuRequest: String(cpu) }),
    ...(bytes === undefined
      ? {}
      : {
          memoryLimit: bytes / GB,
          memoryRequest: bytes / GB,
          resourceMemoryLimit: String(bytes),
          resourceMemoryRequest: String(bytes),
        }),
    ...(count === 0
      ? {}
      : {
          accelerator: { type, count: String(count), resourceType: type, resourceCount: String(count) },
        }),
  };
}

/** What Kubernetes is told of the pods of a step, beside what every platform is. */
export function podOf({ step }: CompiledStep, name: string, compilation: Compilation): ClusterObject {
  const { runId, optionalSecrets } = compilation;
  const labels = nodeSelector(step, compilation);
  const deadline = deadlineSeconds(step);
  const { disk } = step.resources;
  return {
    podMetadata: {
      labels: {
        'app.kubernetes.io/managed-by': 'same',
        'same.dev/run': runId,
        'same.dev/step': name,
        'same.dev/network': step.network ? 'open' : 'none',
      },
    },
    emptyDirMounts: [
      {
        volumeName: 'same',
        mountPath: ROOT,
        ...(disk === undefined ? {} : { sizeLimit: String(Math.ceil(parseQuantity(disk.size)!)) }),
      },
    ],
    ...(labels === undefined ? {} : { nodeSelector: { labels } }),
    ...(deadline === undefined ? {} : { activeDeadlineSeconds: String(deadline) }),
    ...secretsAsVariables(step, SECRET, (name) => optionalSecrets.includes(name)),
  };
}

/**
 * What Kubernetes is told of the secrets of a step, as Kubeflow says it.
 * @param secretName the object that has them by their names
 */
export function secretsAsVariables(
  { secrets }: CompiledStep['step'],
  secretName: string,
  isOptional: (name: string) => boolean,
): ClusterObject {
  if (secrets.length === 0) return {};
  return {
    secretAsEnv: secrets.map((secretKey) => ({
      secretName,
      keyToEnv: [{ secretKey, envVar: secretVariable(secretKey) }],
      optional: isOptional(secretKey),
    })),
  };
}

/** What components of a step are told and leave. */
export function interfaceOf(
  { step }: CompiledStep,
  { sources }: StepTask,
  { watched }: Compilation,
): ClusterObject {
  // What is watched hands nothing on by Kubeflow.
  if (watched) return { inputDefinitions: { parameters: { [SLOT]: { parameterType: 'NUMBER_INTEGER' } } } };
  return {
    inputDefinitions: {
      ...(sources.length === 0 ? {} : { artifacts: artifacts(sources.map(({ name }) => name)) }),
      parameters: { [SLOT]: { parameterType: 'NUMBER_INTEGER' } },
    },
    outputDefinitions: { artifacts: artifacts([...Object.keys(step.outputs), ACCOUNT]) },
  };
}

/** Artifacts of any content, by their names. */
export function artifacts(names: readonly string[]): ClusterObject {
  const artifactType = { schemaTitle: 'system.Artifact', schemaVersion: '0.0.1' };
  return Object.fromEntries(names.map((name) => [name, { artifactType }]));
}
