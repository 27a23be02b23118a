import { compareClaims } from '../claims/compare-claims.ts';
import type { Artifact, EngineContext, EngineEvent } from '../engines/engine.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import { pinDirectory } from '../program/name.ts';
import type { ClaimRecord, RunRecord, RunStatus, StepRecord } from '../runs/run-record.ts';
import type { RunJournal } from '../runs/run-store.ts';
import { finishedFields } from '../runs/step-outcome.ts';
import { stopIfCanceled } from './pin-program.ts';
import type { Ports } from './ports.ts';
import { type PreparedRun, prepareRun, type RunRequest, refuseUnmet } from './prepare-run.ts';
import { digestOfValue, openProgramFiles, type ProgramFiles } from './program-files.ts';
import { declaredMetrics, reportedMetrics } from './run-metrics.ts';
import { maskingOf } from './secrets.ts';

/** How a run ended, with what it was. */
export interface RunResult {
  record: RunRecord;
  /** Every problem of the steps, in order. */
  problems: Finding[];
}

/**
 * `same run`: executes a program and keeps an account of it. Success is said only when every output is hashed and
 * stored and the record is on the disk.
 * @param onEvent shown after it is stored; lines of output are masked already
 */
export async function runProgram(
  ports: Ports,
  request: RunRequest,
  onEvent: (event: EngineEvent | { type: 'run-started'; record: RunRecord }) => void,
): Promise<RunResult> {
  using temporary = ports.files.temporary();
  const prepared = await prepareRun(ports, request, temporary.path);
  const waived = refuseUnmet(prepared, request.allowUnmet);
  stopIfCanceled(ports);
  await prepared.keep();
  const files = await openProgramFiles(ports, prepared.artifact, prepared.data);
  const data = await files.storeData();
  for (const name of Object.keys(prepared.plan.environments)) await prepared.environments.ready(name);
  stopIfCanceled(ports);

  const record = await beginRecord(ports, prepared, data, waived);
  const journal = ports.runs.begin(record);
  onEvent({ type: 'run-started', record });
  const startedMs = ports.monotonicMs();
  const problems: Finding[] = [];
  try {
    const context = engineContext(ports, prepared, files, data, journal, `${temporary.path}/steps`);
    for await (const batch of ports.engine(prepared.plan.engine).run(prepared.plan, context)) {
      journal.append(batch);
      for (const event of batch) {
        apply(record, event);
        if (event.type === 'step-finished' && !event.retrying) problems.push(...event.problems);
        if (event.type === 'step-finished') {
          // What an attempt reported that is tried again, or that failed, is no result.
          if (event.status === 'succeeded') record.metrics.push(...reportedMetrics(event));
          record.warnings.push(...event.warnings);
          for (const warning of event.warnings) ports.progress(`warning: ${warning}`);
        }
        onEvent(event);
      }
    }
    await conclude(ports, prepared, record, problems);
  } catch (error) {
    record.status = 'failed';
    const known = error instanceof SameError ? error : undefined;
    record.error = { code: known?.code ?? 'SAME7001', message: known?.findings[0]?.message ?? String(error) };
    finish(ports, record, journal, startedMs);
    throw error;
  }
  finish(ports, record, journal, startedMs);
  return { record, problems };
}

function finish(ports: Ports, record: RunRecord, journal: RunJournal, startedMs: number): void {
  record.finishedAt = ports.now();
  const usages = record.steps.flatMap(({ usage }) => usage ?? []);
  record.usage = {
    durationMs: Math.round(ports.monotonicMs() - startedMs),
    cpuSeconds: Math.round(usages.reduce((sum, { cpuSeconds }) => sum + (cpuSeconds ?? 0), 0) * 100) / 100,
    peakMemoryBytes: Math.max(0, ...usages.map(({ peakMemoryBytes }) => peakMemoryBytes ?? 0)),
  };
  record.display = displayId(record);
  journal.finish(record);
}

async function beginRecord(
  ports: Ports,
  prepared: PreparedRun,
  data: Record<string, Artifact & { uri: string }>,
  waived: { what: string; want: string; have: string }[],
): Promise<RunRecord> {
  const { artifact, origin, plan } = prepared;
  const environments: RunRecord['environments'] = {};
  for (const name of Object.keys(plan.environments)) {
    const { key, locked, variables, resolved } = await prepared.environments.ready(name);
    environments[name] = { key, locked, variables, resolved };
  }
  const { repository, revision, path, dirty, diff } = origin ?? {};
  return {
    apiVersion: 'same/v1',
    kind: 'Run',
    id: ports.newRunId(),
    display: '',
    program: { ...plan.program, pinned: prepared.pinned },
    status: 'running',
    ...(plan.profile === undefined ? {} : { profile: plan.profile }),
    target: plan.target,
    engine: plan.engine,
    parameters: plan.parameters,
    data,
    code: definedOnly({ digest: artifact.codeDigest, repository, revision, path, dirty, diff }),
    environments,
    machine: await ports.machine(),
    startedAt: ports.now(),
    steps: plan.steps.map(
      ({ name, template, environment }): StepRecord => ({
        name,
        status: 'pending',
        attempts: 0,
        cached: false,
        command: template,
        environment,
        inputs: {},
        outputs: {},
      }),
    ),
    outputs: {},
    metrics: [],
    claims: [],
    waivers: waived.map(({ what, want, have }) => ({ what, want, have })),
    services: Object.fromEntries(
      Object.entries(artifact.program.services ?? {}).map(([name]) => [
        name,
        'not bound: none is configured',
      ]),
    ),
    warnings: ports.warnings.map(({ code, message }) => `${code} ${message}`),
    runtime: ports.runtime,
    redactions: Object.keys(secretsOf(ports, prepared)).sort(),
  };
}

function engineContext(
  ports: Ports,
  prepared: PreparedRun,
  files: ProgramFiles,
  data: Record<string, Artifact>,
  journal: RunJournal,
  workDirectory: string,
): EngineContext {
  const secrets = secretsOf(ports, prepared);
  const masking = maskingOf(secrets);
  return {
    runId: journal.id,
    jobs: 1,
    onFailure: 'finish',
    machine: { cpu: 1, memoryBytes: 0, gpus: 0 },
    reuse: async () => undefined,
    workDirectory,
    placeCode: files.place,
    codeDigest: (step) => files.digestFor(step),
    environment: (name) => prepared.environments.ready(name),
    // Of one program: what others left there must not reach its results.
    scratch: (key) =>
      `${ports.home}/cache/scratch/${pinDirectory(prepared.plan.program.name)}/${key.replaceAll(':', '-')}`,
    // Where data came from is the record's; a step sees content only.
    data: Object.fromEntries(
      Object.entries(data).map(([name, { digest, sizeBytes, executable }]) => [
        name,
        executable ? { digest, sizeBytes, executable } : { digest, sizeBytes },
      ]),
    ),
    secrets,
    mask: masking.mask,
    logPaths: journal.logPaths,
    async keepLog(path) {
      if (masking.active)
        await ports.files.writeStream(path, masking.maskStream(ports.files.streamToEnd(path)));
      return ports.content.ingest(ports.files.streamToEnd(path));
    },
    cancel: ports.cancel,
    kill: ports.kill,
  };
}

/** The declared secrets that the caller has. */
function secretsOf(ports: Ports, { artifact }: PreparedRun): Record<string, string> {
  return Object.fromEntries(
    Object.keys(artifact.program.secrets ?? {}).flatMap((name) =>
      ports.variables[name] === undefined ? [] : [[name, ports.variables[name]]],
    ),
  );
}

function apply(record: RunRecord, event: EngineEvent): void {
  const step = record.steps.find(({ name }) => name === event.step)!;
  if (event.type === 'step-started') {
    step.attempts = event.attempt;
    step.startedAt ??= event.at;
  } else if (event.type === 'step-finished') Object.assign(step, finishedFields(event));
  else if (event.type === 'step-skipped') Object.assign(step, { status: 'skipped', because: event.because });
}

async function conclude(
  ports: Ports,
  prepared: PreparedRun,
  record: RunRecord,
  problems: Finding[],
): Promise<void> {
  const { plan } = prepared;
  for (const [name, { step, output }] of Object.entries(plan.outputs)) {
    const artifact = record.steps.find((known) => known.name === step)?.outputs[output];
    if (artifact) record.outputs[name] = artifact;
  }
  const declared = await declaredMetrics(ports, plan.metrics, record);
  record.metrics = [
    ...record.metrics.filter(
      ({ name, step }) => !declared.metrics.some((d) => d.name === name && d.step === step),
    ),
    ...declared.metrics,
  ];
  problems.push(...declared.problems);
  record.claims = compareClaims(plan.claims, {
    metrics: record.metrics,
    parameters: record.parameters,
    ...(plan.profile === undefined ? {} : { profile: plan.profile }),
  });
  record.status = statusOf(record, problems);
  if (record.status !== 'succeeded') {
    // Figures of half a run agree with nothing (spec SAME-CLM-011).
    record.claims = record.claims.map(
      ({ id, metric, expect, cite }): ClaimRecord => ({
        id,
        metric,
        expect,
        ...(cite === undefined ? {} : { cite }),
        outcome: 'not-run',
        because: 'the run did not succeed',
      }),
    );
    const failed = record.steps.find(({ status }) => ['failed', 'timeout', 'canceled'].includes(status));
    const problem = problems[0] ?? { code: 'SAME1607', message: 'the run was canceled' };
    record.error = { code: problem.code, message: problem.message, ...(failed ? { step: failed.name } : {}) };
  }
}

function statusOf(record: RunRecord, problems: readonly Finding[]): RunStatus {
  const statuses = record.steps.map(({ status }) => status);
  if (statuses.includes('canceled')) return 'canceled';
  if (statuses.includes('timeout')) return 'timeout';
  if (statuses.includes('failed')) return 'failed';
  if (statuses.includes('skipped')) return 'canceled';
  return problems.length > 0 ? 'failed' : 'succeeded';
}

/** What a command exits with after a run that ended so (spec SAME-RUN-007). */
export function exitCodeOf(status: RunStatus): number {
  if (status === 'succeeded') return 0;
  return status === 'canceled' ? 130 : 1;
}

/** `code_environment_data_parameters:output`, five hex digits each. */
function displayId(record: RunRecord): string {
  const five = (value: unknown) => digestOfValue(value).slice('sha256:'.length, 'sha256:'.length + 5);
  const environments = Object.fromEntries(
    Object.entries(record.environments).map(([name, { key }]) => [name, key]),
  );
  const data = Object.fromEntries(Object.entries(record.data).map(([name, { digest }]) => [name, digest]));
  const parameters = Object.fromEntries(
    Object.entries(record.parameters).map(([name, { value }]) => [name, value]),
  );
  const outputs = record.steps.map(({ name, outputs: written }) => [name, written]);
  return `${five(record.code.digest)}_${five(environments)}_${five(data)}_${five(parameters)}:${five(outputs)}`;
}

function definedOnly<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}
