import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get as getPlain, type IncomingMessage } from 'node:http';
import { get, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Certificates, makeCertificates } from './certificates.ts';
import { until } from './facts.ts';
import { launch, type RegistryKind } from './registry-kinds.ts';

export { missing } from './installed.ts';
export { unavailable } from './registry-kinds.ts';

/** A real OCI registry on this machine: with TLS, an own CA and basic auth, or with plain HTTP and open to all. */
export interface Registry {
  /** `localhost:PORT`, what stands in a reference before the first slash. */
  host: string;
  user: string;
  password: string;
  /** The certificate of the server's own CA; of no use with plain HTTP. */
  caFile: string;
  /** A directory with nothing but that certificate, named `ca.crt`. */
  caDirectory: string;
  /** Where what it stores is; it forgets what is removed there, as long as it is Debian's. */
  dataDirectory: string;
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

/** Starts a registry on a port that the system chooses: Debian's with TLS and a login unless told otherwise. */
export async function startRegistry(
  options: { kind?: RegistryKind; plainHttp?: boolean; certificates?: Certificates } = {},
): Promise<Registry> {
  const { kind = 'docker-registry', plainHttp = false } = options;
  const directory = mkdtempSync(join(tmpdir(), 'registry-'));
  const at = (name: string): string => join(directory, name);
  for (const name of ['data', 'ca']) mkdirSync(at(name));
  const tls = plainHttp ? undefined : (options.certificates ?? makeCertificates(directory));
  if (tls) writeFileSync(at('ca/ca.crt'), readFileSync(tls.caFile));
  writeFileSync(at('htpasswd'), HTPASSWD);
  const login = { user: USER, password: PASSWORD, htpasswd: at('htpasswd') };
  const { command, words, input, listening, file } = launch(kind, {
    directory,
    ...(tls ? { tls, login } : {}),
  });
  if (file) writeFileSync(file.path, file.text);
  const log = openSync(at('log'), 'w');
  const child = spawn(command, words, {
    stdio: [input === undefined ? 'ignore' : 'pipe', log, log],
    // OTEL_ and REGISTRY_ variables of the user would change the configuration.
    env: { PATH: process.env.PATH },
  });
  closeSync(log);
  child.on('error', () => {});
  child.stdin?.on('error', () => {}).write(input);
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
        port = listening.exec(told())?.[1];
        return port !== undefined || !running();
      },
      READY_TIMEOUT_MS,
    );
    if (port === undefined) throw new Error('it ended');
  } catch (error) {
    const log = told();
    await dispose();
    throw new Error(`${kind} did not start: ${(error as Error).message}\n${log}`);
  }
  const asking: RequestOptions = {
    host: 'localhost',
    port,
    ...(tls ? { ca: readFileSync(tls.caFile) } : {}),
    agent: false,
    timeout: ANSWER_TIMEOUT_MS,
    headers: { accept: MANIFESTS },
  };
  return {
    host: `localhost:${port}`,
    user: USER,
    password: PASSWORD,
    caFile: tls?.caFile ?? '',
    caDirectory: at('ca'),
    dataDirectory: at('data'),
    get: (path, { anonymous = false } = {}) =>
      answer(tls ? get : getPlain, {
        ...asking,
        path: `/v2/${path}`,
        ...(anonymous || !tls ? {} : { auth: `${USER}:${PASSWORD}` }),
      }),
    dispose,
  };
}

async function stopped(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await ended;
  clearTimeout(late);
}

type Get = (options: RequestOptions, then: (response: IncomingMessage) => void) => ReturnType<typeof get>;

function answer(ask: Get, options: RequestOptions): Promise<Answer> {
  return new Promise((done, fail) => {
    const request = ask(options, (response) => {
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
