import { randomBytes } from 'node:crypto';
import type { StepAttempt } from '../attempt/step-attempt.ts';
import { shimText } from '../shim.ts';
import { placeOf, type ScriptInput, stepScript } from '../step-script.ts';
import type { ClusterObject } from './compilation.ts';
import type { Given } from './given.ts';
import { objectName } from './names.ts';
import { CODE } from './packed-code.ts';
import { labelsOf, type RunNames } from './run-names.ts';
import { gpusOf, podFields, ROOT, secretVariables, stepContainer, VOLUME } from './step-container.ts';

/** Annotation with the key of the cell that a Job runs. */
export const KEY = 'same.dev/key';
/** Label of all Jobs of one cell. */
export const CELL = 'same.dev/cell';
const KEPT_SECONDS = 86_400;
/** The most that a variable of a process has, by far: a longer script lies on the volume. */
const VARIABLE_BYTES = 65_536;

/** One try at an attempt: more than one where the cluster lost the first. */
export interface Try {
  /** Of its Job, and of its secret. */
  name: string;
  /** Where it leaves what it made, below the volume; its Job says it, for those who find that there. */
  keep: string;
}

/**
 * What the try at an attempt is called: the same for every client that goes on with the run. Where it leaves what it makes
 * nothing has ever been.
 */
export function tryOf(names: RunNames, { step, cell, attempt }: StepAttempt, again: number): Try {
  const slot = `${numberOf(cell.name, step.name)}-${attempt}${again === 0 ? '' : `r${again}`}`;
  return {
    name: objectName(names.run, `${step.name}-${slot}`),
    keep: `${names.directory}/${step.name}/${slot}-${randomBytes(4).toString('hex')}`,
  };
}

/** The label that tells one cell of a run from every other. */
export function cellLabel(names: RunNames, { step, cell }: StepAttempt): string {
  return objectName(names.run, `${step.name}-${numberOf(cell.name, step.name)}`);
}

/**
 * The Job of one try: one pod, which is never made anew by the cluster. What its pod reads is on the volume when this is
 * there.
 */
export async function attemptJob(
  task: StepAttempt,
  { name, keep }: Try,
  { names, given, platform }: { names: RunNames; given: Given; platform: string },
): Promise<ClusterObject> {
  const { step, cell, context, environment, key } = task;
  const inputs: Record<string, ScriptInput> = {};
  const mounts: ClusterObject[] = [];
  const mount = (mountPath: string, subPath: string) =>
    mounts.push({ name: 'volume', mountPath, subPath, readOnly: true });
  for (const [input, { mode }] of Object.entries(step.inputs)) {
    const path = await given.artifact(task.inputs[input]!);
    const place = placeOf(step, input, ROOT);
    const isMounted = mode === 'link' && !place.includes(':');
    mount(isMounted ? place : `${ROOT}/given/${input}`, path);
    inputs[input] = isMounted
      ? { isMounted, sources: [] }
      : { copiedFrom: `${ROOT}/given/${input}`, sources: [] };
  }
  const code = await given.code(step);
  if (code !== undefined) mount(`${ROOT}/code`, code);
  const variables = Object.entries(environment.variables).filter(([each]) => !step.secrets.includes(each));
  const script = stepScript({
    step,
    cells: [{ name: cell.name, matrix: cell.matrix, inputs }],
    runId: context.runId,
    root: ROOT,
    variables: Object.fromEntries(variables),
    gpus: gpusOf(step),
    // The pipes of the shim among them.
    known: ['spec', 'given', 'code', '.1', '.2'],
    ...(code === undefined ? {} : { code: `${ROOT}/code/${CODE}` }),
  });
  const told = Buffer.from(script).toString('base64');
  const isLong = told.length > VARIABLE_BYTES;
  if (isLong) mount(`${ROOT}/spec`, await given.texts({ 'step.sh': script }));
  const labels = {
    ...labelsOf(names),
    'same.dev/step': objectName(names.run, step.name).slice(`same-${names.run}-`.length),
    [CELL]: cellLabel(names, task),
    'same.dev/network': step.network ? 'open' : 'none',
  };
  const pod = podSpec(task, {
    platform,
    secret: name,
    mounts,
    keep,
    script: isLong
      ? { name: 'SAME_STEP_FILE', value: `${ROOT}/spec/step.sh` }
      : { name: 'SAME_STEP_B64', value: told },
  });
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      labels,
      annotations: {
        ...names.owner,
        [KEY]: key.key,
        'same.dev/keep': keep,
        'same.dev/step': cell.name,
        'same.dev/attempt': String(task.attempt),
      },
    },
    spec: {
      backoffLimit: 0,
      ttlSecondsAfterFinished: KEPT_SECONDS,
      // Its secrets are made when it is there to own them.
      ...(step.secrets.length > 0 ? { suspend: true } : {}),
      template: { metadata: { labels }, spec: pod },
    },
  };
}

/** The pod of an attempt: that of a compiled step, with everything that it reads on the volume. */
function podSpec(
  { step, cell, attempt, environment, context }: StepAttempt,
  {
    platform,
    secret,
    mounts,
    keep,
    script,
  }: {
    platform: string;
    secret: string;
    mounts: ClusterObject[];
    keep: string;
    /** The variable that leads the shim to its step. */
    script: ClusterObject;
  },
): ClusterObject {
  const { container, variables } = environment;
  const image = container && 'image' in container ? container.image : '';
  const cells = [{ name: cell.name, matrix: cell.matrix, inputs: {} }];
  return {
    ...podFields(step, { platform }),
    containers: [
      {
        ...stepContainer(
          { step: { ...step, secrets: [] }, image, cells, variables, archives: [], after: [] },
          { runId: context.runId, optionalSecrets: [] },
          [
            script,
            { name: 'SAME_EXIT_COPY', value: '/dev/termination-log' },
            { name: 'SAME_CELL', value: '0' },
            { name: 'SAME_RETRIES', value: String(attempt - 1) },
            ...(context.graceMs === undefined
              ? []
              : [{ name: 'SAME_GRACE', value: String(Math.ceil(context.graceMs / 1000)) }]),
            // Without those that it must have nothing was begun.
            ...secretVariables(step, secret, (name) => context.secrets[name] === undefined),
          ],
        ),
        // It comes with its Job, so that nothing has to be put onto the volume for it; the API takes `$$` for `$`.
        command: ['sh', '-c', shimText().replaceAll('$', '$$$$')],
        volumeMounts: [
          { name: 'work', mountPath: ROOT },
          { name: 'temporary', mountPath: '/tmp', subPath: 'tmp' },
          { name: 'temporary', mountPath: '/var/tmp', subPath: 'var-tmp' },
          { name: 'volume', mountPath: `${ROOT}/keep`, subPath: keep },
          ...mounts,
        ],
      },
    ],
    volumes: [
      { name: 'work', emptyDir: step.resources.disk ? { sizeLimit: step.resources.disk.size } : {} },
      { name: 'temporary', emptyDir: {} },
      { name: 'volume', persistentVolumeClaim: { claimName: VOLUME } },
    ],
  };
}

/** The number of a cell within its step; of a step with one cell 0. */
function numberOf(cell: string, step: string): string {
  return cell === step ? '0' : cell.slice(step.length + 1);
}
