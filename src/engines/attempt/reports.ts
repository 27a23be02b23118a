import type { Finding } from '../../errors/same-error.ts';
import { join, resolve, sep } from '../../host/files.ts';
import { readFinalMetrics, readMetricSeries } from '../../pipeline/metrics.ts';
import type { PlannedStep } from '../../pipeline/plan.ts';
import type { Artifact, ReportedMetric } from '../engine.ts';
import { takePath, tooLarge } from './outputs.ts';
import type { EndedAttempt, Workspace } from './step-attempt.ts';

/** Bytes of a report that is read for figures. */
const REPORT_BYTES = 256 * 1024 * 1024;

/** What a step reported. */
export interface Reports {
  metrics: ReportedMetric[];
  problems: Finding[];
  warnings: string[];
  /** Digest of the lines it wrote last, where it wrote any. */
  series?: string;
}

interface Report extends Artifact {
  path: string;
}

/**
 * Reads the figures a step reported: its outputs of kind metrics, and metrics.json and metrics.jsonl in its workdir. Also
 * of an attempt that was stopped, whose reports are stored to their end (spec SAME-STP-021).
 * @param outputs those that were taken; without them the attempt has none, and what it wrote in their places is read
 */
export async function takeReports(
  ended: EndedAttempt,
  outputs: Record<string, Artifact> | undefined,
): Promise<Reports> {
  const { cell, workspace } = ended;
  const result: Omit<Reports, 'metrics'> = { problems: [], warnings: [] };
  const figures = new Map<string, ReportedMetric>();
  const content = ended.content.uninterrupted();
  const taken = async (full: string, path: string): Promise<Report[]> => {
    const what = `the report ${cell.name}/${path}`;
    const found = await takePath(full, what, workspace, content, { mostBytes: REPORT_BYTES });
    if (!found) return [];
    if (!('code' in found)) return [{ path, ...found }];
    result.problems.push(found);
    return [];
  };
  for (const { path, digest, sizeBytes } of await reportsOf(ended, outputs, taken)) {
    const place = `${cell.name}/${path}`;
    if (sizeBytes > REPORT_BYTES) {
      result.problems.push(tooLarge(place, place, sizeBytes, REPORT_BYTES));
      continue;
    }
    const text = (await content.read(digest, REPORT_BYTES)).toString('utf8');
    const reading = path.endsWith('.jsonl') ? readMetricSeries(text, place) : readFinalMetrics(text, place);
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

async function reportsOf(
  { step, workspace }: EndedAttempt,
  outputs: Record<string, Artifact> | undefined,
  take: (full: string, path: string) => Promise<Report[]>,
): Promise<Report[]> {
  const reports: Report[] = [];
  for (const [name, { kind, path }] of Object.entries(step.outputs)) {
    if (kind !== 'metrics') continue;
    const artifact = outputs?.[name];
    if (artifact?.digest.startsWith('sha256:')) reports.push({ path: path ?? name, ...artifact });
    else if (!outputs) {
      const full = path === undefined ? join(workspace.out, name) : resolve(workspace.workdir, path);
      reports.push(...(await take(full, path ?? name)));
    }
  }
  for (const path of ['metrics.json', 'metrics.jsonl']) {
    const full = resolve(workspace.workdir, path);
    if (!isDeclaredPlace(full, step, workspace)) reports.push(...(await take(full, path)));
  }
  return reports;
}

/** What an input put at a report's path is no report of this step, and an output there is read by its own kind. */
function isDeclaredPlace(full: string, step: PlannedStep, workspace: Workspace): boolean {
  return [
    ...Object.values(step.inputs).flatMap(({ at }) => at ?? []),
    ...Object.values(step.outputs).flatMap(({ path }) => path ?? []),
  ].some((declared) => `${resolve(workspace.workdir, declared)}${sep}`.startsWith(`${full}${sep}`));
}
