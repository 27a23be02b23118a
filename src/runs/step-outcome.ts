import type { Artifact, EngineEvent, ReportedMetric, StepResult } from '../engines/engine.ts';
import { isMap } from './record-shape.ts';
import type { MetricRecord, RunRecord, StepRecord } from './run-record.ts';

/** The steps of a run record while events change them. */
export class StepRecords {
  readonly #record: Pick<RunRecord, 'steps'>;
  readonly #byName: Map<string, StepRecord>;

  constructor(record: Pick<RunRecord, 'steps'>) {
    this.#record = record;
    this.#byName = new Map(record.steps.map((step) => [step.name, step]));
  }

  get(name: string): StepRecord | undefined {
    return this.#byName.get(name);
  }

  /** Notes what an event says of its step; one of a step that is not in the record changes nothing. */
  apply(event: EngineEvent): void {
    const step = this.#byName.get(event.step);
    if (!step) return;
    if (event.type === 'step-expanded') this.#expand(step, event.cells);
    else if (event.type === 'step-started')
      Object.assign(step, { attempts: event.attempt, startedAt: step.startedAt ?? event.at });
    else if (event.type === 'step-finished') {
      // How an earlier attempt ended is not how this one did.
      for (const name of ['exitCode', 'signal', 'logged'] as const) delete step[name];
      Object.assign(step, finishedFields(event));
    } else if (event.type === 'step-cached') Object.assign(step, cachedFields(event));
    else if (event.type === 'step-skipped')
      Object.assign(step, { status: 'skipped', because: event.because });
  }

  /**
   * The figures that an event brings to the run: those of the result that stands in, or of the attempt that the step ended
   * with, whatever became of it (spec SAME-STP-021). Of one that is tried again there are none.
   */
  figures(event: EngineEvent): MetricRecord[] {
    const matrix = this.#byName.get(event.step)?.matrix;
    if (event.type === 'step-cached') return reportedMetrics(event.result ?? {}, event.step, matrix);
    if (event.type !== 'step-finished' || event.retrying) return [];
    return reportedMetrics(event, event.step, matrix);
  }

  /** Puts its cells in the place of a step whose list is known now. */
  #expand(step: StepRecord, cells: Extract<EngineEvent, { type: 'step-expanded' }>['cells']): void {
    const { name: of, command, environment } = step;
    const made = cells.map(({ name, matrix }) => pendingStep({ name, of, matrix, command, environment }));
    if (made.length === 0) return;
    const { steps } = this.#record;
    steps.splice(steps.indexOf(step), 1, ...made);
    this.#byName.delete(of);
    for (const cell of made) this.#byName.set(cell.name, cell);
  }
}

/** The record of a cell that has not begun. */
export function pendingStep({
  name,
  of,
  matrix,
  command,
  environment,
}: Pick<StepRecord, 'name' | 'command' | 'environment'> &
  Required<Pick<StepRecord, 'of' | 'matrix'>>): StepRecord {
  return {
    name,
    ...(name === of ? {} : { of, matrix }),
    status: 'pending',
    attempts: 0,
    cached: false,
    command,
    environment,
    inputs: {},
    outputs: {},
  };
}

function reportedMetrics(
  { metrics, series }: Pick<StepResult, 'metrics' | 'series'>,
  step: string,
  matrix: StepRecord['matrix'],
): MetricRecord[] {
  // A damaged journal is replayed too, as far as it goes.
  const whole = Array.isArray(metrics) ? metrics.filter(isMap) : [];
  return (whole as ReportedMetric[]).map(({ name, value, count, lost, series: own = series }) => ({
    name,
    step,
    ...(matrix === undefined ? {} : { matrix }),
    value,
    ...(lost === undefined ? {} : { lost }),
    ...(count === undefined ? {} : { count, ...(own === undefined ? {} : { series: own }) }),
  }));
}

/** What a step that ended well left, for other runs; nothing when the event says no such thing. */
export function resultOf(event: EngineEvent, run: string): StepResult | undefined {
  if (event.type === 'step-cached') return event.result;
  if (event.type !== 'step-finished' || event.status !== 'succeeded') return undefined;
  const { step, key, outputs, metrics, series, logged, logs, durationMs } = event;
  return {
    key,
    run,
    step,
    outputs,
    metrics,
    ...(series === undefined ? {} : { series }),
    ...(logged === undefined ? {} : { logged }),
    logs,
    durationMs,
  };
}

/** Everything stored that a result names: artifacts, and digests whose sizes it does not say. */
export function contentOf({ outputs, metrics, series, logged, logs }: StepResult): {
  artifacts: Artifact[];
  series: string[];
} {
  const parts = [logged ?? {}, ...(logged?.runs ?? [])];
  const figures = [...metrics, ...(logged?.runs ?? []).flatMap((run) => run.metrics)];
  return {
    artifacts: [
      ...Object.values(outputs),
      logs.stdout,
      logs.stderr,
      ...parts.flatMap(({ artifacts }) => artifacts ?? []),
    ],
    series: [...new Set([series, ...figures.map((figure) => figure.series)])].filter(
      (each) => each !== undefined,
    ),
  };
}

/** The fields of a step record that its last attempt decides. */
function finishedFields(event: Extract<EngineEvent, { type: 'step-finished' }>): Partial<StepRecord> {
  return {
    status: event.status,
    attempts: event.attempt,
    ...(event.exitCode === undefined ? {} : { exitCode: event.exitCode }),
    ...(event.signal === undefined ? {} : { signal: event.signal }),
    cacheKey: event.key,
    inputs: event.inputs,
    outputs: event.outputs,
    ...(event.logged === undefined ? {} : { logged: event.logged }),
    logs: event.logs,
    finishedAt: event.at,
    usage: {
      durationMs: event.durationMs,
      ...(event.cpuSeconds === undefined ? {} : { cpuSeconds: event.cpuSeconds }),
      ...(event.peakMemoryBytes === undefined ? {} : { peakMemoryBytes: event.peakMemoryBytes }),
    },
  };
}

/** The fields of a step record that a stored result decides. */
function cachedFields({
  at,
  inputs,
  result,
}: Extract<EngineEvent, { type: 'step-cached' }>): Partial<StepRecord> {
  return {
    status: 'succeeded',
    cached: true,
    cachedFrom: result.run,
    ...(result.acceptedFrom === undefined ? {} : { acceptedFrom: result.acceptedFrom }),
    cacheKey: result.key,
    inputs,
    outputs: result.outputs,
    ...(result.logged === undefined ? {} : { logged: result.logged }),
    logs: result.logs,
    finishedAt: at,
  };
}
