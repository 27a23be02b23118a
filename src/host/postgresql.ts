import { Client, type ClientConfig } from 'pg';
import pgpass from 'pgpass';

/** How a connection is encrypted, as PostgreSQL's own clients call it. */
export const TLS_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

/** One of {@link TLS_MODES}. */
export type TlsMode = (typeof TLS_MODES)[number];

/** Where a database is and how it is asked. */
export interface PostgresqlOptions {
  /** A name or an address, or the directory of a socket. */
  host: string;
  port: number;
  database: string;
  user: string;
  /** Without it the file is asked that PGPASSFILE names, or `~/.pgpass`. */
  password?: string;
  tls: TlsMode;
  /** PEM texts of the authorities that vouch for servers. */
  authorities?: string[];
  connectMs: number;
  /** How long one question may take before the connection is given up. */
  queryMs: number;
  /** Cuts the connection. */
  signal?: AbortSignal;
}

/** A connection to a database. */
export interface PostgresqlConnection {
  /**
   * The rows that one statement gives. Lists are given as arrays, JSON as its text.
   * @throws the client's error: with `code`, the SQLSTATE, where the server said it
   */
  query<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  readonly isOpen: boolean;
  /** Ends it, in bounded time. */
  close(): Promise<void>;
}

/** Nobody has said a password that the server asks for. */
export const NO_PASSWORD = 'NO_PASSWORD';

const CLOSE_MS = 1000;

const failures = new WeakSet<object>();

/** Whether an error is one of a database or of the way to it, and not of what was done between two questions. */
export function isPostgresqlError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && failures.has(error);
}

function failed(error: unknown): unknown {
  if (typeof error === 'object' && error !== null) failures.add(error);
  return error;
}

/** Connects to a database. @throws the client's, the network's or TLS's error */
export async function connectPostgresql(options: PostgresqlOptions): Promise<PostgresqlConnection> {
  const [first, second] = attempts(options);
  try {
    return await connect(options, first!);
  } catch (error) {
    if (second === undefined || !(second ? isUnencrypted(error) : isWithoutTls(error))) throw error;
    return await connect(options, second);
  }
}

/** Whether TLS is tried, and what then. */
function attempts({ host, tls }: PostgresqlOptions): boolean[] {
  if (host.startsWith('/') || tls === 'disable') return [false];
  if (tls === 'allow') return [false, true];
  return tls === 'prefer' ? [true, false] : [true];
}

function isWithoutTls(error: unknown): boolean {
  return /server does not support SSL/.test((error as Error).message);
}

function isUnencrypted(error: unknown): boolean {
  return (error as { code?: string }).code === '28000';
}

async function connect(options: PostgresqlOptions, isEncrypted: boolean): Promise<PostgresqlConnection> {
  const { host, port, database, user, signal, connectMs, queryMs } = options;
  const client = new Client({
    host,
    port,
    database,
    user,
    password: () => passwordOf(options),
    ssl: isEncrypted ? tlsOf(options) : false,
    connectionTimeoutMillis: connectMs,
    query_timeout: queryMs,
    keepAlive: true,
    application_name: 'same',
  });
  let isOpen = false;
  // Without a listener a connection that is cut between two questions would end the process.
  client.on('error', () => {
    isOpen = false;
  });
  client.on('end', () => {
    isOpen = false;
  });
  const cut = () => {
    isOpen = false;
    streamOf(client).destroy();
  };
  signal?.throwIfAborted();
  signal?.addEventListener('abort', cut);
  try {
    await client.connect();
    isOpen = true;
  } catch (error) {
    signal?.removeEventListener('abort', cut);
    cut();
    throw failed(error);
  }
  return {
    async query<Row>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
      try {
        // Without values several statements may be sent at once.
        const answer = await (values.length === 0 ? client.query(sql) : client.query(sql, [...values]));
        return answer.rows as Row[];
      } catch (error) {
        // What the server said leaves the connection as it is; after all else nobody knows what it still answers.
        if ((error as { severity?: string }).severity === undefined) cut();
        throw failed(error);
      }
    },
    get isOpen() {
      return isOpen;
    },
    async close() {
      signal?.removeEventListener('abort', cut);
      if (!isOpen) return;
      isOpen = false;
      const timer = setTimeout(cut, CLOSE_MS);
      await client.end().catch(() => {});
      clearTimeout(timer);
    },
  };
}

function tlsOf({ tls, authorities }: PostgresqlOptions): ClientConfig['ssl'] {
  const ca = authorities === undefined ? {} : { ca: authorities };
  if (tls === 'verify-full') return { ...ca };
  if (tls === 'verify-ca') return { ...ca, checkServerIdentity: () => undefined };
  return { rejectUnauthorized: false };
}

async function passwordOf(options: PostgresqlOptions): Promise<string> {
  const { host, port, database, user } = options;
  const found =
    options.password ??
    (await new Promise<string | undefined>((done) => {
      // The file calls the machine itself so.
      pgpass({ host: host.startsWith('/') ? 'localhost' : host, port, database, user }, done);
    }));
  if (found === undefined)
    throw Object.assign(new Error('the server asks for a password, and none is said'), { code: NO_PASSWORD });
  return found;
}

function streamOf(client: Client): { destroy(): void } {
  return (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream;
}
