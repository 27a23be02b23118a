import type { ReadyEnvironment } from '../../environments/environment.ts';
import type { Finding } from '../../errors/same-error.ts';
import { now } from '../../host/clock.ts';
import { findCommand } from '../../host/processes.ts';
import type { PlannedStep } from '../../pipeline/plan.ts';
import type { Artifact, ReportedMetric, StepStatus } from '../engine.ts';
import { changedInputs } from './inputs.ts';
import { takeTree } from './output-tree.ts';
import { strayEntries, takeOutput } from './outputs.ts';
import { takeReports } from './reports.ts';
import type { AttemptEnd, EndedAttempt, Finished } from './step-attempt.ts';

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
