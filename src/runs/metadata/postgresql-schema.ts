import { SameError } from '../../errors/same-error.ts';
import type { PostgresqlConnection } from '../../host/postgresql.ts';

/** The version of the tables that this version of the tool makes and writes (spec SAME-RUN-121). */
export const SCHEMA_VERSION = 1;

/** Tables that runs are told to, all of the schema `same`. */
export const TABLES = ['programs', 'runs', 'parameters', 'metrics', 'points', 'tags', 'outputs'] as const;

/** One at a time makes the tables: two who do it at once would both find none. */
const MAKING = 7_265_776_101;

const TEXT = 'text COLLATE "C"';
const RUN = 'run text COLLATE "C" NOT NULL REFERENCES same.runs ON DELETE CASCADE';

/** Texts are compared by code points whatever the database's language is, as the home compares them. */
const STATEMENTS = `
CREATE SCHEMA IF NOT EXISTS same;
CREATE TABLE same.version (version integer NOT NULL);
CREATE TABLE same.programs (
  name ${TEXT} NOT NULL, version ${TEXT} NOT NULL, digest ${TEXT} NOT NULL, created_at timestamptz NOT NULL,
  PRIMARY KEY (name, version, digest));
CREATE TABLE same.runs (
  id ${TEXT} PRIMARY KEY, display ${TEXT} NOT NULL, program ${TEXT} NOT NULL, program_folded ${TEXT} NOT NULL,
  version ${TEXT} NOT NULL, digest ${TEXT} NOT NULL, status ${TEXT} NOT NULL, engine ${TEXT} NOT NULL,
  target ${TEXT} NOT NULL, profile ${TEXT}, parent ${TEXT}, started_at timestamptz NOT NULL, finished_at timestamptz,
  duration_ms double precision, note text, shown jsonb NOT NULL, record jsonb NOT NULL);
CREATE INDEX ON same.runs (program_folded, version);
CREATE TABLE same.parameters (
  ${RUN}, name ${TEXT} NOT NULL, value jsonb NOT NULL, number double precision, text ${TEXT}, other ${TEXT},
  PRIMARY KEY (run, name));
CREATE INDEX ON same.parameters (name, number);
CREATE TABLE same.metrics (${RUN}, name ${TEXT} NOT NULL, value double precision NOT NULL, PRIMARY KEY (run, name));
CREATE INDEX ON same.metrics (name, value);
CREATE TABLE same.points (
  ${RUN}, n integer NOT NULL, name ${TEXT} NOT NULL, of_step ${TEXT} NOT NULL, step double precision NOT NULL,
  at timestamptz, value double precision NOT NULL, PRIMARY KEY (run, n));
CREATE TABLE same.tags (${RUN}, name ${TEXT} NOT NULL, value ${TEXT} NOT NULL, PRIMARY KEY (run, name));
CREATE TABLE same.outputs (
  ${RUN}, path ${TEXT} NOT NULL, digest ${TEXT} NOT NULL, size_bytes bigint NOT NULL, executable boolean NOT NULL,
  PRIMARY KEY (run, path));
INSERT INTO same.version VALUES (${SCHEMA_VERSION});
`;

/**
 * The version of the tables that are there; undefined where there are none.
 * @param shown the address, for messages
 * @throws SAME1811 a later version of the tool made them · the client's error
 */
export async function schemaVersion(
  connection: PostgresqlConnection,
  shown: string,
): Promise<number | undefined> {
  const [found] = await connection.query<{ there: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = 'same' AND c.relname = 'version') AS there`,
  );
  if (!found?.there) return undefined;
  const [row] = await connection.query<{ version: number }>(
    'SELECT max(version) AS version FROM same.version',
  );
  const version = row?.version;
  if (version === SCHEMA_VERSION) return version;
  throw new SameError({
    code: 'SAME1811',
    message: `${shown}: its tables are of version ${version ?? 'none'}, and this version of same knows version ${SCHEMA_VERSION}`,
    place: shown,
    hint: 'install the version of same that the others of your team use',
    clause: 'SAME-RUN-121',
  });
}

/** Makes the tables where they are not there; within a transaction. @throws like {@link schemaVersion} */
export async function makeSchema(connection: PostgresqlConnection, shown: string): Promise<void> {
  if ((await schemaVersion(connection, shown)) !== undefined) return;
  await connection.query(`SELECT pg_advisory_xact_lock(${MAKING})`);
  if ((await schemaVersion(connection, shown)) === undefined) await connection.query(STATEMENTS);
}
