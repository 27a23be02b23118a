import { type Finding, SameError } from '../../errors/same-error.ts';
import { TLS_MODES, type TlsMode } from '../../host/postgresql.ts';

/** Where a database is, as an address says it. */
export interface PostgresqlAddress {
  /** A name or an address, or the directory of a socket. */
  host: string;
  port: number;
  database: string;
  /** Without it the caller's. */
  user?: string;
  tls?: TlsMode;
  /** A PEM file. */
  rootCertificate?: string;
}

const SHAPE = 'write postgresql://USER@HOST[:PORT]/DATABASE[?sslmode=verify-full]';
const PORT = 5432;

/**
 * Reads `postgresql://[USER@]HOST[:PORT]/DATABASE[?sslmode=MODE&sslrootcert=FILE]`, or with `host=/DIRECTORY` of a socket
 * instead of HOST (spec SAME-RUN-120).
 * @throws SAME1814 with every problem; a password is one, and is not repeated
 */
export function parsePostgresqlAddress(text: string): PostgresqlAddress {
  const findings: Finding[] = [];
  const refuse = (message: string, hint = SHAPE) =>
    findings.push({ code: 'SAME1814', message, hint, clause: 'SAME-RUN-120' });
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['postgresql:', 'postgres:'].includes(url.protocol)) {
    // What is no address may still hold a password.
    refuse(
      text.includes('@')
        ? 'this is no address of PostgreSQL'
        : `${JSON.stringify(text)} is no address of PostgreSQL`,
    );
    throw new SameError(findings);
  }
  if (url.password !== '' || url.searchParams.has('password'))
    refuse(
      'the address has a password in it, and addresses are kept and shown',
      'leave it out: say PGPASSWORD where runs are told, or keep it in ~/.pgpass',
    );
  const { database, user, directory } = namesIn(url, refuse);
  const tls = url.searchParams.get('sslmode');
  if (tls !== null && !isTlsMode(tls))
    refuse(`sslmode is ${JSON.stringify(tls)}`, `modes: ${TLS_MODES.join(', ')}`);
  for (const name of new Set(url.searchParams.keys())) {
    if (!['sslmode', 'sslrootcert', 'host', 'password'].includes(name))
      refuse(`the address says ${name}, which is not used`, `${SHAPE}; sslrootcert=FILE is read too`);
    if (url.searchParams.getAll(name).length > 1) refuse(`the address says ${name} twice`);
  }
  if (url.hash !== '') refuse('the address has a # in it', `${SHAPE}; a # in a name is %23`);
  if (findings.length > 0) throw new SameError(findings);
  const rootCertificate = url.searchParams.get('sslrootcert');
  return {
    host: directory ?? url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? PORT : Number(url.port),
    database,
    ...(user === '' ? {} : { user }),
    ...(tls === null ? {} : { tls: tls as TlsMode }),
    ...(rootCertificate === null ? {} : { rootCertificate }),
  };
}

/** Whether a text is a mode of encryption. */
export function isTlsMode(text: string): text is TlsMode {
  return (TLS_MODES as readonly string[]).includes(text);
}

function namesIn(url: URL, refuse: (message: string, hint?: string) => void) {
  const directory = url.searchParams.get('host') ?? undefined;
  if (directory !== undefined && !directory.startsWith('/'))
    refuse('host= in an address is the directory of a socket, which begins with /');
  if (directory !== undefined && url.hostname !== '') refuse('the address names two hosts');
  if (directory === undefined && url.hostname === '') refuse('the address names no host');
  let [database, user] = ['', ''];
  try {
    database = decodeURIComponent(url.pathname.slice(1));
    user = decodeURIComponent(url.username);
  } catch {
    refuse('the address has a % that stands for nothing');
    return { database, user, directory };
  }
  if (database === '' || url.pathname.slice(1).includes('/')) refuse('the address names no database');
  return { database, user, directory };
}
