import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates } from './certificates.ts';
import { freePort } from './free-port.ts';

/** A real PostgreSQL on this machine, of which `admin` is the superuser. */
export interface Postgresql {
  port: number;
  /** The directory of its socket, at which nobody needs a password. */
  directory: string;
  /** Of `admin`, at the port. */
  password: string;
  /** The authority that vouches for the server, where it speaks TLS. */
  caFile: string;
  /** What a second client, `psql`, prints for a statement: values alone, one row a line, with `|` between. */
  psql(database: string, sql: string): string;
  /** Makes an empty database. @returns its address with a user, without a password */
  database(name: string, user?: string): string;
  stop(mode?: 'fast' | 'immediate'): void;
  start(): void;
  /** Stops it and removes everything. */
  dispose(): void;
}

/** Why there is no server on this machine, or undefined where there is one. */
export function unavailable(): string | undefined {
  return process.env.CI || programs() ? undefined : 'not on this machine: PostgreSQL';
}

/** Starts a server on a free port, with a cluster of its own, in UTF-8. */
export async function startPostgresql(options: { tls?: boolean } = {}): Promise<Postgresql> {
  const bin = programs();
  if (!bin) throw new Error('PostgreSQL is not on this machine');
  const directory = mkdtempSync(join(tmpdir(), 'same-pg-'));
  const owner = ownerOf();
  const data = join(directory, 'data');
  const password = 'correct horse';
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, password);
  const caFile = options.tls ? tlsIn(directory, owner) : '';
  for (const path of [directory, passwordFile]) if (owner) chownSync(path, owner.uid, owner.gid);
  // Its server does not run as root.
  const run = (name: string, ...words: string[]): void => {
    const command = [join(bin, name), ...words];
    const [first, ...rest] = owner ? ['runuser', '-u', 'postgres', '--', ...command] : command;
    execFileSync(first!, rest, { stdio: ['ignore', 'ignore', 'pipe'], cwd: directory, timeout: 60_000 });
  };
  const port = await freePort();
  const server = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: directory,
    fsync: 'off',
    shared_buffers: '16MB',
    ssl: options.tls ? 'on' : 'off',
    ssl_cert_file: join(directory, 'server.crt'),
    ssl_key_file: join(directory, 'server.key'),
  };
  const words = Object.entries(server).map(([name, value]) => `-c ${name}=${value}`);
  const start = (): void =>
    run('pg_ctl', '-w', '-t', '30', '-D', data, '-l', join(directory, 'log'), '-o', words.join(' '), 'start');
  const isRunning = (): boolean => existsSync(join(data, 'postmaster.pid'));
  const stop = (mode: 'fast' | 'immediate' = 'fast'): void => {
    if (isRunning()) run('pg_ctl', '-w', '-t', '30', '-D', data, '-m', mode, 'stop');
  };
  const stopNow = (): void => stop('immediate');
  process.once('exit', stopNow);
  const dispose = (): void => {
    stop('immediate');
    process.removeListener('exit', stopNow);
    rmSync(directory, { recursive: true, force: true });
  };
  const logins = ['--auth-local=trust', '--auth-host=scram-sha-256'];
  try {
    run(
      'initdb',
      '-D',
      data,
      '-U',
      'admin',
      `--pwfile=${passwordFile}`,
      ...logins,
      '-E',
      'UTF8',
      '--locale=C',
      '-N',
    );
    start();
  } catch (error) {
    const log = join(directory, 'log');
    const told = existsSync(log) ? readFileSync(log, 'utf8') : '';
    dispose();
    throw new Error(`PostgreSQL did not start: ${(error as Error).message}\n${told}`);
  }
  const psql = (database: string, sql: string): string =>
    execFileSync(
      join(bin, 'psql'),
      [
        '-X',
        '-q',
        '-A',
        '-t',
        '-v',
        'ON_ERROR_STOP=1',
        '-h',
        directory,
        '-p',
        String(port),
        '-U',
        'admin',
        database,
      ],
      { input: sql, encoding: 'utf8', stdio: 'pipe', env: { PGTZ: 'UTC' } },
    ).trimEnd();
  return {
    port,
    directory,
    password,
    caFile,
    psql,
    database(name, user = 'admin') {
      psql('postgres', `CREATE DATABASE "${name}"`);
      return `postgresql://${user}@127.0.0.1:${port}/${name}`;
    },
    stop,
    start,
    dispose,
  };
}

/** Debian keeps its programs off the PATH, a directory for each version. */
function programs(): string | undefined {
  const found = globSync('/usr/lib/postgresql/*/bin/initdb').sort().at(-1);
  return found?.slice(0, -'/initdb'.length);
}

function ownerOf(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (word: string): number => Number(execFileSync('id', [word, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function tlsIn(directory: string, owner: { uid: number; gid: number } | undefined): string {
  const { caFile, certificateFile, keyFile } = makeCertificates(directory);
  chmodSync(keyFile, 0o600);
  for (const path of [certificateFile, keyFile]) if (owner) chownSync(path, owner.uid, owner.gid);
  return caFile;
}
