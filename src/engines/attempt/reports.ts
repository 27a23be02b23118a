import type { LocalContentStore } from '../../content/content-store.ts';
import { type Finding, SameError } from '../../errors/same-error.ts';
import { sleep } from '../../host/clock.ts';
import { join, resolve, sep } from '../../host/files.ts';
import {
  LARGEST_REPORT_BYTES,
  type MetricsReading,
  metricSeriesIn,
  readFinalMetrics,
} from '../../pipeline/metrics.ts';
import type { PlannedStep } from '../../pipeline/plan.ts';
import type { Artifact, ReportedMetric } from '../engine.ts';
import { takePath, tooLarge } from './outputs.ts';
import type { EndedAttempt, Workspace } from './step-attempt.ts';

/** Bytes of a report that is read of an attempt that was canceled: somebody waits for its end. */
const CANCELED_BYTES = 32 * 1024 * 1024;

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
 * of an attempt that was stopped, whose reports are stored to their end (spec SAME-STP-021); there what would take long
 * to read is not read, and what was begun is left once the attempt is to be killed.
 * @param outputs those that were taken; without them the attempt has none, and what it wrote in their places is read
 * @throws SAME1903 it was to be killed before all was read of what may decide whether it succeeded
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
    const found = await takePath(full, what, workspace, content, { mostBytes: LARGEST_REPORT_BYTES });
    if (!found) return [];
    if (!('code' in found)) return [{ path, ...found }];
    result.problems.push(found);
    return [];
  };
  for (const { path, digest, sizeBytes } of await reportsOf(ended, outputs, taken)) {
    const place = `${cell.name}/${path}`;
    if (sizeBytes > LARGEST_REPORT_BYTES) {
      result.problems.push(tooLarge(place, place, sizeBytes, LARGEST_REPORT_BYTES));
      continue;
    }
    if (path.endsWith('.jsonl')) result.series = digest;
    const isCanceled = ended.end.status === 'canceled';
    const isTooLong = isCanceled && sizeBytes > CANCELED_BYTES;
    const reading = isTooLong ? undefined : await readReport(content, { digest, path, place }, ended.kill);
    if (!reading) {
      if (outputs) throw new SameError({ code: 'SAME1903', message: `interrupted while ${place} was read` });
      const most = isTooLong ? `, more than the ${CANCELED_BYTES} that are read of a canceled attempt` : '';
      result.warnings.push(
        `${place} has ${sizeBytes} bytes${most}: its figures are left out, it is stored as ${digest}`,
      );
      continue;
    }
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

/** @returns nothing where it was left */
async function readReport(
  content: LocalContentStore,
  { digest, path, place }: { digest: string; path: string; place: string },
  kill: AbortSignal,
): Promise<MetricsReading | undefined> {
  const text = (await content.read(digest, LARGEST_REPORT_BYTES)).toString('utf8');
  if (!path.endsWith('.jsonl')) return readFinalMetrics(text, place);
  const reading = metricSeriesIn(text, place);
  for (;;) {
    const { done, value } = reading.next();
    if (done) return value;
    // That somebody wants it killed is heard between two stretches only.
    await sleep(0);
    if (kill.aborted) return undefined;
  }
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
