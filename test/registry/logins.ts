import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Finding, SameError } from '../../src/errors/same-error.ts';
import { type CredentialOptions, findLogin } from '../../src/registry/credentials.ts';
import type { Login } from '../../src/registry/registry.ts';

/** A password with what is special in some place where it stands. */
export const SECRET = 'pa55:w0rd/ü';
/** A login with it. */
export const ada = { username: 'ada', password: SECRET };

/** A user's directory with files of logins and credential helpers, and nothing of this machine's. */
export interface Desk extends Required<Pick<CredentialOptions, 'variables'>> {
  root: string;
  /** What was warned of. */
  warnings: Finding[];
  warn(finding: Finding): void;
  path(...parts: string[]): string;
  /** Writes a file; one that is no text is written as JSON, as docker does. */
  write(name: string, content: unknown): string;
  /** Writes docker's `config.json`. */
  docker(content: unknown): string;
  /** Puts a helper into PATH, as the body of a shell script. */
  helper(name: string, script: string): void;
  /** What is found for a repository, `lab/study` unless said otherwise. */
  find(host: string, repository?: string): Promise<Login | undefined>;
  /** The user name of it. */
  userAt(host: string, repository?: string): Promise<string | undefined>;
  [Symbol.dispose](): void;
}

/** A helper that keeps one login in a file, as docker's helpers speak, and logs what it was asked. */
export const KEEPER = `
read -r line || true
echo "$1 $line" >>"$HOME/asked"
case $1 in
  store) printf %s "$line" >"$HOME/kept" ;;
  get) if [ -f "$HOME/kept" ]; then cat "$HOME/kept"; else echo 'credentials not found in native keychain'; exit 1; fi ;;
  erase) rm "$HOME/kept" ;;
esac
`;

/** Opens a {@link Desk} in a temporary directory. */
export function openDesk(): Desk {
  const root = mkdtempSync(join(tmpdir(), 'logins-'));
  const path = (...parts: string[]): string => join(root, ...parts);
  const warnings: Finding[] = [];
  const write = (name: string, content: unknown, mode?: number): string => {
    mkdirSync(dirname(path(name)), { recursive: true });
    const text = typeof content === 'string' ? content : JSON.stringify(content, null, '\t');
    writeFileSync(path(name), text, { mode });
    return path(name);
  };
  mkdirSync(path('bin'));
  const variables: Record<string, string> = { HOME: root, PATH: `${path('bin')}:/usr/bin:/bin` };
  const find = (host: string, repository = 'lab/study') =>
    findLogin({ host, repository }, { variables, warn: (finding) => warnings.push(finding) });
  return {
    root,
    variables,
    find,
    async userAt(host, repository) {
      const login = await find(host, repository);
      return login && 'username' in login ? login.username : undefined;
    },
    warnings,
    warn: (finding) => warnings.push(finding),
    path,
    write: (name, content) => write(name, content),
    docker: (content) => write('.docker/config.json', content),
    helper: (name, script) => write(`bin/docker-credential-${name}`, `#!/bin/sh\n${script}`, 0o755) as never,
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** `auth` of a user and a password. */
export function auth(username: string, password: string): { auth: string } {
  return { auth: Buffer.from(`${username}:${password}`).toString('base64') };
}

/** A refusal with SAME1807, with nothing secret in anything that it says. */
export async function refused(doing: Promise<unknown>): Promise<SameError> {
  const error = await doing.then(
    () => assert.fail('it was not refused'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof SameError, String(error));
  assert.equal(error.code, 'SAME1807');
  assert.ok(!JSON.stringify(error.findings).includes(SECRET));
  return error;
}
