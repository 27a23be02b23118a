import { type Finding, SameError } from '../../errors/same-error.ts';
import { now } from '../../host/clock.ts';
import { fromErrno, statSync } from '../../host/files.ts';
import { findCommand } from '../../host/processes.ts';
import { hasPipe } from '../../pipeline/command.ts';
import type { Artifact, StepStatus } from '../engine.ts';
import type { LoggedStep } from '../intake.ts';
import { changedInputs } from './inputs.ts';
import { takeTree } from './output-tree.ts';
import { strayEntries, takeOutput } from './outputs.ts';
import { type Reports, takeReports } from './reports.ts';
import type { EndedAttempt, Finished } from './step-attempt.ts';

const NOTHING = new Uint8Array(0);

/** Stores what a command left and says how its step ended. @throws what makes going on impossible, in the product's words */
export async function storeEnd(ended: EndedAttempt): Promise<Finished> {
  try {
    return await conclude(ended);
  } catch (error) {
    // Ctrl-C while the outputs were hashed: what is not all stored did not succeed.
    if (error instanceof SameError && error.code === 'SAME1903')
      return await conclude({ ...ended, end: { ...ended.end, status: 'canceled' } });
    throw fromErrno(error, `storing the outputs of step ${ended.cell.name}`);
  }
}

/** Stores what a command left and decides how its step ended: success only once everything is hashed and in the store. */
async function conclude(ended: EndedAttempt): Promise<Finished> {
  const { step, cell, attempt, inputs, workspace, placed, end, content } = ended;
  const { name } = cell;
  // First: whatever goes wrong below, the logs are masked.
  const logs = {
    stdout: await keepLog(ended.logs.stdout, ended),
    stderr: await keepLog(ended.logs.stderr, ended),
  };
  const outputs: Record<string, Artifact> = {};
  let status: StepStatus = end.status;
  // There may be more of them than fit on the stack.
  let problems = endFindings(ended).concat(await changedInputs(placed, content));
  if (status === 'succeeded') problems = problems.concat(strayEntries(workspace, step, name));
  const isWhole = status === 'succeeded' && problems.length === 0;
  for (const output of isWhole ? Object.keys(step.outputs) : []) {
    const taken = await takeOutput(output, ended, workspace, content, (path) =>
      takeTree(path, output, content),
    );
    if ('code' in taken) problems.push(taken);
    else outputs[output] = taken;
  }
  const told = await takeTold(ended, isWhole ? outputs : undefined, problems);
  problems = problems.concat(told.problems);
  if (status === 'succeeded' && problems.length > 0) status = 'failed';
  return {
    type: 'step-finished',
    step: name,
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
    metrics: told.metrics,
    ...(told.series === undefined ? {} : { series: told.series }),
    ...(told.logged === undefined ? {} : { logged: told.logged }),
    logs,
    problems,
    warnings: shellWarnings(ended).concat(told.warnings),
  };
}

/**
 * What a step reported and logged, whatever became of it: of one that did not succeed it is all that is left. There, what
 * cannot be understood is a warning: why it ended is known already (spec SAME-STP-021, SAME-STP-034).
 * @param outputs those that were taken, of an attempt that may have succeeded
 * @param known why it did not succeed, so far
 */
async function takeTold(
  ended: EndedAttempt,
  outputs: Record<string, Artifact> | undefined,
  known: readonly Finding[],
): Promise<Reports & { logged?: LoggedStep }> {
  const reports = await takeReports(ended, outputs);
  const mayDecide = outputs !== undefined;
  const problems = mayDecide ? reports.problems : [];
  const warnings = mayDecide
    ? reports.warnings
    : reports.problems
        .map(({ message, place = '' }) => (message.includes('/') ? message : `${place}: ${message}`))
        .concat(reports.warnings);
  const reading = await ended.logged?.(mayDecide && known.length + problems.length === 0);
  if (!reading) return { ...reports, problems, warnings };
  // A file that the step wrote says more than what it logged on the way.
  const reported = new Set(reports.metrics.map((metric) => metric.name));
  return {
    ...reports,
    metrics: reports.metrics.concat(reading.metrics.filter((metric) => !reported.has(metric.name))),
    problems,
    warnings: warnings.concat(reading.warnings),
    ...(reading.logged === undefined ? {} : { logged: reading.logged }),
  };
}

/** Most logs are empty, and what is empty holds no secret. */
async function keepLog(path: string, { context, content }: EndedAttempt): Promise<Artifact> {
  return statSync(path).size === 0 ? content.write(NOTHING) : context.keepLog(path);
}

function endFindings({ step, cell: { name }, end }: EndedAttempt): Finding[] {
  if (end.problem) return [end.problem];
  if (end.startError !== undefined) {
    const command = Array.isArray(step.template) ? step.template[0] : 'the shell';
    return [
      {
        code: 'SAME1610',
        message: `step ${name} cannot be started: ${end.startError}`,
        hint: `is ${command} in the step's environment, and executable?`,
      },
    ];
  }
  if (end.status === 'timeout') {
    return [
      {
        code: 'SAME1602',
        message: `step ${name} ran longer than its timeout of ${step.timeoutMs! / 1000} s`,
      },
    ];
  }
  if (end.status === 'canceled') return [{ code: 'SAME1607', message: `step ${name} was canceled` }];
  if (end.status === 'succeeded') return [];
  if (end.isOutOfMemory) {
    return [
      {
        code: 'SAME1616',
        message: `step ${name} ran out of memory${step.resources.memory === undefined ? '' : `: it may have ${step.resources.memory}`}`,
        hint: 'let it have more by resources.memory, or make it want less',
      },
    ];
  }
  const how = end.signal === undefined ? `exited with code ${end.exitCode}` : `was killed by ${end.signal}`;
  return [{ code: 'SAME1601', message: `step ${name} ${how}` }];
}

/** Without bash a pipe hides the failure of its first part (spec SAME-STP-012). */
function shellWarnings({ step, cell, environment, end }: EndedAttempt): string[] {
  if (!hasPipe(step.template)) return [];
  if (end.hasBash ?? findCommand('bash', environment.path.join(':'))) return [];
  return [`step ${cell.name}: there is no bash, so a failure before | goes unnoticed`];
}
