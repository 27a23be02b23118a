import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { makeCertificates } from './certificates.ts';
import { freePort } from './free-port.ts';

/** A real git server over HTTPS on this machine: nginx, fcgiwrap and git http-backend. */
export interface GitHttps {
  /** `https://localhost:PORT`, without a slash at the end. */
  url: string;
  /** The certificate of the server's own CA. */
  caFile: string;
  /** Bare repositories go here: `ORG/REPO.git` is served as `/ORG/REPO` and `/ORG/REPO.git`, below `/strict` only as the latter. */
  repositories: string;
  /** Static files go here, served below `/files/`. */
  files: string;
  /** What was asked for so far, one line each. */
  requests(): string[];
  /** Stops the server and removes everything. */
  dispose(): Promise<void>;
}

const READY_TIMEOUT_MS = 10_000;
const POLL_MS = 20;

/** Why the server cannot run on this machine, or undefined when it can. */
export function unavailable(): string | undefined {
  if (process.env.CI) return undefined;
  const missing = ['nginx', 'fcgiwrap', 'openssl', 'git'].filter((name) => !commandPath(name));
  if (!existsSync(backend())) missing.push('git http-backend');
  return missing.length > 0 ? `not on this machine: ${missing.join(', ')}` : undefined;
}

/** Starts the server on a free port; with `login`, every request needs that user and password. */
export async function startGitHttps(
  options: { login?: { user: string; password: string } } = {},
): Promise<GitHttps> {
  const directory = mkdtempSync(join(tmpdir(), 'git-https-'));
  for (const name of ['repositories', 'files', 'temporary']) mkdirSync(join(directory, name));
  const certificates = makeCertificates(directory);
  const port = await freePort();
  if (options.login) {
    const words = ['passwd', '-apr1', '-stdin'];
    const hash = execFileSync('openssl', words, { input: options.login.password, encoding: 'utf8' }).trim();
    writeFileSync(join(directory, 'htpasswd'), `${options.login.user}:${hash}\n`);
  }
  writeFileSync(join(directory, 'nginx.conf'), configuration(directory, port, options.login !== undefined));
  const socket = join(directory, 'fcgi.sock');
  const children: ChildProcess[] = [];
  const stopNow = (): void => {
    for (const { pid, exitCode, signalCode } of children) {
      if (pid === undefined || exitCode !== null || signalCode !== null) continue;
      // fcgiwrap's workers outlive it: each server is a process group of its own.
      process.kill(-pid, 'SIGTERM');
    }
  };
  process.once('exit', stopNow);
  const dispose = async (): Promise<void> => {
    const ended = children.map((child) => new Promise((done) => child.once('exit', done)));
    const running = children.map((child) => child.exitCode === null && child.signalCode === null);
    stopNow();
    await Promise.all(ended.filter((_, index) => running[index]));
    process.removeListener('exit', stopNow);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const start = (name: string, words: string[]): void => {
      const child = spawn(commandPath(name)!, words, {
        detached: true,
        stdio: 'ignore',
        env: { PATH: searchPath() },
      });
      child.on('error', () => {});
      children.push(child);
    };
    start('fcgiwrap', ['-c', '2', '-s', `unix:${socket}`]);
    await until('fcgiwrap listens', () => canConnect({ path: socket }));
    start('nginx', ['-e', join(directory, 'error.log'), '-c', join(directory, 'nginx.conf')]);
    await until('nginx listens', () => canConnect({ port, host: '127.0.0.1' }));
  } catch (error) {
    const log = join(directory, 'error.log');
    const told = existsSync(log) ? readFileSync(log, 'utf8') : '';
    await dispose();
    throw new Error(`the git server did not start: ${(error as Error).message}\n${told}`);
  }
  return {
    url: `https://localhost:${port}`,
    caFile: certificates.caFile,
    repositories: join(directory, 'repositories'),
    files: join(directory, 'files'),
    requests: () => readFileSync(join(directory, 'access.log'), 'utf8').split('\n').slice(0, -1),
    dispose,
  };
}

function configuration(directory: string, port: number, login: boolean): string {
  const temporary = ['client_body', 'fastcgi', 'proxy', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${directory}/temporary;`,
  );
  const parameters: Record<string, string> = {
    SCRIPT_FILENAME: backend(),
    GIT_PROJECT_ROOT: `${directory}/repositories`,
    GIT_HTTP_EXPORT_ALL: '1',
    GIT_PROTOCOL: '$http_git_protocol',
    HTTP_CONTENT_ENCODING: '$http_content_encoding',
    PATH_INFO: '$uri',
    QUERY_STRING: '$query_string',
    REQUEST_METHOD: '$request_method',
    CONTENT_TYPE: '$content_type',
    REMOTE_USER: '$remote_user',
    REMOTE_ADDR: '$remote_addr',
  };
  return `daemon off;
master_process off;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log;
${userInfo().uid === 0 ? 'user root;' : ''}
events { worker_connections 64; }
http {
  access_log ${directory}/access.log;
  ${temporary.join('\n  ')}
  server {
    listen 127.0.0.1:${port} ssl;
    server_name localhost;
    ssl_certificate ${directory}/server.crt;
    ssl_certificate_key ${directory}/server.key;
    client_max_body_size 0;
    ${login ? `auth_basic "git"; auth_basic_user_file ${directory}/htpasswd;` : ''}
    location /files/ { alias ${directory}/files/; }
    location = /redirect/program.tgz { return 302 /files/program.tgz; }
    location = /redirect/plain.tgz { return 302 http://localhost:${port}/files/program.tgz; }
    location = /redirect/metadata.tgz { return 302 https://169.254.169.254/program.tgz; }
    location = /redirect/circle.tgz { return 302 /redirect/circle.tgz; }
    location ~ ^/strict/[^/.]+/info/ { return 404; }
    location ~ ^/.*/(HEAD|info/refs|objects/.*|git-upload-pack)$ {
      fastcgi_pass unix:${directory}/fcgi.sock;
      fastcgi_request_buffering off;
      ${Object.entries(parameters)
        .map(([name, value]) => `fastcgi_param ${name} ${value};`)
        .join('\n      ')}
    }
  }
}
`;
}

function backend(): string {
  const git = commandPath('git');
  if (!git) return '/nowhere';
  return join(execFileSync(git, ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend');
}

function searchPath(): string {
  return `${process.env.PATH ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`;
}

function commandPath(name: string): string | undefined {
  return searchPath()
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find((path) => existsSync(path));
}

function canConnect(where: { path: string } | { port: number; host: string }): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(where, () => {
      socket.destroy();
      done(true);
    });
    socket.on('error', () => done(false));
  });
}

/** Asks for a fact again and again, for a bounded time. */
async function until(fact: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + READY_TIMEOUT_MS;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not true after ${READY_TIMEOUT_MS} ms: ${fact}`);
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}
