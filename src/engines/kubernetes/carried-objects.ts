import type { Finding } from '../../errors/same-error.ts';
import { formatBytes } from '../../program/quantity.ts';
import type { Refusal } from '../refusals.ts';
import type { ClusterObject, Compilation } from './compilation.ts';
import { objectName } from './names.ts';
import { scriptOf } from './step-container.ts';

/** Bytes of one object: a ConfigMap has at most 1 MiB, and its name and labels are a part of that. */
const OBJECT_BYTES = 1_000_000;

/**
 * What pods find in the directory `spec` beside them, whatever starts them: the shim, the script of each step, code and
 * what was computed or given before.
 * @returns also findings for what does not fit into an object (SAME1016)
 */
export function carriedObjects(
  compilation: Compilation,
  refusal: Refusal,
): { objects: ClusterObject[]; findings: Finding[] } {
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
  return { objects: [...configs.values()], findings };
}

/** No step reaches the network but those that ask for it, where the cluster heeds such policies (spec SAME-ENG-002). */
export function networkPolicy({ steps, runId }: Compilation): ClusterObject[] {
  if (steps.every(({ step }) => step.network)) return [];
  return [
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: objectName(runId, '@network'), labels: labelsOf(runId) },
      spec: {
        podSelector: { matchLabels: { 'same.dev/run': runId, 'same.dev/network': 'none' } },
        policyTypes: ['Ingress', 'Egress'],
      },
    },
  ];
}

/** By these everything of a run is found (spec SAME-ENG-017). */
export function labelsOf(runId: string): Record<string, string> {
  return { 'app.kubernetes.io/managed-by': 'same', 'same.dev/run': runId };
}

/** The same with the step, for its pods. */
export function stepLabels(
  { name, network }: { name: string; network?: boolean },
  runId: string,
): Record<string, string> {
  return {
    ...labelsOf(runId),
    'same.dev/step': stepLabel(runId, name),
    'same.dev/network': network ? 'open' : 'none',
  };
}

/** A step within a run: no other of it is called so. */
export function stepLabel(runId: string, name: string): string {
  return objectName(runId, name).slice(`same-${runId}-`.length);
}

/** What tells people which program an object of a run is of. */
export function programAnnotations({ plan: { program } }: Compilation): Record<string, string> {
  return { 'same.dev/program': `${program.name}:${program.version}`, 'same.dev/digest': program.digest };
}
