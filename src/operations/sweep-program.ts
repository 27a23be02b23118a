import { findMetric } from '../claims/compare-claims.ts';
import { SameError } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import type { JsonObject } from '../program/json.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { bestTrial, hasEnded, type Objective, type SweepRecord, type TrialRecord } from '../sweeps/sweep.ts';
import type { SweepJournal } from '../sweeps/sweep-store.ts';
import { proposeTrial } from '../sweeps/tree-parzen.ts';
import type { Ports } from './ports.ts';
import type { RunRequest } from './prepare-run.ts';
import { requestOfTrial } from './prepare-sweep.ts';
import { runProgram } from './run-program.ts';

/** A sweep that has begun or is gone on with. */
export interface OpenSweep {
  record: SweepRecord;
  journal: SweepJournal;
  /** The values of every trial, where they do not depend on results. */
  trials: JsonObject[] | undefined;
}

/** What a sweep tells while it goes on: each is stored first. */
export interface SweepWatcher {
  /** @param count how many trials have ended */
  ended(trial: TrialRecord, sweep: SweepRecord, count: number): void;
}

/**
 * `same sweep`: runs every trial that has not ended, so many at a time. A trial that fails stops nothing; Ctrl-C and what
 * is wrong with the machine do, and what has not ended then is left for `--resume`.
 * @returns the record: final where every trial ended, else `interrupted`
 * @throws what stopped it, where that was no Ctrl-C; the sweep can be gone on with, unless no trial would have the figure
 *   that is searched by (SAME1902): then it is final and failed
 */
export async function runSweep(
  ports: Ports,
  { record: begun, journal, trials }: OpenSweep,
  watcher: SweepWatcher,
): Promise<SweepRecord> {
  const record: SweepRecord = { ...begun };
  const known = new Map(begun.results.map((trial) => [trial.number, trial]));
  const isOver = (number: number) => known.has(number) && hasEnded(known.get(number)!);
  const share =
    record.jobs === 1 ? {} : { jobs: Math.max(1, Math.floor((await ports.machine()).cpu / record.jobs)) };
  const running = new Map<number, Promise<void>>();
  let stopped: unknown;
  let futile: SameError | undefined;
  const earlier = bestTrial(record.objective, begun.results);
  if (earlier !== undefined) record.best = earlier;

  const store = (trial: TrialRecord) => {
    known.set(trial.number, trial);
    const best = bestTrial(record.objective, [known.get(record.best ?? trial.number)!, trial]);
    if (best !== undefined) record.best = best;
  };
  const start = async (number: number, values: JsonObject): Promise<void> => {
    const trial: TrialRecord = { number, values, status: 'running' };
    const before = known.get(number)?.run;
    if (before === undefined) store(trial);
    const ended = await runTrial(ports, record, {
      trial,
      before,
      request: { ...requestOfTrial(record, values), ...share },
      mayRefuse: trials === undefined,
      onRun(run) {
        store({ ...trial, run });
        journal.started({ ...trial, run });
      },
    });
    if (!hasEnded(ended)) return store(ended);
    journal.ended(ended);
    store(ended);
    watcher.ended(ended, record, [...known.values()].filter(hasEnded).length);
    futile ??= otherFigures(ports, record.objective, ended, [...known.values()]);
    if (futile) throw futile;
  };

  let next = 0;
  const isReady = () =>
    running.size < record.jobs &&
    next < record.trials &&
    // Of tpe, what a trial knows must not depend on how fast others end.
    (trials !== undefined || everyOver(next - record.jobs + 1, isOver));
  for (;;) {
    while (stopped === undefined && !ports.cancel.aborted && isReady()) {
      const number = next++;
      if (isOver(number)) continue;
      const values = known.get(number)?.values ?? trials?.[number] ?? proposed(record, known, number);
      const work = start(number, values)
        .catch((error: unknown) => {
          stopped ??= error;
        })
        .finally(() => running.delete(number));
      running.set(number, work);
    }
    if (running.size === 0) break;
    await Promise.race(running.values());
  }

  record.results = [...known.values()].sort((a, b) => a.number - b.number);
  if (everyOver(record.trials, isOver)) {
    record.status = record.results.every(({ status }) => status === 'succeeded') ? 'succeeded' : 'failed';
    record.finishedAt = ports.now();
    journal.finish(record);
    return record;
  }
  if (futile && record.best === undefined && record.results.every(hasEnded)) {
    const { code, message } = futile.findings[0]!;
    journal.finish({ ...record, status: 'failed', finishedAt: ports.now(), error: { code, message } });
    throw futile;
  }
  journal.close();
  if (!ports.cancel.aborted && stopped !== undefined) throw stopped;
  const results = record.results
    .filter(({ run }) => run !== undefined)
    .map((trial): TrialRecord => (hasEnded(trial) ? trial : { ...trial, status: 'interrupted' }));
  return { ...record, status: 'interrupted', results };
}

function everyOver(count: number, isOver: (number: number) => boolean): boolean {
  for (let number = 0; number < count; number++) if (!isOver(number)) return false;
  return true;
}

/** What tpe proposes for a trial from all but the `jobs` − 1 before it. */
function proposed(sweep: SweepRecord, trials: ReadonlyMap<number, TrialRecord>, number: number): JsonObject {
  const before = Array.from({ length: number }, (_, i) => trials.get(i)!);
  const learnt = Math.max(0, number - sweep.jobs + 1);
  return proposeTrial(
    sweep,
    number,
    before.slice(0, learnt),
    before.slice(learnt).map(({ values }) => values),
  );
}

/** Runs one trial, or finds that its run had ended before its end was noted, or goes on with that run. */
async function runTrial(
  ports: Ports,
  { objective }: SweepRecord,
  options: {
    trial: TrialRecord;
    /** The run of an earlier attempt. */
    before: string | undefined;
    request: RunRequest;
    /** Whether the values may be refused, not having been known when the others were planned. */
    mayRefuse: boolean;
    onRun(id: string): void;
  },
): Promise<TrialRecord> {
  const { trial, request, mayRefuse } = options;
  const before = options.before === undefined ? undefined : runBefore(ports, options.before);
  if (before && hasEnded({ ...trial, status: before.status })) return outcome(trial, before, objective);
  let hasBegun = false;
  try {
    const { record } = await runProgram(
      ports,
      before ? { ...request, resume: before.id } : request,
      (event) => {
        if (event.type !== 'run-started') return;
        hasBegun = true;
        options.onRun(event.record.id);
      },
    );
    return outcome(trial, record, objective);
  } catch (error) {
    if (!(mayRefuse && !hasBegun && error instanceof SameError && error.exitCode === 2)) throw error;
    const { code, message } = error.findings[0]!;
    return { ...trial, status: 'failed', error: { code, message } };
  }
}

/** SAME1902, where a run succeeded with other figures than the one that is searched by, no trial had that, and so none will. */
function otherFigures(
  ports: Ports,
  objective: Objective | undefined,
  { run, error }: TrialRecord,
  trials: readonly TrialRecord[],
): SameError | undefined {
  if (!objective || run === undefined || error?.code !== 'SAME1606') return undefined;
  if (trials.some((trial) => trial.objective !== undefined)) return undefined;
  const names = runBefore(ports, run)?.metrics.flatMap(({ name, step }) => [name, `${step}.${name}`]) ?? [];
  if (names.length === 0 || names.includes(objective.metric)) return undefined;
  const meant = nearest(objective.metric, names);
  const reported = [...new Set(names.filter((_, index) => index % 2 === 0))];
  return new SameError({
    code: 'SAME1902',
    message: `the program reports no figure "${objective.metric}"${meant === undefined ? '' : ` — did you mean ${meant}?`} (run ${run}: ${reported.slice(0, 20).join(', ')}${reported.length > 20 ? ', …' : ''})`,
    place: '--objective',
    hint: 'sweep again by one that it reports: steps that have run are not run again',
  });
}

/** @returns nothing where somebody deleted it: then it is run anew */
function runBefore(ports: Ports, id: string): RunRecord | undefined {
  try {
    return ports.runs.get(id).record;
  } catch (error) {
    if (error instanceof SameError && error.code === 'SAME1608') return undefined;
    throw error;
  }
}

function outcome(trial: TrialRecord, run: RunRecord, objective: Objective | undefined): TrialRecord {
  const ended: TrialRecord = {
    ...trial,
    run: run.id,
    status: run.status,
    ...(run.usage === undefined ? {} : { durationMs: run.usage.durationMs }),
    ...(run.error === undefined ? {} : { error: { code: run.error.code, message: run.error.message } }),
  };
  if (run.status !== 'succeeded' || !objective) return ended;
  const found = findMetric(run.metrics, objective.metric);
  if (typeof found !== 'string' && Number.isFinite(found.value)) return { ...ended, objective: found.value };
  const message = typeof found === 'string' ? found : `metric "${objective.metric}" is ${found.value}`;
  return {
    ...ended,
    status: 'failed',
    error: { code: 'SAME1606', message: `its run succeeded, but ${message}` },
  };
}
