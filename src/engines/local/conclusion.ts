import type { LocalContentStore } from '../../content/content-store.ts';
import type { ReadyEnvironment } from '../../environments/environment.ts';
import type { Finding } from '../../errors/same-error.ts';
import { now } from '../../host/clock.ts';
import { resolve, sep } from '../../host/files.ts';
import { findCommand } from '../../host/processes.ts';
import { readFinalMetrics, readMetricSeries } from '../../pipeline/metrics.ts';
import type { PlannedStep } from '../../pipeline/plan.ts';
import type { Artifact, EngineEvent, ReportedMetric, StepStatus } from '../engine.ts';
import type { AttemptEnd } from './attempt.ts';
import { takeTree } from './output-tree.ts';
import {
  changedInputs,
  type PlacedInput,
  type StepAttempt,
  strayEntries,
  takeOutput,
  takePath,
  type Workspace,
} from './workspace.ts';

/** Bytes of a report that is read for figures. */
const REPORT_BYTES = 256 * 1024 * 1024;

/** How an attempt is told of. */
export type Finished = Extract<EngineEvent, { type: 'step-finished' }>;

/** A command that has ended, with all it was given. */
export interface EndedAttempt extends StepAttempt {
  workspace: Workspace;
  placed: PlacedInput[];
  logs: { stdout: string; stderr: string };
  end: AttemptEnd;
}

/** Stores what a command left and decides how its step ended: success only once everything is hashed and in the store. */
export async function conclude(ended: EndedAttempt): Promise<Finished> {
  const { step, attempt, inputs, environment, workspace, placed, end, context, content } = ended;
  // First: whatever goes wrong below, the logs are masked.
  const logs = {
    stdout: await context.keepLog(ended.logs.stdout),
    stderr: await context.keepLog(ended.logs.stderr),
  };
  const problems: Finding[] = [];
  const outputs: Record<string, Artifact> = {};
  const metrics: ReportedMetric[] = [];
  const warnings = shellWarnings(step, environment);
  let series: string | undefined;
  let status: StepStatus = end.status;
  problems.push(...endFindings(step, end), ...(await changedInputs(placed, content)));
  if (status === 'succeeded') problems.push(...strayEntries(workspace, step, context));
  if (status === 'succeeded' && problems.length === 0) {
    for (const name of Object.keys(step.outputs)) {
      const taken = await takeOutput(name, step, workspace, content, (path) => takeTree(path, name, content));
      if ('code' in taken) problems.push(taken);
      else outputs[name] = taken;
    }
    const reports = await takeReports(step, workspace, outputs, content);
    metrics.push(...reports.metrics);
    problems.push(...reports.problems);
    warnings.push(...reports.warnings);
    series = reports.series;
  }
  if (status === 'succeeded' && problems.length > 0) status = 'failed';
  return {
    type: 'step-finished',
    step: step.name,
    attempt,
    at: now(),
    status,
    retrying: false,
    ...(end.exitCode === undefined ? {} : { exitCode: end.exitCode }),
    ...(end.signal === undefined ? {} : { signal: end.signal }),
    durationMs: end.durationMs,
    ...(end.cpuSeconds === undefined ? {} : { cpuSeconds: end.cpuSeconds }),
    ...(end.peakMemoryBytes === undefined ? {} : { peakMemoryBytes: end.peakMemoryBytes }),
    key: ended.key.key,
    inputs,
    outputs,
    metrics,
    ...(series === undefined ? {} : { series }),
    logs,
    problems,
    warnings,
  };
}

function endFindings(step: PlannedStep, end: AttemptEnd): Finding[] {
  if (end.startError !== undefined) {
    const command = Array.isArray(step.template) ? step.template[0] : 'the shell';
    return [
      {
        code: 'SAME1610',
        message: `step ${step.name} cannot be started: ${end.startError}`,
        hint: `is ${command} in the step's environment, and executable?`,
      },
    ];
  }
  if (end.status === 'timeout') {
    return [
      {
        code: 'SAME1602',
        message: `step ${step.name} ran longer than its timeout of ${step.timeoutMs! / 1000} s`,
      },
    ];
  }
  if (end.status === 'canceled') return [{ code: 'SAME1607', message: `step ${step.name} was canceled` }];
  if (end.status === 'succeeded') return [];
  const how = end.signal === undefined ? `exited with code ${end.exitCode}` : `was killed by ${end.signal}`;
  return [{ code: 'SAME1601', message: `step ${step.name} ${how}` }];
}

/** Without bash a pipe hides the failure of its first part (spec SAME-STP-012). */
function shellWarnings(step: PlannedStep, environment: ReadyEnvironment): string[] {
  if (typeof step.template !== 'string' || !/(?<!\|)\|(?!\|)/.test(step.template)) return [];
  if (findCommand('bash', environment.path.join(':'))) return [];
  return [`step ${step.name}: there is no bash, so a failure before | goes unnoticed`];
}

/** Reads the figures a step reported: its outputs of kind metrics, and metrics.json and metrics.jsonl in its workdir. */
async function takeReports(
  step: PlannedStep,
  workspace: Workspace,
  outputs: Record<string, Artifact>,
  content: LocalContentStore,
): Promise<{ metrics: ReportedMetric[]; problems: Finding[]; warnings: string[]; series?: string }> {
  const reports: ({ path: string } & Artifact)[] = [];
  const result: Awaited<ReturnType<typeof takeReports>> = { metrics: [], problems: [], warnings: [] };
  for (const [name, { kind, path }] of Object.entries(step.outputs)) {
    const artifact = outputs[name];
    if (kind === 'metrics' && artifact?.digest.startsWith('sha256:')) {
      reports.push({ path: path ?? name, ...artifact });
    }
  }
  for (const path of ['metrics.json', 'metrics.jsonl']) {
    const full = resolve(workspace.workdir, path);
    if (isDeclaredPlace(full, step, workspace)) continue;
    const taken = await takePath(full, `the report ${step.name}/${path}`, workspace, content);
    if (taken && 'code' in taken) result.problems.push(taken);
    else if (taken) reports.push({ path, ...taken });
  }
  for (const { path, digest, sizeBytes } of reports) {
    if (sizeBytes > REPORT_BYTES) {
      const place = `${step.name}/${path}`;
      const message = `${place} has ${sizeBytes} bytes, more than the ${REPORT_BYTES} that are read for figures`;
      result.problems.push({ code: 'SAME1606', message, place });
      continue;
    }
    const text = (await content.read(digest, REPORT_BYTES)).toString('utf8');
    const reading = path.endsWith('.jsonl')
      ? readMetricSeries(text, `${step.name}/${path}`)
      : readFinalMetrics(text, `${step.name}/${path}`);
    if (path.endsWith('.jsonl')) result.series = digest;
    for (const metric of reading.metrics) {
      // A final figure beats the last point of a series of the same name, whichever file was read first.
      const known = result.metrics.findIndex(({ name }) => name === metric.name);
      if (known < 0) result.metrics.push(metric);
      else if (metric.count === undefined) result.metrics[known] = metric;
    }
    result.problems.push(...reading.problems);
    result.warnings.push(...reading.warnings);
  }
  return result;
}

/** What an input put at a report's path is no report of this step, and an output there is read by its own kind. */
function isDeclaredPlace(full: string, step: PlannedStep, workspace: Workspace): boolean {
  return [
    ...Object.values(step.inputs).flatMap(({ at }) => at ?? []),
    ...Object.values(step.outputs).flatMap(({ path }) => path ?? []),
  ].some((declared) => `${resolve(workspace.workdir, declared)}${sep}`.startsWith(`${full}${sep}`));
}
