import type { LoggedRun } from '../../engines/intake.ts';
import type { JsonObject, JsonValue } from '../../program/json.ts';
import { searchRows } from '../index/scanned-index.ts';
import type { RunRow } from '../run-query.ts';
import type { RunStatus } from '../run-record.ts';
import type { AttemptLog } from './attempt-log.ts';
import { listOf, optionalText, wholeNumber } from './fields.ts';
import { type Attributes, parseFilter, parseOrder } from './filter.ts';
import type { TrackedRun } from './tracked-run.ts';

const PAGE = 1000;
const ATTRIBUTES: Attributes = {
  run_id: { of: 'run', name: 'id' },
  run_name: { of: 'tags', name: 'mlflow.runName' },
  status: { of: 'run', name: 'status' },
  start_time: { of: 'run', name: 'startedAt' },
  created: { of: 'run', name: 'startedAt' },
  end_time: { of: 'run', name: 'finishedAt' },
};
const STATUSES: Record<LoggedRun['status'], RunStatus> = {
  running: 'running',
  scheduled: 'pending',
  finished: 'succeeded',
  failed: 'failed',
  killed: 'canceled',
};

/** Answers `runs/search` from the runs of one attempt. */
export function searchTracked(
  log: AttemptLog,
  body: JsonObject,
  answer: (run: TrackedRun) => JsonObject,
): JsonObject {
  const view = optionalText(body, 'run_view_type') ?? 'ACTIVE_ONLY';
  const runs = new Map(
    [...log.runs]
      .filter(({ isDeleted }) => view === 'ALL' || isDeleted === (view === 'DELETED_ONLY'))
      .map((run) => [run.id, run]),
  );
  const where = parseFilter(optionalText(body, 'filter') ?? '', ATTRIBUTES);
  const order = listOf(body.order_by, 'order_by').map(String);
  const { rows } = searchRows([...runs.values()].map(rowOf), {
    ...(where ? { where } : {}),
    sort: [...parseOrder(order, ATTRIBUTES), { field: { of: 'run', name: 'startedAt' }, descending: true }],
  });
  const most = Math.max(1, wholeNumber(body, 'max_results', PAGE));
  const start = Math.max(0, wholeNumber(body, 'page_token', 0));
  return {
    runs: rows.slice(start, start + most).map(({ id }) => answer(runs.get(id)!)) as JsonValue[],
    ...(rows.length > start + most ? { next_page_token: String(start + most) } : {}),
  };
}

function rowOf(run: TrackedRun): RunRow {
  return {
    id: run.id,
    own: true,
    display: '',
    program: '',
    version: '',
    digest: '',
    status: STATUSES[run.status],
    startedAt: instant(run.startedMs),
    ...(run.endedMs === undefined ? {} : { finishedAt: instant(run.endedMs) }),
    engine: '',
    target: '',
    parameters: Object.fromEntries(run.parameters),
    metrics: Object.fromEntries([...run.series.latest].map(([name, { value }]) => [name, value])),
    tags: Object.fromEntries(run.tags),
  };
}

/** What a client said may be no time at all. */
export function instant(ms: number): string {
  return new Date(Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? ms : 0).toISOString();
}
