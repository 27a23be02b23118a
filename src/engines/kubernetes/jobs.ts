import type { Finding } from '../../errors/same-error.ts';
import { TIMED_OUT } from '../shim.ts';
import { carriedObjects, networkPolicy, programAnnotations, stepLabels } from './carried-objects.ts';
import type { ClusterObject, Compilation, CompiledStep } from './compilation.ts';
import { podSpec } from './job-pod.ts';
import { objectName } from './names.ts';
import { refusal } from './refusals.ts';

const KEPT_SECONDS = 86_400;

/**
 * A plan as Jobs: one Indexed Job for each step of which cells are to run, the number of a cell being its index. Steps
 * that read from others are suspended, for Jobs know of no others: who applies them lets each go on when what it reads
 * from has succeeded, and those of `finally` when all others have ended.
 * @returns findings for what does not fit into the objects of a cluster (SAME1016)
 */
export function compileJobs(compilation: Compilation): { objects: ClusterObject[]; findings: Finding[] } {
  const { objects, findings } = carriedObjects(compilation, refusal);
  return {
    objects: [
      ...objects,
      ...networkPolicy(compilation),
      ...compilation.steps.map((each) => job(each, compilation)),
    ],
    findings,
  };
}

function job(compiled: CompiledStep, compilation: Compilation): ClusterObject {
  const { step, cells, after } = compiled;
  const { runId, onFailure } = compilation;
  const { max, codes } = step.retries;
  const labels = stepLabels(step, runId);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: objectName(runId, step.name),
      labels,
      annotations: {
        ...programAnnotations(compilation),
        'same.dev/step': step.name,
        ...(after.length === 0 ? {} : { 'same.dev/after': after.join(' ') }),
        ...(step.group === 'finally' ? { 'same.dev/finally': 'true' } : {}),
      },
    },
    spec: {
      completionMode: 'Indexed',
      completions: cells.length,
      parallelism: Math.min(step.parallel ?? cells.length, cells.length),
      backoffLimitPerIndex: max,
      ...(onFailure === 'fail-fast' ? { maxFailedIndexes: 0 } : {}),
      podReplacementPolicy: 'Failed',
      ttlSecondsAfterFinished: KEPT_SECONDS,
      ...(after.length > 0 || step.group === 'finally' ? { suspend: true } : {}),
      podFailurePolicy: {
        rules: [
          // What the cluster took away is no failure of the step.
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          failsFor('In', [TIMED_OUT]),
          ...(codes && max > 0
            ? [
                failsFor(
                  'NotIn',
                  [...new Set(codes)].sort((a, b) => a - b),
                ),
              ]
            : []),
        ],
      },
      template: { metadata: { labels }, spec: podSpec(compiled, compilation) },
    },
  };
}

function failsFor(operator: 'In' | 'NotIn', values: number[]): ClusterObject {
  return { action: 'FailIndex', onExitCodes: { containerName: 'main', operator, values } };
}
