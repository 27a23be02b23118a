import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** What an adapter answered, or why there is no answer. */
export type Reply =
  | { kind: 'ok'; result: unknown }
  | { kind: 'refused'; findings: { code: string; clause?: string; place?: string }[]; exit?: number }
  | { kind: 'unsupported'; why: string }
  | { kind: 'error'; why: string };

/** One implementation under test. */
export interface Adapter {
  /** The command as it was given. */
  command: string;
  /** Asks once, in a process and a directory of its own. */
  ask(request: object): Promise<Reply>;
}

/** An adapter's command that cannot be understood. */
export class CommandError extends Error {}

const REPLY_LIMIT = 512 * 1024 * 1024;

/** Processes that are under way, to be killed when the runner is interrupted. */
const underWay = new Set<number>();

/** Kills every adapter that is under way, with all that it started. */
export function killAdapters(): void {
  for (const pid of underWay) killGroup(pid);
}

/**
 * @param command words, separated by spaces and quoted as for a shell; those with a slash that are files here are made absolute,
 *   because an adapter starts in a directory of its own
 * @throws CommandError
 */
export function openAdapter(command: string, options: { timeoutMs: number }): Adapter {
  const words = splitWords(command).map((word) =>
    word.includes('/') && existsSync(word) ? resolve(word) : word,
  );
  if (words.length === 0) throw new CommandError('--adapter needs a command');
  return { command, ask: (request) => ask(words, request, options.timeoutMs) };
}

async function ask(words: string[], request: object, timeoutMs: number): Promise<Reply> {
  const directory = mkdtempSync(join(tmpdir(), 'conformance-'));
  try {
    mkdirSync(join(directory, 'work'));
    mkdirSync(join(directory, 'tmp'));
    return await exchange(words, request, directory, timeoutMs);
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

function exchange(words: string[], request: object, directory: string, timeoutMs: number): Promise<Reply> {
  const [program, ...rest] = words;
  return new Promise((done) => {
    const child = spawn(program!, rest, {
      cwd: join(directory, 'work'),
      env: { ...process.env, TMPDIR: join(directory, 'tmp') },
      stdio: 'pipe',
      detached: true,
    });
    const { pid } = child;
    if (pid !== undefined) underWay.add(pid);
    const out: Buffer[] = [];
    let size = 0;
    let errors = '';
    let failure: string | undefined;
    const end = (why: string): void => {
      failure ??= why;
      if (pid !== undefined) killGroup(pid);
    };
    const timer = setTimeout(() => end(`no reply in ${timeoutMs / 1000} s`), timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > REPLY_LIMIT) end('the reply is too long');
      else out.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString('utf8')).slice(-2000);
    });
    // An adapter may answer before it has read everything.
    child.stdin.on('error', () => {});
    child.on('error', (error) => {
      clearTimeout(timer);
      done({ kind: 'error', why: `cannot be started: ${error.message}` });
    });
    child.on('exit', () => {
      // What it left behind would hold the pipes open.
      if (pid !== undefined) killGroup(pid);
      setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, 2000).unref();
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (pid !== undefined) underWay.delete(pid);
      const tail = errors.trim() === '' ? '' : `\n${errors.trim()}`;
      if (failure === undefined && signal !== null) failure = `was killed by ${signal}`;
      if (failure === undefined && code !== 0) failure = `ended with exit code ${code}`;
      if (failure !== undefined) return done({ kind: 'error', why: failure + tail });
      const reply = parseReply(Buffer.concat(out));
      done(reply.kind === 'error' ? { kind: 'error', why: reply.why + tail } : reply);
    });
    child.stdin.end(JSON.stringify(request));
  });
}

/** Reads a reply strictly: one JSON document of one of the three forms. */
export function parseReply(bytes: Buffer): Reply {
  let text: string;
  let document: Record<string, unknown>;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { kind: 'error', why: 'the reply is not UTF-8' };
  }
  try {
    document = JSON.parse(text);
  } catch {
    const start = JSON.stringify(text.slice(0, 200));
    return {
      kind: 'error',
      why: text === '' ? 'there is no reply' : `the reply is not one JSON document: ${start}`,
    };
  }
  const wrong = (why: string): Reply => ({ kind: 'error', why: `the reply ${why}` });
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    return wrong('is no object');
  const { ok, result, findings, unsupported, exit, ...unknown } = document;
  const [extra] = Object.keys(unknown);
  if (extra !== undefined) return wrong(`has an unknown member ${JSON.stringify(extra)}`);
  if (unsupported !== undefined) {
    if (typeof unsupported !== 'string' || ok !== undefined)
      return wrong('says unsupported, but not only why');
    return { kind: 'unsupported', why: unsupported };
  }
  if (ok === true)
    return typeof result === 'object' && result !== null && findings === undefined && exit === undefined
      ? { kind: 'ok', result }
      : wrong('says ok and must have a result, and nothing else');
  if (ok !== false) return wrong('says neither ok nor unsupported');
  if (result !== undefined || !Array.isArray(findings) || findings.length === 0 || !findings.every(isFinding))
    return wrong('refuses and must have findings, each with a code, and no result');
  if (exit !== undefined && !Number.isInteger(exit)) return wrong('has an exit code that is no integer');
  return { kind: 'refused', findings, ...(exit === undefined ? {} : { exit: exit as number }) };
}

function isFinding(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { code, ...others } = value as Record<string, unknown>;
  const known = ['clause', 'place', 'message', 'hint'];
  return (
    typeof code === 'string' &&
    /^SAME[0-9]{4}$/.test(code) &&
    Object.entries(others).every(([name, text]) => known.includes(name) && typeof text === 'string')
  );
}

/** Splits a command at its blanks; '…', "…" and \ quote as in a shell. @throws CommandError for an open quote */
export function splitWords(command: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  const part = /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|(\s+)|([^\s'"\\]+)|(.)/gsu;
  for (const [, single, double, escaped, blank, plain, stray] of command.matchAll(part)) {
    if (stray !== undefined) throw new CommandError(`a quote is open in ${JSON.stringify(command)}`);
    if (blank !== undefined) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + (single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? plain ?? '');
  }
  if (word !== undefined) words.push(word);
  return words;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}
