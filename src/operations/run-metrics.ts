import type { StepResult } from '../engines/engine.ts';
import type { Finding } from '../errors/same-error.ts';
import { readDeclaredMetric } from '../pipeline/metrics.ts';
import type { JsonObject } from '../program/json.ts';
import type { MetricSource } from '../program/schema.ts';
import type { MetricRecord, RunRecord } from '../runs/run-record.ts';
import type { Ports } from './ports.ts';

/** Bytes of a log or an output that is read for figures. */
const READ_LIMIT_BYTES = 256 * 1024 * 1024;

/**
 * The figures that a step reported by its files, now or when its stored result was made.
 * @param step name of the cell
 * @param matrix its values, where the step has several
 */
export function reportedMetrics(
  { metrics, series }: Pick<StepResult, 'metrics' | 'series'>,
  step: string,
  matrix?: JsonObject,
): MetricRecord[] {
  return metrics.map(({ name, value, count }) => ({
    name,
    step,
    ...(matrix === undefined ? {} : { matrix }),
    value,
    ...(count === undefined ? {} : { count, ...(series === undefined ? {} : { series }) }),
  }));
}

/**
 * The figures the manifest declares, read from stored logs and outputs. A declared figure of a step that succeeded and
 * that cannot be read is a problem: the run then failed.
 */
export async function declaredMetrics(
  ports: Ports,
  sources: Record<string, MetricSource>,
  record: RunRecord,
): Promise<{ metrics: MetricRecord[]; problems: Finding[] }> {
  const metrics: MetricRecord[] = [];
  const problems: Finding[] = [];
  for (const [name, source] of Object.entries(sources)) {
    const [stepName, part] = split(source.from);
    const step = record.steps.find((known) => known.name === stepName);
    if (step?.status !== 'succeeded') continue;
    const artifact = part === 'stdout' || part === 'stderr' ? step.logs?.[part] : step.outputs[part];
    const fail = (why: string) =>
      problems.push({
        code: 'SAME1606',
        message: `metric "${name}" cannot be read from ${source.from}: ${why}`,
        hint: `look at what the step wrote: same logs ${record.id}`,
      });
    if (!artifact?.digest.startsWith('sha256:')) {
      fail('it is a directory');
      continue;
    }
    if (artifact.sizeBytes > READ_LIMIT_BYTES) {
      fail(`it has ${artifact.sizeBytes} bytes, more than the ${READ_LIMIT_BYTES} that are read for figures`);
      continue;
    }
    const text = (await ports.content.read(artifact.digest, READ_LIMIT_BYTES)).toString('utf8');
    const matcher = source.regex === undefined ? undefined : await ports.compilePattern(source.regex);
    const value = readDeclaredMetric(text, source, () => matcher!);
    if (typeof value === 'string') fail(value);
    else {
      metrics.push({
        name,
        step: step.name,
        value,
        declared: true,
        ...(source.unit === undefined ? {} : { unit: source.unit }),
        ...(source.direction === undefined ? {} : { direction: source.direction }),
      });
    }
  }
  return { metrics, problems };
}

function split(from: string): [string, string] {
  const dot = from.indexOf('.');
  return [from.slice(0, dot), from.slice(dot + 1)];
}
