import { type Database, isDatabaseError, openForReading } from '../../host/database.ts';
import { artifactsBeside } from './mlflow-artifacts.ts';
import { isTime, STATUSES, saidBy } from './mlflow-words.ts';
import {
  type MetricPoint,
  parameterOf,
  type RunElsewhere,
  type RunsElsewhere,
  type ToolFiles,
  unnameable,
  unreadable,
} from './run-elsewhere.ts';

/** What is read of the database. MLflow changes its schema often, and these seldom: the rest may be as it is. */
const NEEDED = {
  experiments: ['experiment_id', 'name', 'lifecycle_stage'],
  runs: [
    'run_uuid',
    'name',
    'status',
    'start_time',
    'end_time',
    'lifecycle_stage',
    'artifact_uri',
    'experiment_id',
  ],
  params: ['run_uuid', 'key', 'value'],
  tags: ['run_uuid', 'key', 'value'],
  metrics: ['run_uuid', 'key', 'value', 'timestamp', 'step', 'is_nan'],
} as const;

/** What stands there for an infinite figure: the largest of all. */
const INFINITE = Number.MAX_VALUE;

type Row = Record<string, unknown>;

/**
 * Reads MLflow's database in SQLite, which is what it keeps runs in unless it is told otherwise. It is only read.
 * @param path an ordinary file; links are the caller's to refuse
 * @param absolute the same as an absolute path
 */
export function readMlflowDatabase(files: ToolFiles, path: string, absolute: string): RunsElsewhere {
  const found: RunsElsewhere = { runs: [], deleted: [], warnings: [], problems: [] };
  try {
    using database = openForReading(absolute);
    // Everything is read as it is at one moment, while MLflow may go on.
    database.exec('BEGIN');
    const why = unfit(database);
    if (why === undefined) readInto(found, database, { files, path, absolute });
    else found.problems.push(unreadable(path, '', why));
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
    found.problems.push(unreadable(path, '', `SQLite cannot read it: ${(error as Error).message}`));
  }
  return found;
}

/** Why a database is none of MLflow's that is known here. Views are no tables: what they would run is not looked at. */
function unfit(database: Database): string | undefined {
  const tables = database.prepare(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE TABLE%'",
  );
  const names = new Set(tables.all().map(({ name }) => name));
  if (!names.has('alembic_version') || !names.has('runs')) return 'it is no database of MLflow';
  const versions = database.prepare('SELECT * FROM alembic_version').all();
  const version = versions.map(({ version_num: number }) => String(number)).join(', ') || 'none';
  const columns = database.prepare('SELECT name FROM pragma_table_info(?)');
  const missing = Object.entries(NEEDED).flatMap(([table, needed]) => {
    const has = names.has(table) ? new Set(columns.all(table).map(({ name }) => name)) : new Set();
    return needed.filter((name) => !has.has(name)).map((name) => `${table}.${name}`);
  });
  if (missing.length === 0) return undefined;
  return `version ${version} of MLflow’s schema is not known: it has no ${missing.join(', ')}`;
}

function readInto(
  found: RunsElsewhere,
  database: Database,
  place: { files: ToolFiles; path: string; absolute: string },
): void {
  const { files, path, absolute } = place;
  const base = { directory: directoryOf(path), absolute: directoryOf(absolute) };
  const experiments = new Map(
    rowsOf(database, 'experiments', '*', 'experiment_id').map((row) => [row.experiment_id, row]),
  );
  const parts = {
    params: byRun(database, 'params', 'key'),
    tags: byRun(database, 'tags', 'key'),
    // In an order that is the same in every copy of the database: ids of runs depend on it.
    metrics: byRun(database, 'metrics', 'key, timestamp, step, value, is_nan'),
  };
  for (const row of rowsOf(database, 'runs', '*', 'run_uuid')) {
    const id = String(row.run_uuid);
    const before = found.problems.length;
    const wrong = (message: string) => found.problems.push(unreadable(path, `run ${id}`, message));
    const experiment = experiments.get(row.experiment_id);
    if (!/^[0-9a-f]{32}$/.test(id)) wrong(`run ${JSON.stringify(id)}: its id is not one of MLflow’s`);
    if (!experiment) wrong(`run ${id}: there is no experiment ${row.experiment_id}`);
    const run = runOf(row, id, groupOf(experiment ?? {}), parts, (message) => wrong(`run ${id}: ${message}`));
    if (found.problems.length > before) continue;
    if (row.lifecycle_stage === 'deleted' || experiment!.lifecycle_stage === 'deleted') {
      found.deleted.push(id);
      continue;
    }
    const { artifacts, warning } =
      typeof row.artifact_uri === 'string' && row.artifact_uri !== ''
        ? artifactsBeside(files, row.artifact_uri, id, base)
        : {};
    if (warning !== undefined) run.warnings.push(warning);
    found.runs.push({ ...run, ...(artifacts === undefined ? {} : { artifacts }) });
  }
}

/** Experiments are called the same in different workspaces only. */
function groupOf({ experiment_id: id, name, workspace }: Row): string {
  const called = typeof name === 'string' && name !== '' ? name : String(id);
  return typeof workspace === 'string' && workspace !== 'default' ? `${workspace}/${called}` : called;
}

function runOf(
  row: Row,
  id: string,
  group: string,
  parts: Record<'params' | 'tags' | 'metrics', ReadonlyMap<unknown, Row[]>>,
  wrong: (message: string) => void,
): RunElsewhere {
  const status = STATUSES[String(row.status)];
  const startedMs = timeOf(row.start_time);
  const finishedMs = timeOf(row.end_time);
  if (!status) wrong(`status ${JSON.stringify(String(row.status))} is none of MLflow’s`);
  if (startedMs === undefined) wrong('start_time is no time in milliseconds');
  if (row.end_time !== null && finishedMs === undefined) wrong('end_time is no time in milliseconds');
  const warnings: string[] = [];
  const named = (table: keyof typeof parts, kind: 'parameter' | 'tag' | 'metric') =>
    (parts[table].get(id) ?? []).flatMap((part) => {
      if (typeof part.key !== 'string') return wrong(`a ${kind} has no text as its name`) ?? [];
      const why = unnameable(kind, part.key);
      if (why === undefined) return [{ ...part, key: part.key }];
      if (!warnings.includes(why)) warnings.push(why);
      return [];
    });
  const texts = (table: 'params' | 'tags', kind: 'parameter' | 'tag') =>
    named(table, kind).flatMap(({ key, value }: { key: string; value?: unknown }): [string, string][] => {
      if (typeof value === 'string') return [[key, value]];
      // A tag may have none.
      if (value !== null || kind !== 'tag') wrong(`${kind} ${JSON.stringify(key)} is no text`);
      return [];
    });
  const points = named('metrics', 'metric').flatMap((part: Row & { key: string }): MetricPoint[] => {
    const [atMs, step] = [timeOf(part.timestamp), integerOf(part.step)];
    const value = part.is_nan ? Number.NaN : part.value;
    if (typeof value === 'number' && atMs !== undefined && step !== undefined)
      return [{ name: part.key, step, atMs, value: Math.abs(value) === INFINITE ? value * 2 : value }];
    wrong(`metric ${JSON.stringify(part.key)} has a value that is not one at a step and a time`);
    return [];
  });
  const tags = Object.fromEntries(texts('tags', 'tag'));
  return {
    id,
    group,
    status: status!,
    startedMs: startedMs!,
    ...(finishedMs === undefined ? {} : { finishedMs }),
    parameters: Object.fromEntries(
      texts('params', 'parameter').map(([key, value]) => [key, parameterOf(value)]),
    ),
    points,
    ...saidBy(tags, typeof row.name === 'string' ? row.name : ''),
    warnings,
  };
}

function byRun(database: Database, table: 'params' | 'tags' | 'metrics', order: string): Map<unknown, Row[]> {
  return Map.groupBy(rowsOf(database, table, NEEDED[table].join(), order), (row) => row.run_uuid);
}

/** Integers come as they are in the database: those of JavaScript may be too small for them. */
function rowsOf(database: Database, table: keyof typeof NEEDED, columns: string, order: string): Row[] {
  const statement = database.prepare(`SELECT ${columns} FROM "${table}" ORDER BY ${order}`);
  statement.setReadBigInts(true);
  return statement.all();
}

function integerOf(value: unknown): number | undefined {
  const number = typeof value === 'bigint' ? Number(value) : undefined;
  return Number.isSafeInteger(number) ? number : undefined;
}

function timeOf(value: unknown): number | undefined {
  const number = integerOf(value);
  return isTime(number) ? number : undefined;
}

function directoryOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '.' : path.slice(0, slash) || '/';
}
