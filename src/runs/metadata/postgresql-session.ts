import { SameError } from '../../errors/same-error.ts';
import { readCertificates, trusted } from '../../host/certificates.ts';
import { sleep } from '../../host/clock.ts';
import { existsSync, join } from '../../host/files.ts';
import { homeDirectory, userName } from '../../host/machine.ts';
import {
  connectPostgresql,
  isPostgresqlError,
  type PostgresqlConnection,
  type PostgresqlOptions,
  type TlsMode,
} from '../../host/postgresql.ts';
import type { MetadataStoreAddress, MetadataSurroundings } from './metadata-store.ts';
import { isTlsMode, parsePostgresqlAddress } from './postgresql-address.ts';
import { isBusy, isOfOthers, type ProblemPlace, postgresqlProblem } from './postgresql-problem.ts';

const CONNECT_MS = 5000;
/** Longer than the server is given, so that it is the one who says so. */
const QUERY_MS = 90_000;
/** How often it is tried again at once where others stood in the way. */
const AGAIN = 3;
/** Most that is waited before. */
const PAUSE_MS = 200;
/** Half of what is waited at most before the second try, doubled for each further one. */
const BUSY_MS = 500;

/** Within a transaction alone, so that a pool of connections does not hand them on to others. */
const SETTINGS = `SET LOCAL search_path = pg_catalog; SET LOCAL statement_timeout = '60s';
  SET LOCAL lock_timeout = '20s'; SET LOCAL idle_in_transaction_session_timeout = '60s'`;

/** What a transaction is for: to write, or to read what is all of one moment. */
export type TransactionKind = 'write' | 'read';

/** A database that is asked in transactions; it is connected to when it is first needed, and again after a cut. */
export interface PostgresqlSession extends AsyncDisposable {
  /** The address as it is shown. */
  readonly place: ProblemPlace;
  /**
   * All of it, or nothing. It is done again from its start where others stood in the way, and by the patient where the
   * server is busy.
   * @throws SAME1811, SAME1812, SAME1813, SAME1903; what `work` throws of its own
   */
  within<Result>(
    kind: TransactionKind,
    work: (connection: PostgresqlConnection) => Promise<Result>,
  ): Promise<Result>;
}

/**
 * The database at an address, by the login that PGPASSWORD, PGPASSFILE, PGUSER, PGSSLMODE and PGSSLROOTCERT say.
 * @throws SAME1814 it cannot be the address of one · SAME1805 its authorities cannot be read
 */
export function openPostgresqlSession(
  address: MetadataStoreAddress,
  surroundings: MetadataSurroundings,
): PostgresqlSession {
  const options = optionsOf(address, surroundings);
  const { signal, isPatient, progress } = surroundings;
  const place = { address: address.address, user: options.user, database: options.database };
  let open: PostgresqlConnection | undefined;

  const once = async <Result>(
    kind: TransactionKind,
    work: (connection: PostgresqlConnection) => Promise<Result>,
  ): Promise<Result> => {
    if (!open?.isOpen) open = await connectPostgresql(options);
    const connection = open;
    const mode = kind === 'read' ? ' ISOLATION LEVEL REPEATABLE READ, READ ONLY' : '';
    try {
      await connection.query(`BEGIN${mode}; ${SETTINGS}`);
      const result = await work(connection);
      await connection.query('COMMIT');
      return result;
    } catch (error) {
      if (connection.isOpen) await connection.query('ROLLBACK').catch(() => {});
      throw error;
    }
  };

  return {
    place,
    async within(kind, work) {
      for (let tries = 1; ; tries++) {
        try {
          signal.throwIfAborted();
          return await once(kind, work);
        } catch (error) {
          if (signal.aborted) throw interrupted(place, error);
          if (!isPostgresqlError(error)) throw error;
          const isWorthWaiting = isPatient && isBusy(error);
          if (!(isOfOthers(error) || isWorthWaiting) || tries > AGAIN) throw postgresqlProblem(error, place);
          if (isWorthWaiting) progress(`${place.address} is busy; waiting for it`);
          // By chance, so that two who met do not meet again.
          const mostMs = isWorthWaiting ? BUSY_MS * 2 ** tries : PAUSE_MS;
          await sleep(mostMs * (0.5 + Math.random() / 2), signal).catch(() => {});
        }
      }
    },
    async [Symbol.asyncDispose]() {
      await open?.close();
    },
  };
}

function interrupted({ address }: ProblemPlace, cause: unknown): SameError {
  return new SameError({ code: 'SAME1903', message: `interrupted while ${address} was asked` }, { cause });
}

function optionsOf(
  { address, caFile }: MetadataStoreAddress,
  { variables, signal }: MetadataSurroundings,
): PostgresqlOptions {
  const { host, port, database, user, tls, rootCertificate } = parsePostgresqlAddress(address);
  const usual = join(variables.HOME || homeDirectory(), '.postgresql', 'root.crt');
  const file = rootCertificate ?? (variables.PGSSLROOTCERT || (existsSync(usual) ? usual : 'system'));
  const said = tls ?? modeOf(variables) ?? (caFile === undefined ? 'prefer' : 'verify-full');
  return {
    host,
    port,
    database,
    user: user ?? (variables.PGUSER || userName()),
    ...(variables.PGPASSWORD ? { password: variables.PGPASSWORD } : {}),
    // As PostgreSQL's own clients do: who keeps an authority wants it asked.
    tls: said === 'require' && (file !== 'system' || caFile !== undefined) ? 'verify-ca' : said,
    authorities: [
      ...(file === 'system' ? trusted() : [readCertificates(file)]),
      ...(caFile === undefined ? [] : [readCertificates(caFile)]),
    ],
    connectMs: CONNECT_MS,
    queryMs: QUERY_MS,
    signal,
  };
}

/** @throws SAME1814 */
function modeOf({ PGSSLMODE: mode }: Readonly<Record<string, string>>): TlsMode | undefined {
  if (!mode) return undefined;
  if (isTlsMode(mode)) return mode;
  throw new SameError({
    code: 'SAME1814',
    message: `PGSSLMODE is ${JSON.stringify(mode)}`,
    place: 'PGSSLMODE',
    hint: 'modes: disable, allow, prefer, require, verify-ca, verify-full',
    clause: 'SAME-RUN-120',
  });
}
