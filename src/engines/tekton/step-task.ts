import { parseQuantity } from '../../program/quantity.ts';
import { stepLabels } from '../kubernetes/carried-objects.ts';
import type { ClusterObject, Compilation, CompiledStep } from '../kubernetes/compilation.ts';
import { deadlineSeconds, ROOT, stepContainer, stepVolumes } from '../kubernetes/step-container.ts';
import { accountOf } from '../submitted/account.ts';

/** The parameter by which a cell is told its number. */
export const CELL = 'cell';
/** Tekton puts a program of its own into each pod, of about half as many bytes, and they count as written by the step. */
const OWN_BYTES = 2 ** 27;
/** How an attempt ended that was killed with its shim, for want of memory for instance. */
export const KILLED = 137;
/** Tells again of such an attempt that it is final, as no shim could: there is the place for what it would say, and nothing. */
const ONCE_KILLED = [
  'sh',
  '-c',
  `[ "$SAME_RETRIES" = 0 ] || [ ! -d ${ROOT}/keep/.same ] || [ -f ${ROOT}/keep/.same/exit.json ] || exit ${KILLED}; . "$0"`,
  `${ROOT}/spec/shim.sh`,
];
/** How often an attempt that the cluster took away is made again, of a run that is watched. */
const LOST_RETRIES = 2;

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
  const max = retriesOf(compiled, compilation);
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
          ...commandOf(compiled, compilation),
          ...(resources === undefined
            ? {}
            : { computeResources: withOwn(resources as ClusterObject, step.resources.disk?.size) }),
        },
      ],
      volumes: stepVolumes(compiled, compilation),
    },
  };
}

/** How often Tekton repeats what failed. */
export function retriesOf({ step }: CompiledStep, { watched }: Compilation): number {
  return step.retries.max + (watched ? LOST_RETRIES : 0);
}

/** Whether an attempt is tried again that was killed with its shim. */
export function isAgainKilled({ codes }: CompiledStep['step']['retries']): boolean {
  return codes === undefined || codes.includes(KILLED);
}

/** What starts the shim of a step that is tried again, where that is not the shim itself. */
function commandOf({ step: { retries } }: CompiledStep, { watched }: Compilation): { command?: string[] } {
  if (watched) return { command: ['sh', '-c', keeping(retries)] };
  return retries.max === 0 || isAgainKilled(retries) ? {} : { command: ONCE_KILLED };
}

/**
 * Puts the account of the attempt before aside, for whoever collects it, and starts the shim, unless that attempt was the
 * last one: then its code is told again. What was stopped from outside is not, as often as Tekton tries. A pod that is made
 * once more within its try finds the account put aside.
 */
function keeping(retries: CompiledStep['step']['retries']): string {
  const most = isAgainKilled(retries) ? retries.max : 0;
  return `a=${ROOT}/keep/.same k=${ROOT}/keep/${accountOf('$SAME_RETRIES')} r= c=${KILLED} m=${most}
if [ "$SAME_RETRIES" != 0 ] && [ -d $a ] && [ ! -d $k ]; then
if [ -f $a/exit.json ]; then read -r r <$a/exit.json; c=\${r#*\\"exit\\":} c=\${c%%,*} m=${retries.max}; fi
case $r in
*'"again":false'*) ;;
*'"stopped":true'*) mv $a $k;;
*) [ "$SAME_RETRIES" -le $m ] || exit $c; mv $a $k
esac; fi
exec sh ${ROOT}/spec/shim.sh`;
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
