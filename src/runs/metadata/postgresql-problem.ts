import { SameError } from '../../errors/same-error.ts';
import { NO_PASSWORD } from '../../host/postgresql.ts';

/** What the server said, or the network did, when a database was asked. */
interface DatabaseProblem extends Error {
  /** An SQLSTATE, or how the system calls what went wrong. */
  code?: string;
  /** Only where the server said it. */
  severity?: string;
}

/** Where a problem comes up: its database and who asks it. */
export interface ProblemPlace {
  /** Without a password. */
  address: string;
  user: string;
  database: string;
}

const LATER = 'what is queued is told by: same deliver';

/** SQLSTATEs of what passes by itself: other transactions, restarts, too many at once. */
const PASSING = /^(?:08|40|53|57|55P03|25006|XX)/;

/** Whether asking again may help, at once or after a while. */
export function isPassing(error: unknown): boolean {
  const { code, severity } = error as DatabaseProblem;
  if (severity !== undefined) return PASSING.test(code ?? '');
  return code !== NO_PASSWORD && !isOfCertificate(error as DatabaseProblem);
}

/** Whether the server said that it is starting, full or has too much to do. */
export function isBusy(error: unknown): boolean {
  return (error as DatabaseProblem).severity !== undefined && isPassing(error);
}

/** Whether another transaction stood in the way, or the connection was cut: done again at once, it may well go through. */
export function isOfOthers(error: unknown): boolean {
  const { code = '', severity, message } = error as DatabaseProblem;
  if (severity !== undefined) return /^(?:40|57P0|08)/.test(code);
  return code === 'ECONNRESET' || code === 'EPIPE' || message.startsWith('Connection terminated');
}

/**
 * What happened to whom and what to do (spec SAME-RUN-122).
 * @returns SAME1811, SAME1812, or SAME1813 for what is told and cannot be kept
 */
export function postgresqlProblem(error: unknown, place: ProblemPlace): SameError {
  const problem = error as DatabaseProblem;
  const { code = '', severity, message } = problem;
  const { address, user, database } = place;
  const made = (to: 'SAME1811' | 'SAME1812' | 'SAME1813', what: string, hint: string) =>
    new SameError(
      { code: to, message: `${address}: ${what}`, place: address, hint, clause: 'SAME-RUN-122' },
      { cause: error, details: { passing: isPassing(error) } },
    );
  if (code === NO_PASSWORD)
    return made('SAME1812', message, `say PGPASSWORD, or keep the password of ${user} in ~/.pgpass`);
  if (severity === undefined) {
    if (isOfCertificate(problem))
      return made(
        'SAME1811',
        `its certificate is not trusted (${message})`,
        'name the authority that signed it: --ca FILE, or PGSSLROOTCERT',
      );
    if (/server does not support SSL/.test(message))
      return made('SAME1811', 'it does not encrypt connections', 'sslmode=prefer goes on without');
    return made('SAME1811', `it cannot be reached (${reasonOf(problem)})`, LATER);
  }
  const said = `${message} (SQLSTATE ${code})`;
  if (code === '28P01' || code.startsWith('28'))
    return made('SAME1812', said, `say another PGPASSWORD or ~/.pgpass of ${user}, or another user`);
  if (code === '3D000')
    return made('SAME1811', said, `make it: createdb ${database}; or name another one: same set store`);
  if (code === '42501')
    return made(
      'SAME1812',
      said,
      `let ${user} write: GRANT USAGE ON SCHEMA same, and SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA same; who sets the store first needs CREATE ON DATABASE ${database}`,
    );
  if (code === '25006') return made('SAME1811', said, 'name the server that is written, no copy of it');
  if (PASSING.test(code)) return made('SAME1811', said, LATER);
  if (/^(?:22|23|54)/.test(code))
    return made('SAME1813', `it refuses what it is told: ${said}`, 'the home has it all; see: same show run');
  return made('SAME1811', said, 'see what its tables are: the schema same is made and changed by same alone');
}

/** The same in words that do not change with the version of a library. */
function reasonOf({ code, message }: DatabaseProblem): string {
  if (message === 'timeout expired' || message === 'Query read timeout') return 'it does not answer in time';
  if (message.startsWith('Connection terminated')) return 'the connection was cut';
  return message === '' ? (code ?? 'no reason is known') : message;
}

function isOfCertificate({ code = '' }: DatabaseProblem): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS_/.test(code);
}
