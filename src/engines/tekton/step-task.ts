import { parseQuantity } from '../../program/quantity.ts';
import { stepLabels } from '../kubernetes/carried-objects.ts';
import type { ClusterObject, Compilation, CompiledStep } from '../kubernetes/compilation.ts';
import { deadlineSeconds, ROOT, stepContainer, stepVolumes } from '../kubernetes/step-container.ts';
import { KEEPING } from '../submitted/account.ts';

/** The parameter by which a cell is told its number. */
export const CELL = 'cell';
/** Tekton puts a program of its own into each pod, of about half as many bytes, and they count as written by the step. */
const OWN_BYTES = 2 ** 27;
/** How an attempt ended that was killed with its shim, for want of memory for instance. */
export const KILLED = 137;
/** Tells again of such an attempt that it is final, as no shim could: there is the place for what it would say, and nothing. */
const ONCE_KILLED = `[ "$SAME_RETRIES" = 0 ] || [ ! -d ${ROOT}/keep/.same ] || [ -f ${ROOT}/keep/.same/exit.json ] || exit ${KILLED}`;

/** One task of a pipeline: which cells of a step it runs, and after which tasks. */
export interface TaskPlace {
  name: string;
  slots: number[];
  after: string[];
}

/**
 * Cells of a step as a task of a pipeline. Tekton repeats whatever failed, and the shim says again what is final without
 * starting the step once more.
 */
export function stepTask(
  compiled: CompiledStep,
  compilation: Compilation,
  { name, slots, after }: TaskPlace,
): ClusterObject {
  const { step } = compiled;
  const { max } = step.retries;
  const deadline = deadlineSeconds(step);
  const isMany = compiled.cells.length > 1;
  const { resources, ...container } = stepContainer(compiled, compilation, [
    { name: 'SAME_EXIT_COPY', value: '$(results.exit.path)' },
    { name: 'SAME_CELL', value: isMany ? `$(params.${CELL})` : '0' },
    ...(max === 0 ? [] : [{ name: 'SAME_RETRIES', value: '$(context.task.retry-count)' }]),
  ]);
  return {
    name,
    ...(after.length === 0 ? {} : { runAfter: after }),
    ...(max === 0 ? {} : { retries: max }),
    // What says nothing has an hour.
    timeout: `${deadline ?? 0}s`,
    ...(isMany ? { matrix: { params: [{ name: CELL, value: slots.map(String) }] } } : {}),
    taskSpec: {
      metadata: {
        labels: stepLabels(step, compilation.runId),
        annotations: { 'same.dev/step': step.name },
      },
      ...(isMany ? { params: [{ name: CELL, type: 'string' }] } : {}),
      results: [{ name: 'exit', type: 'string' }],
      steps: [
        {
          ...container,
          ...commandOf(step.retries, compilation),
          ...(resources === undefined
            ? {}
            : { computeResources: withOwn(resources as ClusterObject, step.resources.disk?.size) }),
        },
      ],
      volumes: stepVolumes(compiled, compilation),
    },
  };
}

/** What starts the shim of a step that is tried again, where that is not the shim itself. */
function commandOf(
  { max, codes }: CompiledStep['step']['retries'],
  { watched }: Compilation,
): { command?: string[] } {
  if (max === 0) return {};
  const isOnce = codes !== undefined && !codes.includes(KILLED);
  if (watched) return { command: ['sh', '-c', isOnce ? `${ONCE_KILLED}\n${KEEPING}` : KEEPING] };
  return isOnce ? { command: ['sh', '-c', `${ONCE_KILLED}; . "$0"`, `${ROOT}/spec/shim.sh`] } : {};
}

/** What a step is given, so that it has all the disk that it asks for beside what is Tekton's. */
function withOwn(resources: ClusterObject, disk: string | undefined): ClusterObject {
  if (disk === undefined) return resources;
  const bytes = String(parseQuantity(disk) + OWN_BYTES);
  return Object.fromEntries(
    Object.entries(resources).map(([kind, wanted]) => [
      kind,
      { ...(wanted as ClusterObject), 'ephemeral-storage': bytes },
    ]),
  );
}
