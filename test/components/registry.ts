import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates } from './certificates.ts';
import { until } from './facts.ts';

/** A real OCI registry on this machine: Debian's docker-registry with TLS, an own CA and basic auth. */
export interface Registry {
  /** `localhost:PORT`, what stands in a reference before the first slash. */
  host: string;
  user: string;
  password: string;
  /** The certificate of the server's own CA. */
  caFile: string;
  /** A directory with nothing but that certificate, named `ca.crt`. */
  caDirectory: string;
  /** Asks for a path below `/v2/`, with the login unless `anonymous`. Every media type is accepted as it is stored. */
  get(path: string, options?: { anonymous?: boolean }): Promise<Answer>;
  /** Stops the server and removes everything it stored. */
  dispose(): Promise<void>;
}

/** What the registry answered. */
export interface Answer {
  status: number;
  /** `docker-content-digest`, where the registry gives one. */
  digest?: string;
  body: Buffer;
}

const READY_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 10_000;
const USER = 'user';
const PASSWORD = 's3cret';
/** `htpasswd -Bbn user s3cret`: docker-registry takes bcrypt only, which openssl does not make. */
const HTPASSWD = `${USER}:$2b$04$5FnPTd6lnIAlLUbT44Q4quid7UTlVSGUA9NxJOSo0j6PFyXanvfTG\n`;
const MANIFESTS = 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json';

/** Why the registry cannot run on this machine, or undefined when it can. Nothing is left out under CI. */
export function unavailable(): string | undefined {
  return process.env.CI ? undefined : missing('docker-registry', 'openssl');
}

/** Which of some commands are not on this machine, as a sentence, or undefined when all are. */
export function missing(...commands: string[]): string | undefined {
  const absent = commands.filter((name) => {
    try {
      execFileSync('sh', ['-c', 'command -v "$0"', name], { stdio: 'ignore' });
      return false;
    } catch {
      return true;
    }
  });
  return absent.length > 0 ? `not on this machine: ${absent.join(', ')}` : undefined;
}

/** Starts the registry on a port that the system chooses. */
export async function startRegistry(): Promise<Registry> {
  const directory = mkdtempSync(join(tmpdir(), 'registry-'));
  const at = (name: string): string => join(directory, name);
  for (const name of ['data', 'ca']) mkdirSync(at(name));
  const certificates = makeCertificates(directory);
  writeFileSync(at('ca/ca.crt'), readFileSync(certificates.caFile));
  writeFileSync(at('htpasswd'), HTPASSWD);
  writeFileSync(at('config.json'), JSON.stringify(configuration(directory, certificates)));
  const log = openSync(at('log'), 'w');
  const child = spawn('docker-registry', ['serve', at('config.json')], {
    stdio: ['ignore', log, log],
    // OTEL_ and REGISTRY_ variables of the user would change the configuration.
    env: { PATH: process.env.PATH },
  });
  closeSync(log);
  child.on('error', () => {});
  const running = (): boolean =>
    child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  const stopNow = (): void => {
    if (running()) child.kill('SIGKILL');
  };
  process.once('exit', stopNow);
  const dispose = async (): Promise<void> => {
    if (running()) await stopped(child);
    process.removeListener('exit', stopNow);
    rmSync(directory, { recursive: true, force: true });
  };
  const told = (): string => readFileSync(at('log'), 'utf8');
  let port: string | undefined;
  try {
    await until(
      'the registry listens',
      () => {
        port = /listening on 127\.0\.0\.1:(\d+), tls/.exec(told())?.[1];
        return port !== undefined || !running();
      },
      READY_TIMEOUT_MS,
    );
    if (port === undefined) throw new Error('it ended');
  } catch (error) {
    const log = told();
    await dispose();
    throw new Error(`the registry did not start: ${(error as Error).message}\n${log}`);
  }
  const options: RequestOptions = {
    host: 'localhost',
    port,
    ca: readFileSync(certificates.caFile),
    agent: false,
    timeout: ANSWER_TIMEOUT_MS,
    headers: { accept: MANIFESTS },
  };
  return {
    host: `localhost:${port}`,
    user: USER,
    password: PASSWORD,
    caFile: certificates.caFile,
    caDirectory: at('ca'),
    get: (path, { anonymous = false } = {}) =>
      answer({ ...options, path: `/v2/${path}`, ...(anonymous ? {} : { auth: `${USER}:${PASSWORD}` }) }),
    dispose,
  };
}

function configuration(
  directory: string,
  { certificateFile, keyFile }: { certificateFile: string; keyFile: string },
): unknown {
  return {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(directory, 'data') }, delete: { enabled: true } },
    http: {
      addr: '127.0.0.1:0',
      secret: 'of these tests',
      tls: { certificate: certificateFile, key: keyFile },
    },
    auth: { htpasswd: { realm: 'tests', path: join(directory, 'htpasswd') } },
  };
}

async function stopped(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await ended;
  clearTimeout(late);
}

function answer(options: RequestOptions): Promise<Answer> {
  return new Promise((done, fail) => {
    const request = get(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', fail);
      response.on('end', () => {
        const digest = response.headers['docker-content-digest'];
        done({
          status: response.statusCode!,
          ...(typeof digest === 'string' ? { digest } : {}),
          body: Buffer.concat(chunks),
        });
      });
    });
    request.on('timeout', () => request.destroy(new Error(`no answer in ${ANSWER_TIMEOUT_MS} ms`)));
    request.on('error', fail);
  });
}
