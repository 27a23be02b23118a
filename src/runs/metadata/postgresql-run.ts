import type { PostgresqlConnection } from '../../host/postgresql.ts';
import { type JsonValue, stableText } from '../../program/json.ts';
import { foldName } from '../../program/name.ts';
import type { RunRow } from '../run-query.ts';
import { rowOf } from '../run-row.ts';
import type { ToldRun } from './metadata-store.ts';
import { cutNames, storableText, tableName } from './postgresql-text.ts';

/** Points that are sent at once. */
const BATCH = 5000;
/** Instants that have a year of four digits. */
const INSTANTS = [-62_135_596_800_000, 253_402_300_799_999] as const;

/** A run as its columns have it: a listing's row but for whose it is, which depends on who looks. */
export type ShownRun = Omit<RunRow, 'own'>;

/**
 * Puts a run and all that is told of it; what is there already and the same is left as it is (spec SAME-RUN-121).
 * @param connection within a transaction
 * @returns what could not be told as it is
 */
export async function putRun(connection: PostgresqlConnection, run: ToldRun): Promise<string[]> {
  const { record, tags, note } = run;
  const { own: _, ...row } = rowOf({ record, own: true }, tags);
  const [shown, whole] = [JSON.stringify(row), JSON.stringify(record)];
  const [known] = await connection.query<{ whole: boolean; same: boolean }>(
    `SELECT record = $2::jsonb AS whole, record = $2::jsonb AND shown = $3::jsonb AND note IS NOT DISTINCT FROM $4 AS same
      FROM same.runs WHERE id = $1 FOR UPDATE`,
    [record.id, whole, shown, note ?? null],
  );
  if (known?.same) return [];
  await putRow(connection, row, { shown, whole, note });
  await putTags(connection, row);
  const notes = cutNames('tag', Object.keys(row.tags));
  if (known?.whole) return notes;
  await putValues(connection, row);
  await putOutputs(connection, run);
  return [
    ...notes,
    ...(run.notes ?? []),
    ...cutNames('parameter', Object.keys(row.parameters)),
    ...cutNames('figure', Object.keys(row.metrics)),
    ...cutNames(
      'file',
      run.artifacts.map(({ path }) => path),
    ),
    ...(await putPoints(connection, run)),
  ];
}

async function putRow(
  connection: PostgresqlConnection,
  row: ShownRun,
  { shown, whole, note }: { shown: string; whole: string; note: string | undefined },
): Promise<void> {
  const columns: Record<string, unknown> = {
    id: row.id,
    display: row.display,
    program: row.program,
    program_folded: foldName(row.program),
    version: row.version,
    digest: row.digest,
    status: row.status,
    engine: row.engine,
    target: row.target,
    profile: row.profile ?? null,
    parent: row.parent ?? null,
    started_at: row.startedAt,
    finished_at: row.finishedAt ?? null,
    duration_ms: row.durationMs ?? null,
    note: note ?? null,
    shown,
    record: whole,
  };
  const names = Object.keys(columns);
  await connection.query(
    `INSERT INTO same.runs (${names.join(', ')}) VALUES (${names.map((_, n) => `$${n + 1}`).join(', ')})
      ON CONFLICT (id) DO UPDATE SET ${names.map((name) => `${name} = excluded.${name}`).join(', ')}`,
    Object.values(columns),
  );
}

async function putTags(connection: PostgresqlConnection, { id, tags }: ShownRun): Promise<void> {
  await connection.query('DELETE FROM same.tags WHERE run = $1', [id]);
  await connection.query('INSERT INTO same.tags SELECT $1, * FROM unnest($2::text[], $3::text[])', [
    id,
    Object.keys(tags).map(tableName),
    Object.values(tags),
  ]);
}

async function putValues(
  connection: PostgresqlConnection,
  { id, parameters, metrics }: ShownRun,
): Promise<void> {
  for (const table of ['parameters', 'metrics', 'outputs', 'points'])
    await connection.query(`DELETE FROM same.${table} WHERE run = $1`, [id]);
  const values = Object.values(parameters);
  await connection.query(
    `INSERT INTO same.parameters
      SELECT $1, * FROM unnest($2::text[], $3::jsonb[], $4::float8[], $5::text[], $6::text[])`,
    [
      id,
      Object.keys(parameters).map(tableName),
      values.map((value) => JSON.stringify(value)),
      values.map((value) => (typeof value === 'number' ? value : null)),
      values.map((value) => (typeof value === 'string' ? value : null)),
      values.map((value: JsonValue) =>
        typeof value === 'number' || typeof value === 'string' ? null : stableText(value),
      ),
    ],
  );
  await connection.query('INSERT INTO same.metrics SELECT $1, * FROM unnest($2::text[], $3::float8[])', [
    id,
    Object.keys(metrics).map(tableName),
    Object.values(metrics),
  ]);
}

async function putOutputs(connection: PostgresqlConnection, { record, artifacts }: ToldRun): Promise<void> {
  const known = new Map(artifacts.map(({ path, artifact }) => [tableName(path), artifact]));
  const of = [...known.values()];
  await connection.query(
    'INSERT INTO same.outputs SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::boolean[])',
    [
      record.id,
      [...known.keys()],
      of.map(({ digest }) => digest),
      of.map(({ sizeBytes }) => sizeBytes),
      of.map(({ executable }) => executable ?? false),
    ],
  );
}

async function putPoints(connection: PostgresqlConnection, run: ToldRun): Promise<string[]> {
  let count = 0;
  let timeless = 0;
  let [names, steps, ats, values, ofs]: [string[], number[], (string | null)[], number[], string[]] = [
    [],
    [],
    [],
    [],
    [],
  ];
  const send = async () => {
    if (names.length === 0) return;
    await connection.query(
      `INSERT INTO same.points (run, n, name, of_step, step, at, value)
        SELECT $1, $2 + n, name, of_step, step, at, value
        FROM unnest($3::text[], $4::text[], $5::float8[], $6::timestamptz[], $7::float8[])
          WITH ORDINALITY AS points(name, of_step, step, at, value, n)`,
      [run.record.id, count, names, ofs, steps, ats, values],
    );
    count += names.length;
    [names, steps, ats, values, ofs] = [[], [], [], [], []];
  };
  for await (const { name, of, step, atMs, value } of run.series()) {
    const isInstant = atMs >= INSTANTS[0] && atMs <= INSTANTS[1];
    if (!isInstant) timeless++;
    names.push(tableName(name));
    ofs.push(storableText(of));
    steps.push(step);
    ats.push(isInstant ? new Date(atMs).toISOString() : null);
    values.push(value);
    if (names.length === BATCH) await send();
  }
  await send();
  return timeless === 0 ? [] : [`${timeless} points of series have no time that a calendar knows`];
}
