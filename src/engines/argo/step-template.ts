import { labelsOf, stepLabel } from '../kubernetes/carried-objects.ts';
import type { ClusterObject, Compilation, CompiledStep } from '../kubernetes/compilation.ts';
import { objectName } from '../kubernetes/names.ts';
import { deadlineSeconds, nodeSelector, stepContainer, stepVolumes } from '../kubernetes/step-container.ts';
import { TIMED_OUT } from '../shim.ts';
import { KEEPING } from '../submitted/account.ts';

/** How often an attempt that the cluster took away is made again. */
const LOST_RETRIES = 2;

/** The pod was ended from outside, and it was not its deadline that passed. */
const LOST =
  "lastRetry.status == 'Error' || asInt(lastRetry.exitCode) == -1 && not (lastRetry.message contains 'deadline')";

/** The parameter by which a cell is told its number: all that templates of Argo ever fill in. */
export const CELL = 'cell';

/** The template of a step, the same for all of its cells. */
export function stepTemplate(compiled: CompiledStep, compilation: Compilation): ClusterObject {
  const { step, cells } = compiled;
  const { runId } = compilation;
  const deadline = deadlineSeconds(step);
  const nodes = nodeSelector(step, compilation);
  const isMany = cells.length > 1;
  const cell = isMany ? `{{inputs.parameters.${CELL}}}` : '0';
  return {
    name: stepLabel(runId, step.name),
    // Without the label of the network: what says how it went is a container of the same pod, and needs it.
    metadata: {
      labels: { ...labelsOf(runId), 'same.dev/step': stepLabel(runId, step.name) },
      annotations: { 'same.dev/step': step.name },
    },
    ...(isMany ? { inputs: { parameters: [{ name: CELL }] } } : {}),
    retryStrategy: retryStrategyOf(step.retries),
    ...(deadline === undefined ? {} : { activeDeadlineSeconds: deadline }),
    ...(nodes === undefined ? {} : { nodeSelector: nodes }),
    ...(step.mutex.length === 0
      ? {}
      : {
          synchronization: {
            mutexes: step.mutex.map((name) => ({ name: objectName(runId, `@mutex ${name}`) })),
          },
        }),
    container: {
      ...stepContainer(
        compiled,
        compilation,
        [
          { name: 'SAME_CELL', value: cell },
          { name: 'SAME_RETRIES', value: '{{retries}}' },
        ],
        // Argo mounts it in a container of its own as well, which has none of these variables.
        cell,
      ),
      ...(compilation.watched ? { command: ['sh', '-c', KEEPING] } : {}),
    },
    volumes: stepVolumes(compiled, compilation),
  };
}

/**
 * Failures of the step's own are tried again as it declares, of which those of the cluster count as attempts; of these
 * there may be more. An attempt that ran out of time is not repeated (spec SAME-STP-025).
 */
function retryStrategyOf({ max, codes }: CompiledStep['step']['retries']): ClusterObject {
  const own =
    codes === undefined
      ? `asInt(lastRetry.exitCode) not in [-1, ${TIMED_OUT}]`
      : `asInt(lastRetry.exitCode) in [${[...new Set(codes)].sort((a, b) => a - b).join(', ')}]`;
  const again = `lastRetry.status == 'Failed' && asInt(retries) < ${max} && ${own}`;
  return {
    limit: max + LOST_RETRIES,
    retryPolicy: 'Always',
    expression: max === 0 ? LOST : `${LOST} || ${again}`,
    backoff: { duration: '10', factor: 2 },
  };
}
