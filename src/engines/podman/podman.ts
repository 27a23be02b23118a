import { SameError } from '../../errors/same-error.ts';
import { isErrno } from '../../host/files.ts';
import { environmentVariables, findCommand, runProcess } from '../../host/processes.ts';

const HINT = 'install podman (Debian: podman runc catatonit; Fedora: podman), or run with --engine local';
const QUESTION_TIMEOUT_MS = 60_000;

/** How podman answered. */
export interface Answer {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** How podman is asked. */
export interface AskOptions {
  signal?: AbortSignal;
  /** A minute unless told otherwise; 0 is for ever. */
  timeoutMs?: number;
  cwd?: string;
}

/** What podman can do for this user on this machine. */
export interface PodmanFacts {
  version: string;
  /** Names of what it can limit: `cpu`, `memory`, … */
  controllers: string[];
}

/** The command podman on this machine, with the caller's own variables: its configuration is the caller's. */
export interface Podman {
  /** Its path. */
  readonly command: string;
  readonly variables: Record<string, string>;
  /** A non-zero exit is an answer. @throws SAME1702 it cannot be started, SAME1903 aborted */
  ask(words: string[], options?: AskOptions): Promise<Answer>;
  /** Asked once, in the way that is said first. @throws SAME1702 it does not work here */
  facts(options?: AskOptions): Promise<PodmanFacts>;
}

/** Whether there is a podman, without asking it anything: the finding that there is none, or nothing. */
export function missingPodman(path?: string): SameError['findings'] {
  if (findCommand('podman', path)) return [];
  return [{ code: 'SAME1702', message: 'engine podman is not available: there is no podman', hint: HINT }];
}

/** Finds podman. @throws SAME1702 there is none */
export function openPodman(variables = environmentVariables()): Podman {
  const command = findCommand('podman', variables.PATH);
  if (command === undefined) throw new SameError(missingPodman(variables.PATH));
  let facts: Promise<PodmanFacts> | undefined;
  const podman: Podman = {
    command,
    variables,
    async ask(words, { signal, timeoutMs = QUESTION_TIMEOUT_MS, cwd } = {}) {
      try {
        const { exitCode, stdout, stderr, killed } = await runProcess([command, ...words], {
          env: variables,
          ...(timeoutMs === 0 ? {} : { timeoutMs }),
          ...(signal ? { signal } : {}),
          ...(cwd === undefined ? {} : { cwd }),
        });
        if (killed === 'abort') throw new SameError({ code: 'SAME1903', message: 'interrupted' });
        const late = killed === 'timeout' ? `no answer in ${timeoutMs / 1000} s` : '';
        return { exitCode: exitCode ?? -1, stdout: stdout.toString(), stderr: late + stderr.toString() };
      } catch (error) {
        if (!isErrno(error, 'ENOENT', 'EACCES')) throw error;
        const message = `engine podman is not available: ${command} cannot be started`;
        throw new SameError({ code: 'SAME1702', message, hint: HINT }, { cause: error });
      }
    },
    facts(options) {
      facts ??= askFacts(podman, options);
      return facts;
    },
  };
  return podman;
}

async function askFacts(podman: Podman, options?: AskOptions): Promise<PodmanFacts> {
  const { exitCode, stdout, stderr } = await podman.ask(['info', '--format=json'], options);
  const unusable = (why: string) =>
    new SameError({
      code: 'SAME1702',
      message: `engine podman is not available: ${why}`,
      hint: 'see what "podman info" says, or run with --engine local',
    });
  if (exitCode !== 0) throw unusable(`podman does not work for this user: ${lastLine(stderr)}`);
  const { host, version } = JSON.parse(stdout) as {
    host: { serviceIsRemote?: boolean; cgroupControllers?: string[] | null };
    version: { Version: string };
  };
  if (host.serviceIsRemote) throw unusable('this podman starts containers on another machine');
  // 4.0 brought --log-driver=passthrough and --unsetenv-all.
  if (Number.parseInt(version.Version, 10) < 4)
    throw unusable(`podman ${version.Version} is too old, 4.0 is needed`);
  return { version: version.Version, controllers: host.cgroupControllers ?? [] };
}

/** What a command said last, which is where the cause stands. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() || 'it says no cause';
}
