import type { SimpleGit } from 'simple-git';
import { SameError } from '../errors/same-error.ts';
import { environmentVariables, findCommand, type ProcessResult, runProcess } from '../host/processes.ts';
import { printable } from './entry.ts';

/** Settings of every git call: nothing in a repository, and no template, makes git start another program. */
const SETTINGS = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'protocol.ext.allow=never',
  'submodule.recurse=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'http.lowSpeedLimit=1',
  'http.lowSpeedTime=60',
];

/** The user's own GIT_ variables that choose a network, a login or a configuration. All others are left out: GIT_DIR for one. */
const KEPT =
  /^GIT_(SSL_\w+|SSH|SSH_COMMAND|SSH_VARIANT|ASKPASS|PROXY_\w+|HTTP_\w+|CONFIG_(GLOBAL|COUNT|KEY_\d+|VALUE_\d+))$/;

/** Variables that name programs which no call here ever needs. */
const DROPPED = /^(EDITOR|VISUAL|PAGER|PREFIX|SSH_ASKPASS)$/;

const QUIET_TIMEOUT_MS = 120_000;
const LOCAL_TIMEOUT_MS = 120_000;

/** Which transports git may use for a URL: its own, and those that the user's `insteadOf` may turn it into. */
function protocolsOf(url: string): string {
  if (url.startsWith('file:')) return 'file';
  return url.startsWith('http:') ? 'http:https:ssh:file' : 'https:ssh:file';
}

/**
 * The environment of a git call: no prompts, no system configuration, no transports but those of the URL. The user's own
 * global configuration (logins, CAs) stays, except where `isolated`.
 */
export function gitEnvironment(options: { url?: string; isolated?: boolean } = {}): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(environmentVariables())) {
    if (DROPPED.test(name) || (name.startsWith('GIT_') && (options.isolated || !KEPT.test(name)))) continue;
    variables[name] = value;
  }
  variables.GIT_CONFIG_NOSYSTEM = '1';
  variables.GIT_ATTR_NOSYSTEM = '1';
  variables.GIT_TERMINAL_PROMPT = '0';
  variables.GIT_ALLOW_PROTOCOL = options.url === undefined ? 'none' : protocolsOf(options.url);
  variables.GIT_OPTIONAL_LOCKS = '0';
  variables.GIT_NO_REPLACE_OBJECTS = '1';
  variables.GIT_LFS_SKIP_SMUDGE = '1';
  // Messages are read by this program.
  variables.LC_ALL = 'C';
  if (options.isolated) variables.GIT_CONFIG_GLOBAL = '/dev/null';
  else if (options.url !== undefined && !variables.GIT_SSH_COMMAND && !variables.GIT_SSH) {
    variables.GIT_SSH_COMMAND = 'ssh -o BatchMode=yes';
  }
  return variables;
}

/** The git library on a directory, loaded only when a source needs it. */
export async function openGit(
  directory: string,
  options: { url?: string; isolated?: boolean; signal?: AbortSignal } = {},
): Promise<SimpleGit> {
  requireGit();
  const { simpleGit } = await import('simple-git');
  const env = gitEnvironment(options);
  const git = simpleGit({
    baseDir: directory,
    config: SETTINGS,
    timeout: { block: QUIET_TIMEOUT_MS },
    abort: options.signal,
    // Left to itself, the library takes a failure without words for a success.
    errors: (error, { exitCode, stdErr }) =>
      error ??
      (exitCode === 0
        ? undefined
        : new Error(Buffer.concat(stdErr).toString('utf8') || `exit code ${exitCode}`)),
    maxConcurrentProcesses: 1,
    completion: { onClose: true, onExit: false },
    allowEnvironment: Object.keys(env),
    // Each of these is set by this file or by the user's own environment, never by a source.
    unsafe: {
      allowUnsafeHooksPath: true,
      allowUnsafeFsMonitor: true,
      allowUnsafeProtocolOverride: true,
      allowUnsafeTemplateDir: true,
      allowUnsafeSshCommand: true,
      allowUnsafeAskPass: true,
      allowUnsafeGitProxy: true,
      allowUnsafeConfigPaths: true,
      allowUnsafeConfigEnvCount: true,
      allowUnsafeCredentialHelper: true,
      allowUnsafeUrlRewrite: true,
    },
  });
  return git.env(env);
}

/** Runs git for its bytes: lists with NUL, and contents. */
export function runGit(
  directory: string,
  words: string[],
  options: { isolated?: boolean; input?: string; outputFile?: string; signal?: AbortSignal } = {},
): Promise<ProcessResult> {
  return runProcess([requireGit(), ...SETTINGS.flatMap((setting) => ['-c', setting]), ...words], {
    cwd: directory,
    env: gitEnvironment(options),
    input: options.input,
    outputFile: options.outputFile,
    timeoutMs: options.outputFile ? undefined : LOCAL_TIMEOUT_MS,
    maxOutputBytes: 512 * 1024 * 1024,
    signal: options.signal,
  });
}

/** NUL-terminated fields of git's output; none without output. */
export function fieldsOf(output: Buffer | undefined): string[] {
  return output?.toString('utf8').split('\0').slice(0, -1) ?? [];
}

function requireGit(): string {
  const git = findCommand('git');
  if (git) return git;
  throw new SameError({ code: 'SAME1209', message: 'git is needed for this source and is not installed' });
}

/** What git adds to every failure of a transport. */
const BOILERPLATE =
  /Could not read from remote repository|Please make sure you have the correct|and the repository exists/;

/** Git's own words about a failure, one line without credentials and terminal escapes. */
export function failureLine(text: string): string {
  const lines = text.split(/[\r\n]+/).map((line) => line.trim());
  const telling = lines.filter((line) => line !== '' && !BOILERPLATE.test(line));
  const told =
    telling.find((line) => /^(fatal|error):/i.test(line)) ?? telling.at(-1) ?? 'git said nothing more';
  return printable(told.replace(/(\w+:\/\/)[^\s/@']*@/g, '$1').replace(/^(fatal|error): /i, ''));
}
