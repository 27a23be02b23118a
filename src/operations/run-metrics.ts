import type { Artifact } from '../engines/engine.ts';
import type { Finding } from '../errors/same-error.ts';
import { LARGEST_REPORT_BYTES, readDeclaredMetric } from '../pipeline/metrics.ts';
import { artifactReference } from '../program/artifact-reference.ts';
import type { MetricSource } from '../program/schema.ts';
import type { MetricRecord, RunRecord } from '../runs/run-record.ts';
import type { Ports } from './ports.ts';

/**
 * The figures the manifest declares, read from stored logs and outputs, one for each cell of their step. A declared
 * figure of a cell that succeeded and that cannot be read is a problem: the run then failed. Of one that did not succeed it
 * is what it printed so far, as far as that can be read.
 */
export async function declaredMetrics(
  ports: Ports,
  sources: Record<string, MetricSource>,
  record: Pick<RunRecord, 'id' | 'steps'>,
): Promise<{ metrics: MetricRecord[]; problems: Finding[] }> {
  const metrics: MetricRecord[] = [];
  const problems: Finding[] = [];
  const cells = Map.groupBy(record.steps, ({ name, of }) => of ?? name);
  for (const [name, source] of Object.entries(sources)) {
    const matcher = source.regex === undefined ? undefined : await ports.compilePattern(source.regex);
    const { step, output } = artifactReference(source.from);
    for (const cell of cells.get(step) ?? []) {
      if (!cell.logs) continue;
      const artifact =
        output === 'stdout' || output === 'stderr' ? cell.logs?.[output] : cell.outputs[output];
      const value = await figureOf(ports, artifact, (text) =>
        readDeclaredMetric(text, source, () => matcher!),
      );
      if (typeof value === 'string') {
        if (cell.status !== 'succeeded') continue;
        problems.push({
          code: 'SAME1606',
          message: `metric "${name}" cannot be read from ${cell.name}.${output}: ${value}`,
          hint: `look at what the step wrote: same logs ${record.id}`,
        });
        continue;
      }
      metrics.push({
        name,
        step: cell.name,
        ...(cell.matrix === undefined ? {} : { matrix: cell.matrix }),
        value,
        declared: true,
        ...(source.unit === undefined ? {} : { unit: source.unit }),
        ...(source.direction === undefined ? {} : { direction: source.direction }),
      });
    }
  }
  return { metrics, problems };
}

/** The figure in an artifact, or why there is none. */
async function figureOf(
  ports: Ports,
  artifact: Artifact | undefined,
  read: (text: string) => number | string,
): Promise<number | string> {
  if (!artifact?.digest.startsWith('sha256:')) return 'it is a directory';
  if (artifact.sizeBytes > LARGEST_REPORT_BYTES)
    return `it has ${artifact.sizeBytes} bytes, more than the ${LARGEST_REPORT_BYTES} that are read for figures`;
  return read((await ports.content.read(artifact.digest, LARGEST_REPORT_BYTES)).toString('utf8'));
}
