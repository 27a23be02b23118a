import type { LoggedRun } from '../engines/intake.ts';
import type { RunRecord, RunStatus, StepRecord } from './run-record.ts';

/** Between the id of a run and that of one which a step began within it. */
export const WITHIN = '/';

const STATUSES: Record<LoggedRun['status'], RunStatus> = {
  running: 'running',
  scheduled: 'pending',
  finished: 'succeeded',
  failed: 'failed',
  killed: 'canceled',
};

/** How many runs the steps of a run began within it. */
export function countWithin({ steps }: RunRecord): number {
  return steps.reduce((sum, { logged }) => sum + (logged?.runs?.length ?? 0), 0);
}

/**
 * The runs that the steps of a run began within it by MLflow's protocol, as records of their own, in the order in which they
 * began: called `RUN/CHILD`, with nothing but what was logged under them and what is true of the whole run, as its program
 * and machine are (spec SAME-RUN-096).
 */
export function runsWithin(record: RunRecord): RunRecord[] {
  return record.steps.flatMap((step) => (step.logged?.runs ?? []).map((run) => recordOf(record, step, run)));
}

/**
 * The one of them that a text means: its id or a beginning of it that is no other's, or its name, if no other has it.
 * @returns as many as are meant
 */
export function meantWithin(record: RunRecord, text: string): RunRecord[] {
  const all = runsWithin(record);
  const idOf = ({ id }: RunRecord) => id.slice(id.indexOf(WITHIN) + 1);
  const exact = all.filter((run) => idOf(run) === text || run.display === text);
  return exact.length > 0 || text === '' ? exact : all.filter((run) => idOf(run).startsWith(text));
}

function recordOf(record: RunRecord, step: StepRecord, run: LoggedRun): RunRecord {
  const { id, name, parent, status, startedAt, finishedAt, metrics, ...logged } = run;
  const { apiVersion, kind, program, target, engine, data, code, environments, machine, runtime } = record;
  const durationMs = finishedAt === undefined ? -1 : Date.parse(finishedAt) - Date.parse(startedAt);
  const { matrix } = step;
  return {
    apiVersion,
    kind,
    id: `${record.id}${WITHIN}${id}`,
    display: name ?? id,
    program,
    status: statusOf(status, record),
    parent: parent === undefined ? record.id : `${record.id}${WITHIN}${parent}`,
    ...(record.profile === undefined ? {} : { profile: record.profile }),
    target,
    engine,
    parameters: {},
    data,
    code,
    environments,
    machine,
    startedAt,
    ...(finishedAt === undefined ? {} : { finishedAt }),
    ...(durationMs < 0 ? {} : { usage: { durationMs } }),
    steps: [{ ...step, outputs: {}, logged }],
    outputs: {},
    metrics: metrics.map((metric) => ({ ...metric, step: step.name, ...(matrix ? { matrix } : {}) })),
    claims: [],
    waivers: [],
    services: {},
    warnings: [],
    runtime,
    redactions: record.redactions,
  };
}

/** What nobody said the end of did not come to its end when its run did. */
function statusOf(status: LoggedRun['status'], { finishedAt }: RunRecord): RunStatus {
  const known = STATUSES[status];
  return finishedAt !== undefined && (known === 'running' || known === 'pending') ? 'interrupted' : known;
}
