import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Finding } from '../../src/errors/same-error.ts';
import type { CredentialOptions } from '../../src/registry/credentials.ts';

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
  return {
    root,
    variables: { HOME: root, PATH: `${path('bin')}:/usr/bin:/bin` },
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
