import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** The checkout. */
export const checkout = resolve(import.meta.dirname, '../..');
/** The built command. */
export const same = join(checkout, 'bin/same');

/** How a command ended. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** stdout as JSON; throws when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into documents of every shape
  json(): any;
}

/** A private place with an empty home, where the built command runs as a user would run it. */
export interface Rig {
  root: string;
  home: string;
  /** Writes files below the root; a name that ends in `!` is executable. */
  write(files: Record<string, string | Buffer>): void;
  path(...parts: string[]): string;
  same(words: string[], options?: RunOptions): Promise<Ended>;
  /** Starts it and hands over the process: for signals. */
  start(words: string[], options?: RunOptions): { child: ChildProcess; ended: Promise<Ended> };
  [Symbol.dispose](): void;
}

/** What a command is run with. */
export interface RunOptions {
  cwd?: string;
  env?: Record<string, string | undefined>;
  /** A command that runs the command: `unshare -n`, a shell that sets a umask. */
  under?: string[];
}

/** Opens a rig in a temporary directory. */
export function openRig(): Rig {
  const root = mkdtempSync(join(tmpdir(), 'same-e2e-'));
  const home = join(root, 'home');
  const environment = (extra: RunOptions['env'] = {}): NodeJS.ProcessEnv => {
    const { SAME_HOME: _, SAME_ENVIRONMENT: __, ...inherited } = process.env;
    return { ...inherited, HOME: join(root, 'user'), SAME_HOME: home, ...extra };
  };
  const start: Rig['start'] = (words, options = {}) => {
    const [command, ...all] = [...(options.under ?? []), process.execPath, same, ...words];
    const child = spawn(command!, all, {
      cwd: options.cwd ?? root,
      env: environment(options.env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const ended = new Promise<Ended>((done, fail) => {
      child.once('error', fail);
      child.once('close', (code, signal) =>
        done({ code, signal, stdout, stderr, json: () => JSON.parse(stdout) }),
      );
    });
    return { child, ended };
  };
  return {
    root,
    home,
    path: (...parts) => join(root, ...parts),
    write(files) {
      for (const [name, content] of Object.entries(files)) {
        const path = join(root, name.replace(/!$/, ''));
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, content, { mode: name.endsWith('!') ? 0o755 : 0o644 });
      }
    },
    start,
    same: (words, options) => start(words, options).ended,
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** The manifest of the program `study:1.0` that says this besides its name. */
export function study(rest: string): string {
  return `apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
${rest}`;
}

/** A program of one step, as a manifest. */
export function manifest(step: string, rest = ''): string {
  return study(`${rest}
pipeline:
  steps:
    main:
${step.replace(/^/gm, '      ')}
`);
}
