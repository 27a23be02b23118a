import type { Finding } from '../../errors/same-error.ts';
import { formatBytes } from '../../program/quantity.ts';
import { TIMED_OUT } from '../shim.ts';
import type { ClusterObject, Compilation, CompiledStep } from './compilation.ts';
import { podSpec, scriptOf } from './job-pod.ts';
import { objectName } from './names.ts';
import { refusal } from './refusals.ts';

/** Bytes of one object: a ConfigMap has at most 1 MiB, and its name and labels are a part of that. */
const OBJECT_BYTES = 1_000_000;
const KEPT_SECONDS = 86_400;

/**
 * A plan as Jobs: one Indexed Job for each step of which cells are to run, the number of a cell being its index. Steps
 * that read from others are suspended, for Jobs know of no others: who applies them lets each go on when what it reads
 * from has succeeded, and those of `finally` when all others have ended.
 * @returns findings for what does not fit into the objects of a cluster (SAME1016)
 */
export function compileJobs(compilation: Compilation): { objects: ClusterObject[]; findings: Finding[] } {
  const { steps, runId, shim } = compilation;
  const findings: Finding[] = [];
  const configs = new Map<string, ClusterObject>();
  const carry = (name: string, key: string, content: string | Uint8Array, field: string, hint: string) => {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    if (bytes.length > OBJECT_BYTES && !configs.has(name)) {
      const why = `${formatBytes(bytes.length)} packed are more than the ${formatBytes(OBJECT_BYTES)} that an object of a cluster holds`;
      findings.push(refusal(field, why, hint));
    }
    const isText = typeof content === 'string' && /^[\n\x20-\x7e]*$/.test(content);
    configs.set(name, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, labels: labelsOf(runId) },
      immutable: true,
      ...(isText
        ? { data: { [key]: content } }
        : { binaryData: { [key]: Buffer.from(bytes).toString('base64') } }),
    });
  };
  if (steps.length > 0) carry(objectName(runId, '@shim'), 'shim.sh', shim, '', '');
  for (const compiled of steps) {
    const { step, code, archives } = compiled;
    const field = `pipeline.${step.group}.${step.name}`;
    carry(
      objectName(runId, step.name),
      'step.sh',
      scriptOf(compiled, compilation),
      `${field} with ${compiled.cells.length} ${compiled.cells.length === 1 ? 'cell' : 'cells'}`,
      'split the matrix, or give what is long as a file',
    );
    if (code)
      carry(
        objectName(runId, `@${code.name}`),
        code.name,
        code.bytes,
        code.field,
        'name the files that it needs: code: ["src/**"]',
      );
    for (const { name, bytes, field: of } of archives)
      carry(
        objectName(runId, `@${name}`),
        name,
        bytes,
        of,
        'let a step of the run make it: with --force, or by fetching it',
      );
  }
  const isClosed = steps.some(({ step }) => !step.network);
  return {
    objects: [
      ...configs.values(),
      ...(isClosed ? [closed(runId)] : []),
      ...steps.map((each) => job(each, compilation)),
    ],
    findings,
  };
}

function job(compiled: CompiledStep, compilation: Compilation): ClusterObject {
  const { step, cells, after } = compiled;
  const { runId, plan, isFailFast } = compilation;
  const { max, codes } = step.retries;
  const labels = {
    ...labelsOf(runId),
    'same.dev/step': objectName(runId, step.name).slice(`same-${runId}-`.length),
    'same.dev/network': step.network ? 'open' : 'none',
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: objectName(runId, step.name),
      labels,
      annotations: {
        'same.dev/program': `${plan.program.name}:${plan.program.version}`,
        'same.dev/digest': plan.program.digest,
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
      ...(isFailFast ? { maxFailedIndexes: 0 } : {}),
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

/** No step reaches the network but those that ask for it, where the cluster heeds such policies (spec SAME-ENG-002). */
function closed(runId: string): ClusterObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: objectName(runId, '@network'), labels: labelsOf(runId) },
    spec: {
      podSelector: { matchLabels: { 'same.dev/run': runId, 'same.dev/network': 'none' } },
      policyTypes: ['Ingress', 'Egress'],
    },
  };
}

function labelsOf(runId: string): Record<string, string> {
  return { 'app.kubernetes.io/managed-by': 'same', 'same.dev/run': runId };
}
