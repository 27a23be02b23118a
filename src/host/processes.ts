import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, statSync } from 'node:fs';
import * as os from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

export { type ChildProcess, spawn } from 'node:child_process';

/** How {@link runProcess} runs a command. */
export interface ProcessOptions {
  cwd?: string;
  /** The whole environment; this process's own when absent. */
  env?: Record<string, string>;
  /** Written to standard input, which is then closed. */
  input?: Buffer | string;
  /** The command is killed after this many milliseconds. */
  timeoutMs?: number;
  /** The command is killed when standard output grows over this; 64 MiB by default. */
  maxOutputBytes?: number;
  /** Standard output goes into this new file, and `stdout` stays empty. */
  outputFile?: string;
  /** When the command is killed it is over, though its own children may still hold its output. */
  leaveDescendants?: boolean;
  signal?: AbortSignal;
}

/** How a command ended; a non-zero exit is a value, not an error. */
export interface ProcessResult {
  /** Null when a signal ended the command. */
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  stderr: Buffer;
  /** Why this process killed the command, when it did. */
  killed?: 'timeout' | 'output' | 'abort';
}

const DEFAULT_OUTPUT_BYTES = 64 * 1024 * 1024;
const STDERR_BYTES = 1024 * 1024;

/**
 * Runs one command to its end, without a shell and without a terminal's input.
 * Rejects only when the command cannot be started (`ENOENT`, `EACCES`).
 */
export async function runProcess(command: string[], options: ProcessOptions = {}): Promise<ProcessResult> {
  const file = options.outputFile === undefined ? undefined : openSync(options.outputFile, 'wx', 0o600);
  try {
    const child = spawn(command[0]!, command.slice(1), {
      cwd: options.cwd,
      env: options.env,
      stdio: ['pipe', file ?? 'pipe', 'pipe'],
      windowsHide: true,
    });
    return await ending(child, options);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function ending(child: ChildProcess, options: ProcessOptions): Promise<ProcessResult> {
  const limit = options.maxOutputBytes ?? DEFAULT_OUTPUT_BYTES;
  return new Promise((done, fail) => {
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    let [outBytes, errorBytes] = [0, 0];
    let killed: ProcessResult['killed'];
    const kill = (why: ProcessResult['killed']): void => {
      killed ??= why;
      child.kill('SIGKILL');
      if (!options.leaveDescendants) return;
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
    };
    const onAbort = (): void => kill('abort');
    const timer = options.timeoutMs && setTimeout(() => kill('timeout'), options.timeoutMs);
    options.signal?.addEventListener('abort', onAbort, { once: true });
    if (options.signal?.aborted) onAbort();
    const settle = (): void => {
      if (timer) clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
    };
    child.stdout?.on('data', (chunk: Buffer) => {
      outBytes += chunk.length;
      if (outBytes > limit) kill('output');
      else stdout.push(chunk);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      errorBytes += chunk.length;
      if (errorBytes <= STDERR_BYTES) stderr.push(chunk);
    });
    // A command that does not read its input is no error of ours.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
    child.on('error', (error) => {
      settle();
      fail(error);
    });
    child.on('close', (exitCode, signal) => {
      settle();
      done({ exitCode, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr), killed });
    });
  });
}

/** The absolute path of a command, searched in PATH (or in `path`) without a shell; undefined when it is not there. */
export function findCommand(name: string, path: string = process.env.PATH ?? ''): string | undefined {
  if (name === '') return undefined;
  if (name.includes('/')) return isExecutable(resolve(name)) ? resolve(name) : undefined;
  for (const directory of path.split(delimiter)) {
    if (!isAbsolute(directory)) continue;
    const candidate = join(directory, name);
    if (isExecutable(candidate)) return candidate;
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The number of a signal such as `SIGKILL`, 0 when it is not one of this system. */
export function signalNumber(name: string): number {
  return (os.constants.signals as Record<string, number>)[name] ?? 0;
}

/** A copy of this process's environment variables. */
export function environmentVariables(): Record<string, string> {
  const copy: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined) copy[name] = value;
  return copy;
}
