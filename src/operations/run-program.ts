import type { EngineEvent, SkipCause } from '../engines/engine.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import type { Plan } from '../pipeline/plan.ts';
import type { RunRecord } from '../runs/run-record.ts';
import type { RunJournal } from '../runs/run-store.ts';
import { resultOf, StepRecords } from '../runs/step-outcome.ts';
import { beginRecord } from './begin-run.ts';
import { concludeRun, displayId } from './conclude-run.ts';
import { queueTelling } from './metadata-stores.ts';
import { stopIfCanceled } from './pin-program.ts';
import type { Ports } from './ports.ts';
import { type PreparedRun, prepareRun, type RunRequest, refuseUnmet } from './prepare-run.ts';
import { openProgramFiles } from './program-files.ts';
import { type Redaction, redactionOf } from './redaction.ts';
import { attemptsOf, engineContext, secretsOf } from './run-context.ts';
import { maskingOf } from './secrets.ts';
import { sparedText } from './spared-processes.ts';

/** What is told of a run while it goes on, first of all what it is made of: every cell of the record is pending. */
export type RunEvent = EngineEvent | { type: 'run-started'; record: RunRecord; plan: Plan };

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
  given: RunRequest,
  onEvent: (event: RunEvent) => void,
): Promise<RunResult> {
  using temporary = ports.files.temporary();
  const prepared = await prepareRun(ports, given, temporary.path);
  const { request } = prepared;
  const waived = refuseUnmet(prepared, request.allowUnmet);
  stopIfCanceled(ports);
  await prepared.keep();
  const files = await openProgramFiles(ports, prepared.artifact, prepared.data);
  const data = await files.storeData();
  for (const name of Object.keys(prepared.plan.environments)) await prepared.environments.ready(name);
  stopIfCanceled(ports);

  if (prepared.resumed) {
    if (request.takeOver) ports.runs.takeOver(prepared.resumed.record.id);
    const { id } = prepared.resumed.record;
    const { spared } = await ports.runs.endLeft(id);
    if (spared > 0) ports.progress(`run ${id} goes on in part: left alone: ${sparedText(spared)}`);
  }
  const redaction = redactionOf(
    maskingOf(secretsOf(ports, prepared)),
    ports.whereabouts(),
    prepared.plan.steps.filter(({ foreach }) => foreach !== undefined).map(({ name }) => name),
  );
  const record = await beginRecord(ports, request, prepared, data, waived);
  redaction.record(record);
  const journal = ports.runs.begin(record);
  onEvent({ type: 'run-started', record, plan: prepared.plan });
  const startedMs = ports.monotonicMs();
  const problems: Finding[] = [];
  const account = new RunAccount(ports, prepared, record, problems);
  try {
    const context = await engineContext(
      ports,
      request,
      prepared,
      files,
      data,
      journal,
      attemptsOf(temporary.path, record.id),
    );
    for await (const told of ports.engine(prepared.target).run(prepared.plan, context)) {
      const batch = told.map(redaction.event);
      for (const event of batch) account.judge(event);
      journal.append(batch);
      for (const event of batch) {
        account.take(event);
        onEvent(event);
      }
    }
    await concludeRun(ports, prepared.plan, record, problems, account.skips);
  } catch (error) {
    const known = error instanceof SameError ? error : undefined;
    // Whoever took it over goes on with it: this process has no more to say of it.
    if (known?.code === 'SAME1618') throw error;
    record.status = 'failed';
    endUnfinished(record);
    record.error = { code: known?.code ?? 'SAME7001', message: known?.findings[0]?.message ?? String(error) };
    await queueTelling(ports, { kind: 'run', id: record.id });
    finish(ports, record, journal, startedMs, redaction);
    throw error;
  }
  // Before the record: a process that dies in between leaves nothing that nobody is told of.
  await queueTelling(ports, { kind: 'run', id: record.id });
  finish(ports, record, journal, startedMs, redaction);
  return { record, problems: problems.map(redaction.finding) };
}

/** No step of a run that has ended waits or runs. */
function endUnfinished(record: RunRecord): void {
  for (const step of record.steps) {
    if (step.status !== 'pending') continue;
    step.status = step.startedAt === undefined ? 'skipped' : 'canceled';
    step.because = 'the run could not go on';
  }
}

/** What the events of a run make of its record, and of what later runs may reuse. */
class RunAccount {
  readonly #ports: Ports;
  readonly #record: RunRecord;
  readonly #problems: Finding[];
  readonly #steps: StepRecords;
  /** Steps whose results may stand in for later ones. */
  readonly #reusable: ReadonlySet<string>;
  readonly skips = new Set<SkipCause>();

  constructor(ports: Ports, { plan }: PreparedRun, record: RunRecord, problems: Finding[]) {
    this.#ports = ports;
    this.#record = record;
    this.#problems = problems;
    this.#steps = new StepRecords(record);
    this.#reusable = new Set(plan.steps.filter(({ cache }) => cache !== false).map(({ name }) => name));
  }

  /** Notes in an event, before the journal has it, that its result is for no other run. */
  judge(event: EngineEvent): void {
    if (event.type !== 'step-finished') return;
    const step = this.#steps.get(event.step);
    if (!this.#reusable.has(step?.of ?? event.step)) event.kept = false;
  }

  /** Takes an event that the journal holds. */
  take(event: EngineEvent): void {
    this.#steps.apply(event);
    if (event.type === 'step-finished') {
      if (!event.retrying) this.#addProblems(event.problems);
      for (const warning of event.warnings) {
        this.#record.warnings.push(warning);
        this.#ports.progress(`warning: ${warning}`);
      }
    } else if (event.type === 'step-traced') {
      if (event.reads.length > 0) this.#tellReads(event.step, event.reads);
    } else if (event.type === 'step-skipped') {
      this.skips.add(event.cause);
      this.#addProblems(event.problems ?? []);
    }
    for (const metric of this.#steps.figures(event)) this.#record.metrics.push(metric);
    const result = resultOf(event, this.#record.id);
    if (!result) return;
    const step = this.#steps.get(event.step);
    const isNew = event.type === 'step-finished' || result.acceptedFrom !== undefined;
    if (isNew && this.#reusable.has(step?.of ?? event.step)) this.#ports.results.keep(result);
  }

  /** One by one: there may be more of them than fit on the stack. */
  #addProblems(problems: readonly Finding[]): void {
    for (const problem of problems) this.#problems.push(problem);
  }

  /** Paths are told to whoever is here, and are not for the record. */
  #tellReads(step: string, reads: readonly string[]): void {
    const many = `${reads.length} ${reads.length === 1 ? 'file' : 'files'}`;
    this.#record.warnings.push(`step ${step} read ${many} that it does not declare`);
    this.#ports.progress(`step ${step} read ${many} that it does not declare:`);
    for (const path of reads) this.#ports.progress(`  ${path}`);
  }
}

function finish(
  ports: Ports,
  record: RunRecord,
  journal: RunJournal,
  startedMs: number,
  redaction: Redaction,
): void {
  record.finishedAt = ports.now();
  const usages = record.steps.flatMap(({ usage }) => usage ?? []);
  const peaks = usages.flatMap(({ peakMemoryBytes }) => peakMemoryBytes ?? []);
  record.usage = {
    durationMs: Math.round(ports.monotonicMs() - startedMs),
    cpuSeconds: Math.round(usages.reduce((sum, { cpuSeconds }) => sum + (cpuSeconds ?? 0), 0) * 100) / 100,
    // There may be more of them than fit on the stack.
    ...(peaks.length === 0 ? {} : { peakMemoryBytes: peaks.reduce((most, peak) => Math.max(most, peak), 0) }),
  };
  record.display = displayId(record);
  redaction.record(record);
  journal.finish(record);
}
