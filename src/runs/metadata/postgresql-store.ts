import { SameError } from '../../errors/same-error.ts';
import type { PostgresqlConnection } from '../../host/postgresql.ts';
import type {
  MetadataStore,
  MetadataStoreAddress,
  MetadataSurroundings,
  Told,
  ToldRun,
} from './metadata-store.ts';
import { putRun } from './postgresql-run.ts';
import { makeSchema, TABLES } from './postgresql-schema.ts';
import { openPostgresqlSession, type PostgresqlSession } from './postgresql-session.ts';
import { storable } from './postgresql-text.ts';

/**
 * The tables of a team in a database of PostgreSQL (spec SAME-RUN-120 to 123). Each program and each run is told in one
 * transaction; the tables are made when something is first told or the store is looked at.
 * @throws SAME1814 · SAME1805
 */
export function openPostgresqlStore(
  address: MetadataStoreAddress,
  surroundings: MetadataSurroundings,
): MetadataStore {
  const session = openPostgresqlSession(address, surroundings);
  let isMade = false;
  const within = async <Result>(work: (connection: PostgresqlConnection) => Promise<Result>) => {
    if (!isMade) await session.within('write', (connection) => prepared(connection, session));
    isMade = true;
    return session.within('write', work);
  };
  return {
    check: () => within((connection) => checkRights(connection, session)),
    async tellProgram({ name, version, digest, createdAt }) {
      await within((connection) =>
        connection.query(
          'INSERT INTO same.programs VALUES ($1, $2, $3, $4) ON CONFLICT (name, version, digest) DO NOTHING',
          [name, version, digest, createdAt],
        ),
      );
      return { notes: [] };
    },
    async tellRun(run) {
      const { run: told, notes } = heldRun(run);
      const more = await within((connection) => putRun(connection, told));
      return { notes: [...notes, ...more] };
    },
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

/** A database in another encoding could hold only some texts, and would order them otherwise. */
async function prepared(connection: PostgresqlConnection, { place }: PostgresqlSession): Promise<void> {
  const [is] = await connection.query<{ encoding: string }>(
    "SELECT current_setting('server_encoding') AS encoding",
  );
  if (is?.encoding !== 'UTF8') {
    throw new SameError({
      code: 'SAME1811',
      message: `${place.address}: the database is kept as ${is?.encoding}, and runs have texts of every kind`,
      place: place.address,
      hint: 'make one as UTF8: createdb --encoding UTF8 --template template0 NAME; then set it: same set store',
      clause: 'SAME-RUN-121',
    });
  }
  await makeSchema(connection, place.address);
}

async function checkRights(connection: PostgresqlConnection, { place }: PostgresqlSession): Promise<void> {
  const lacking = await connection.query<{ lack: string }>(
    `SELECT lower(p) || ' ' || t AS lack FROM unnest($1::text[]) t, unnest($2::text[]) p
      WHERE NOT has_table_privilege('same.' || t, p)`,
    [TABLES, ['SELECT', 'INSERT', 'UPDATE', 'DELETE']],
  );
  if (lacking.length === 0) return;
  throw new SameError({
    code: 'SAME1812',
    message: `${place.address}: ${place.user} may not ${lacking.map(({ lack }) => lack).join(', ')}`,
    place: place.address,
    hint: `let ${place.user} write: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA same`,
    clause: 'SAME-RUN-122',
  });
}

/** A run whose texts a database can hold, and what had to be changed for it. */
function heldRun(run: ToldRun): { run: ToldRun } & Told {
  const { value, changed } = storable({ record: run.record, tags: run.tags, note: run.note });
  if (changed.length === 0) return { run, notes: [] };
  return {
    run: { ...run, ...value },
    notes: changed.map((path) => `${path}: a character that PostgreSQL cannot hold is told as U+FFFD`),
  };
}
