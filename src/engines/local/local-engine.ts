import type { LocalContentStore } from '../../content/content-store.ts';
import type { ReadyEnvironment } from '../../environments/environment.ts';
import type { Finding } from '../../errors/same-error.ts';
import { now, sleep } from '../../host/clock.ts';
import { existsSync, fromErrno, join, removeTree } from '../../host/files.ts';
import { platform } from '../../host/machine.ts';
import { findCommand, signalNumber } from '../../host/processes.ts';
import { fillCommand, renderCommand, wordOf } from '../../pipeline/command.ts';
import { readFinalMetrics, readMetricSeries } from '../../pipeline/metrics.ts';
import type { PlannedStep } from '../../pipeline/plan.ts';
import { stepKey } from '../../pipeline/step-key.ts';
import type { Artifact, Engine, EngineContext, EngineEvent, ReportedMetric, StepStatus } from '../engine.ts';
import { type AttemptEnd, runAttempt } from './attempt.ts';
import { takeTree } from './output-tree.ts';
import { changedInputs, openWorkspace, strayEntries, takeOutput, type Workspace } from './workspace.ts';

type Finished = Extract<EngineEvent, { type: 'step-finished' }>;

/**
 * The embedded engine: steps as local process groups, one after another in plan order. It needs no service, no
 * container and no rights; it is the reference the other engines are held against.
 */
export function openLocalEngine(content: LocalContentStore): Engine {
  return {
    name: 'local',
    refusals: () => [],
    async *run(plan, context) {
      const done = new Map<string, Record<string, Artifact>>();
      let failed: string | undefined;
      for (const step of plan.steps) {
        const because = context.cancel.aborted
          ? 'the run was canceled'
          : failed && `step ${failed} did not succeed`;
        if (because) {
          yield { type: 'step-skipped', step: step.name, because };
          continue;
        }
        const outputs = yield* runStep(step, done, context, content);
        if (outputs) done.set(step.name, outputs);
        else failed = step.name;
      }
    },
  };
}

/** Runs a step until it succeeds or its retries are used up. @returns its outputs when it succeeded. */
async function* runStep(
  step: PlannedStep,
  done: Map<string, Record<string, Artifact>>,
  context: EngineContext,
  content: LocalContentStore,
): AsyncGenerator<EngineEvent, Record<string, Artifact> | undefined> {
  const environment = await context.environment(step.environment);
  const inputs = Object.fromEntries(
    Object.entries(step.inputs).map(([name, { from }]): [string, Artifact] => [
      name,
      'step' in from ? done.get(from.step)![from.output]! : context.data[from.data]!,
    ]),
  );
  for (let attempt = 1; ; attempt++) {
    const finished = yield* runOnce(step, attempt, inputs, environment, context, content);
    if (finished.status === 'succeeded') {
      yield finished;
      return finished.outputs;
    }
    const again =
      finished.status === 'failed' &&
      attempt <= step.retries.max &&
      (step.retries.codes === undefined || step.retries.codes.includes(codeOf(finished))) &&
      !context.cancel.aborted;
    yield { ...finished, retrying: again };
    if (!again) return undefined;
    // Full jitter: many steps that failed together do not come back together.
    await sleep(Math.random() * step.retries.backoffMs * 2 ** (attempt - 1), context.cancel);
  }
}

async function* runOnce(
  step: PlannedStep,
  attempt: number,
  inputs: Record<string, Artifact>,
  environment: ReadyEnvironment,
  context: EngineContext,
  content: LocalContentStore,
): AsyncGenerator<EngineEvent, Finished> {
  const { workspace, placed } = await openWorkspace(step, attempt, inputs, context, content, environment.key);
  const logs = context.logPaths(step.name, attempt);
  const env = stepVariables(step, attempt, workspace, environment, context);
  yield { type: 'step-started', step: step.name, attempt, at: now(), command: renderCommand(step.command) };
  const queue: string[][] = [];
  let wake: () => void = () => {};
  const running = runAttempt({
    argv: argvOf(step, workspace, env),
    cwd: workspace.workdir,
    env,
    logs,
    ...(step.timeoutMs === undefined ? {} : { timeoutMs: step.timeoutMs }),
    cancel: context.cancel,
    kill: context.kill,
    ...(context.graceMs === undefined ? {} : { graceMs: context.graceMs }),
    onLines(lines) {
      queue.push(lines.map(context.mask));
      wake();
    },
  });
  let end: AttemptEnd | undefined;
  let failure: unknown;
  const over = running.then(
    (value) => {
      end = value;
      wake();
    },
    (error: unknown) => {
      failure = error;
      wake();
    },
  );
  while (end === undefined && failure === undefined) {
    const lines = queue.shift();
    if (lines) yield { type: 'step-output', step: step.name, attempt, lines };
    else
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  }
  await over;
  for (const lines of queue) yield { type: 'step-output', step: step.name, attempt, lines };
  if (!end) throw fromErrno(failure, `running step ${step.name}`);
  try {
    return await conclude(step, attempt, inputs, environment, workspace, placed, logs, end, context, content);
  } catch (error) {
    throw fromErrno(error, `storing the outputs of step ${step.name}`);
  } finally {
    removeTree(workspace.root);
  }
}

/** Stores what a command left and decides how its step ended: success only once everything is hashed and in the store. */
async function conclude(
  step: PlannedStep,
  attempt: number,
  inputs: Record<string, Artifact>,
  environment: ReadyEnvironment,
  workspace: Workspace,
  placed: Awaited<ReturnType<typeof openWorkspace>>['placed'],
  logs: { stdout: string; stderr: string },
  end: AttemptEnd,
  context: EngineContext,
  content: LocalContentStore,
): Promise<Finished> {
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
    key: stepKey({
      step,
      inputs: Object.fromEntries(Object.entries(inputs).map(([name, { digest }]) => [name, digest])),
      code: context.codeDigest(step),
      environment: environment.key,
      variables: environment.variables,
      platform: platform(),
    }),
    inputs,
    outputs,
    metrics,
    ...(series === undefined ? {} : { series }),
    logs: { stdout: await context.keepLog(logs.stdout), stderr: await context.keepLog(logs.stderr) },
    problems,
    warnings,
  };
}

/** The exit code as a shell says it: an end by signal n is 128 + n. */
function codeOf({ exitCode, signal }: Finished): number {
  return exitCode ?? 128 + (signal === undefined ? 0 : signalNumber(signal));
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

/** Reads the figures a step reported: its outputs of kind metrics, and metrics.json and metrics.jsonl in its workdir. */
async function takeReports(
  step: PlannedStep,
  workspace: Workspace,
  outputs: Record<string, Artifact>,
  content: LocalContentStore,
): Promise<{ metrics: ReportedMetric[]; problems: Finding[]; warnings: string[]; series?: string }> {
  const reports: { path: string; digest: string }[] = [];
  for (const [name, { kind, path }] of Object.entries(step.outputs)) {
    const artifact = outputs[name];
    if (kind === 'metrics' && artifact?.digest.startsWith('sha256:')) {
      reports.push({ path: path ?? name, digest: artifact.digest });
    }
  }
  for (const path of ['metrics.json', 'metrics.jsonl']) {
    const full = join(workspace.workdir, path);
    if (existsSync(full)) reports.push({ path, digest: (await content.adopt(full)).digest });
  }
  const result: Awaited<ReturnType<typeof takeReports>> = { metrics: [], problems: [], warnings: [] };
  for (const { path, digest } of reports) {
    const text = (await content.read(digest, 256 * 1024 * 1024)).toString('utf8');
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

function argvOf(step: PlannedStep, workspace: Workspace, env: Record<string, string>): string[] {
  const filled = fillCommand(step.command, {
    input: (name) => step.inputs[name]!.at ?? join(workspace.in, name),
    output: (name) => step.outputs[name]!.path ?? join(workspace.out, name),
    scratch: () => workspace.scratch,
  });
  if ('exec' in filled) return filled.exec;
  const bash = findCommand('bash', env.PATH);
  return bash ? [bash, '-o', 'pipefail', '-c', filled.shell] : ['sh', '-c', filled.shell];
}

/** Without bash a pipe hides the failure of its first part (spec SAME-STP-012). */
function shellWarnings(step: PlannedStep, environment: ReadyEnvironment): string[] {
  if (typeof step.template !== 'string' || !/(?<!\|)\|(?!\|)/.test(step.template)) return [];
  if (findCommand('bash', environment.path.join(':'))) return [];
  return [`step ${step.name}: there is no bash, so a failure before | goes unnoticed`];
}

/** The scrubbed environment of a step: nothing of the caller's but what the contract names. */
function stepVariables(
  step: PlannedStep,
  attempt: number,
  workspace: Workspace,
  environment: ReadyEnvironment,
  context: EngineContext,
): Record<string, string> {
  const parameters = Object.entries(step.parameters).map(([name, value]): [string, string] => [
    `SAME_PARAM_${name.toUpperCase().replaceAll('-', '_')}`,
    wordOf(value),
  ]);
  const secrets = step.secrets.flatMap((name): [string, string][] =>
    context.secrets[name] === undefined ? [] : [[name, context.secrets[name]]],
  );
  return {
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    ...environment.variables,
    ...Object.fromEntries(secrets),
    ...Object.fromEntries(parameters),
    PATH: environment.path.join(':'),
    HOME: workspace.home,
    TMPDIR: workspace.temporary,
    SAME_PARAMS: workspace.parameters,
    SAME_IN: workspace.in,
    SAME_OUT: workspace.out,
    SAME_SCRATCH: workspace.scratch,
    SAME_RUN_ID: context.runId,
    SAME_STEP: step.name,
    SAME_ATTEMPT: String(attempt),
  };
}
