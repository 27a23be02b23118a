import { SameError } from '../errors/same-error.ts';
import { environmentVariables, findCommand, type ProcessResult, runProcess } from '../host/processes.ts';
import { helperWordsOf, loginFrom } from './docker-config.ts';
import type { Login } from './registry.ts';

/** A program that keeps logins, as docker's credential helpers do: `docker-credential-NAME get|store|erase`. */
export interface CredentialHelper {
  /** `docker-credential-NAME`. */
  readonly command: string;
  /** @returns undefined when it has none for that server @throws SAME1807 it is missing or fails · SAME1903 */
  get(server: string): Promise<Login | undefined>;
  /** @throws SAME1807 · SAME1903 */
  store(server: string, login: Login): Promise<void>;
  /** @throws SAME1807 · SAME1903 */
  erase(server: string): Promise<void>;
}

/** How a {@link CredentialHelper} is run. */
export interface HelperOptions {
  /** The environment that it gets, and the PATH where it is looked for; this process's own when absent. */
  variables?: Record<string, string>;
  /** Default 60 s: a keychain may have to ask its owner. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

const TIMEOUT_MS = 60_000;
const ANSWER_BYTES = 1024 * 1024;
const NAME = /^[A-Za-z0-9._-]+$/;
const NOT_FOUND = /credentials not found/i;
const LIKE_A_SECRET = /[{}]|(secret|password|token)[^\s:=]*\s*[:=]/i;
const SHOWN_CHARACTERS = 200;

/**
 * A helper by its name in `credHelpers` or `credsStore`. Secrets go to it and come from it by its standard streams only:
 * words of a command are in the list of processes.
 * @param neededBy what names it, for the hint
 */
export function openCredentialHelper(
  name: string,
  neededBy: string,
  options: HelperOptions = {},
): CredentialHelper {
  const { variables = environmentVariables(), timeoutMs = TIMEOUT_MS, signal } = options;
  const command = `docker-credential-${name}`;
  const failed = (message: string, hint?: string) =>
    new SameError({ code: 'SAME1807', message, place: neededBy, ...(hint ? { hint } : {}) });

  const ask = async (action: string, input: string): Promise<ProcessResult> => {
    // It becomes a part of a file's name.
    if (!NAME.test(name)) {
      throw failed(
        'a credential helper has no plain name',
        `letters, digits, ".", "_" and "-" only: see credHelpers and credsStore in ${neededBy}`,
      );
    }
    const path = findCommand(command, variables.PATH);
    if (path === undefined) {
      throw failed(
        `the credential helper ${command} is not in PATH`,
        `install it, or take ${name} out of credHelpers and credsStore in ${neededBy}`,
      );
    }
    const ended = await runProcess([path, action], {
      env: variables,
      input,
      timeoutMs,
      maxOutputBytes: ANSWER_BYTES,
      leaveDescendants: true,
      ...(signal ? { signal } : {}),
    }).catch((error: NodeJS.ErrnoException) => {
      throw failed(`the credential helper ${command} cannot be started (${error.code})`);
    });
    if (ended.killed === 'abort')
      throw new SameError({ code: 'SAME1903', message: `interrupted while ${command} was asked` });
    if (ended.killed === 'timeout')
      throw failed(`the credential helper ${command} did not answer in ${Math.ceil(timeoutMs / 1000)} s`);
    if (ended.killed === 'output') throw failed(`the credential helper ${command} answers without end`);
    return ended;
  };

  const done = async (action: 'store' | 'erase', input: string, secret?: string): Promise<void> => {
    const ended = await ask(action, input);
    if (ended.exitCode === 0 || (action === 'erase' && NOT_FOUND.test(told(ended)))) return;
    throw failed(`the credential helper ${command} could not ${action} the login${why(ended, secret)}`);
  };

  return {
    command,
    async get(server) {
      const ended = await ask('get', server);
      if (ended.exitCode !== 0) {
        if (NOT_FOUND.test(told(ended))) return undefined;
        throw failed(`the credential helper ${command} failed${why(ended)}`);
      }
      const answer = parseAnswer(ended.stdout);
      if (!answer) throw failed(`the credential helper ${command} gave an answer that is no login`);
      const { ServerURL = '', Username = '', Secret = '' } = answer;
      if (Secret === '') return undefined;
      if (ServerURL !== '' && hostOf(ServerURL) !== hostOf(server))
        throw failed(
          `the credential helper ${command} gave the login of another host than ${hostOf(server)}`,
        );
      return loginFrom(Username, Secret);
    },
    store(server, login) {
      const { username, secret } = helperWordsOf(login);
      return done('store', JSON.stringify({ ServerURL: server, Username: username, Secret: secret }), secret);
    },
    erase: (server) => done('erase', server),
  };
}

interface HelperAnswer {
  ServerURL?: string;
  Username?: string;
  Secret?: string;
}

function parseAnswer(stdout: Buffer): HelperAnswer | undefined {
  try {
    const answer: unknown = JSON.parse(stdout.toString('utf8'));
    if (typeof answer !== 'object' || answer === null) return undefined;
    const { ServerURL, Username, Secret } = answer as Record<string, unknown>;
    const texts = [ServerURL, Username, Secret].every(
      (value) => value === undefined || typeof value === 'string',
    );
    return texts ? (answer as HelperAnswer) : undefined;
  } catch {
    return undefined;
  }
}

/** Helpers give their reasons on standard output, where the login comes too. */
function told({ stdout, stderr }: ProcessResult): string {
  return `${stdout.toString('utf8')}\n${stderr.toString('utf8')}`;
}

/** What a helper gave as its reason; nothing of it where it could be a login, or says the secret again. */
function why(ended: ProcessResult, secret?: string): string {
  const line = told(ended)
    .split(/[\r\n]+/)
    .map((each) => each.trim())
    .find((each) => each !== '');
  const how = ended.exitCode === null ? `${ended.signal}` : `exit ${ended.exitCode}`;
  if (line === undefined || LIKE_A_SECRET.test(told(ended))) return ` (${how})`;
  if (secret !== undefined && told(ended).includes(secret)) return ` (${how})`;
  return ` (${how}): ${line.slice(0, SHOWN_CHARACTERS)}`;
}

function hostOf(server: string): string {
  return server
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/, '')
    .toLowerCase();
}
