import type { Finding } from '../../errors/same-error.ts';
import { resolve, sep } from '../../host/files.ts';
import { readFinalMetrics, readMetricSeries } from '../../pipeline/metrics.ts';
import type { PlannedStep } from '../../pipeline/plan.ts';
import type { Artifact, ReportedMetric } from '../engine.ts';
import { takePath } from './outputs.ts';
import type { EndedAttempt, Workspace } from './step-attempt.ts';

/** Bytes of a report that is read for figures. */
const REPORT_BYTES = 256 * 1024 * 1024;

/** Reads the figures a step reported: its outputs of kind metrics, and metrics.json and metrics.jsonl in its workdir. */
export async function takeReports(
  { step, cell, workspace, content }: EndedAttempt,
  outputs: Record<string, Artifact>,
): Promise<{ metrics: ReportedMetric[]; problems: Finding[]; warnings: string[]; series?: string }> {
  const reports: ({ path: string } & Artifact)[] = [];
  const figures = new Map<string, ReportedMetric>();
  const result: Omit<Awaited<ReturnType<typeof takeReports>>, 'metrics'> = { problems: [], warnings: [] };
  for (const [name, { kind, path }] of Object.entries(step.outputs)) {
    const artifact = outputs[name];
    if (kind === 'metrics' && artifact?.digest.startsWith('sha256:')) {
      reports.push({ path: path ?? name, ...artifact });
    }
  }
  for (const path of ['metrics.json', 'metrics.jsonl']) {
    const full = resolve(workspace.workdir, path);
    if (isDeclaredPlace(full, step, workspace)) continue;
    const taken = await takePath(full, `the report ${cell.name}/${path}`, workspace, content);
    if (taken && 'code' in taken) result.problems.push(taken);
    else if (taken) reports.push({ path, ...taken });
  }
  for (const { path, digest, sizeBytes } of reports) {
    if (sizeBytes > REPORT_BYTES) {
      const place = `${cell.name}/${path}`;
      const message = `${place} has ${sizeBytes} bytes, more than the ${REPORT_BYTES} that are read for figures`;
      result.problems.push({ code: 'SAME1606', message, place });
      continue;
    }
    const text = (await content.read(digest, REPORT_BYTES)).toString('utf8');
    const reading = path.endsWith('.jsonl')
      ? readMetricSeries(text, `${cell.name}/${path}`)
      : readFinalMetrics(text, `${cell.name}/${path}`);
    if (path.endsWith('.jsonl')) result.series = digest;
    for (const metric of reading.metrics) {
      // A final figure beats the last point of a series of the same name, whichever file was read first.
      if (!figures.has(metric.name) || metric.count === undefined) figures.set(metric.name, metric);
    }
    // There may be more of them than fit on the stack.
    result.problems = result.problems.concat(reading.problems);
    result.warnings = result.warnings.concat(reading.warnings);
  }
  return { ...result, metrics: [...figures.values()] };
}

/** What an input put at a report's path is no report of this step, and an output there is read by its own kind. */
function isDeclaredPlace(full: string, step: PlannedStep, workspace: Workspace): boolean {
  return [
    ...Object.values(step.inputs).flatMap(({ at }) => at ?? []),
    ...Object.values(step.outputs).flatMap(({ path }) => path ?? []),
  ].some((declared) => `${resolve(workspace.workdir, declared)}${sep}`.startsWith(`${full}${sep}`));
}
