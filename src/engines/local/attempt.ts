import { beginChild, childEnded } from '../../host/child-cpu.ts';
import { monotonicMs } from '../../host/clock.ts';
import { closeSync, dirname, isErrno, makeDirectories, openSync } from '../../host/files.ts';
import { type ChildProcess, spawn } from '../../host/processes.ts';
import { killSurvivors } from '../../host/survivors.ts';
import { processStart, residentBytes } from '../../host/usage.ts';
import { followLines } from '../attempt/log-lines.ts';
import type { RunningCommand } from '../attempt/running-command.ts';
import type { AttemptEnd } from '../attempt/step-attempt.ts';
import type { StepStatus } from '../engine.ts';

/** Milliseconds between TERM and KILL. */
export const GRACE_MS = 10_000;
const WATCH_MS = 200;
/** Node's timers overflow above this, 24.8 days, and would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** One command to run, with everything it sees. */
export interface AttemptInput extends RunningCommand {
  argv: string[];
  cwd: string;
  env: Record<string, string>;
}

/**
 * Runs one command as a process group of its own; output goes straight to the log files. A timeout or the first
 * cancel sends TERM to the group and KILL after ten seconds; what the command leaves running, in its group or out of
 * it, is killed at its end.
 */
export async function runAttempt(input: AttemptInput): Promise<AttemptEnd> {
  const stdout = openLog(input.logs.stdout);
  const stderr = openLog(input.logs.stderr);
  const startedMs = monotonicMs();
  let stopped: StepStatus | undefined;
  let killTimer: NodeJS.Timeout | undefined;
  let child: ChildProcess;
  beginChild();
  try {
    child = spawn(input.argv[0]!, input.argv.slice(1), {
      cwd: input.cwd,
      env: input.env,
      stdio: ['ignore', stdout, stderr],
      detached: true,
    });
  } catch (error) {
    void childEnded();
    closeSync(stdout);
    closeSync(stderr);
    input.onStart({});
    return { status: 'failed', durationMs: 0, startError: whyNotStarted(error as Error) };
  }
  const start = child.pid === undefined ? undefined : processStart(child.pid);
  // A command that ends before the first look has none: what it had when it was started says nothing of it.
  let peakMemoryBytes = 0;
  input.onStart({
    ...(child.pid === undefined ? {} : { pid: child.pid }),
    ...(start === undefined ? {} : { pidStart: start }),
  });
  const signalGroup = (signal: NodeJS.Signals) => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  const stop = (as: StepStatus) => {
    if (stopped) return;
    stopped = as;
    signalGroup('SIGTERM');
    killTimer = setTimeout(() => signalGroup('SIGKILL'), input.graceMs ?? GRACE_MS);
  };
  const onCancel = () => stop('canceled');
  const onKill = () => {
    stopped ??= 'canceled';
    signalGroup('SIGKILL');
  };
  // What a failing program says last is on stderr, so that is read last.
  const followed = [input.logs.stdout, input.logs.stderr].map((path) => followLines(path, input.onLines));
  const watch = setInterval(() => {
    peakMemoryBytes = Math.max(peakMemoryBytes, (child.pid && residentBytes(child.pid)) || 0);
    for (const log of followed) log.read();
  }, WATCH_MS);
  const timeout =
    input.timeoutMs === undefined
      ? undefined
      : setTimeout(() => stop('timeout'), Math.min(input.timeoutMs, LONGEST_TIMER_MS));
  try {
    input.cancel.addEventListener('abort', onCancel);
    input.kill.addEventListener('abort', onKill);
    if (input.cancel.aborted) onCancel();
    if (input.kill.aborted) onKill();
    let cpu: Promise<number | undefined> | undefined;
    const end = await new Promise<{ exitCode?: number; signal?: string; startError?: string }>((done) => {
      const over = (how: { exitCode?: number; signal?: string; startError?: string }) => {
        cpu ??= childEnded();
        done(how);
      };
      child.once('error', (error) => over({ startError: whyNotStarted(error) }));
      child.once('exit', (code, signal) =>
        over(code === null ? { signal: signal ?? 'SIGKILL' } : { exitCode: code }),
      );
    });
    const durationMs = Math.round(monotonicMs() - startedMs);
    if (child.pid !== undefined) {
      signalGroup('SIGKILL');
      await killSurvivors(marksOf(input.env), { pid: child.pid, startedMs });
    }
    for (const log of followed) log.end();
    const cpuSeconds = await cpu;
    const succeeded = end.exitCode === 0 && stopped === undefined;
    return {
      status: stopped ?? (succeeded ? 'succeeded' : 'failed'),
      ...end,
      durationMs,
      ...(cpuSeconds === undefined ? {} : { cpuSeconds }),
      ...(peakMemoryBytes > 0 ? { peakMemoryBytes } : {}),
    };
  } finally {
    clearInterval(watch);
    clearTimeout(timeout);
    clearTimeout(killTimer);
    input.cancel.removeEventListener('abort', onCancel);
    input.kill.removeEventListener('abort', onKill);
    closeSync(stdout);
    closeSync(stderr);
  }
}

/** Secrets are masked in logs when the attempt has ended; until then they are for their owner only. */
function openLog(path: string): number {
  try {
    return openSync(path, 'w', 0o600);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
    makeDirectories(dirname(path));
    return openSync(path, 'w', 0o600);
  }
}

/** What names this attempt in every process of it that keeps its environment. */
function marksOf({ SAME_RUN_ID = '', SAME_STEP = '', SAME_ATTEMPT = '' }: Record<string, string>) {
  return { SAME_RUN_ID, SAME_STEP, SAME_ATTEMPT };
}

/** Node says some of these by an event and some by an exception. */
function whyNotStarted(error: NodeJS.ErrnoException): string {
  return error.code === 'E2BIG'
    ? 'its command and variables are longer than this system takes (E2BIG); give what is long as a file'
    : error.message;
}
