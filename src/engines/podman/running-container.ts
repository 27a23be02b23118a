import { monotonicMs, sleep } from '../../host/clock.ts';
import {
  type ControlGroup,
  controlGroupOf,
  type GroupUsage,
  memoryKillsOfMachine,
} from '../../host/control-group.ts';
import { readIfThere, rmSync, statSync } from '../../host/files.ts';
import type { ChildProcess } from '../../host/processes.ts';
import { processStart } from '../../host/usage.ts';
import type { AttemptEnd } from '../attempt/step-attempt.ts';
import type { StepStatus } from '../engine.ts';
import type { ContainerInput } from './container.ts';
import { lastLine, type Podman } from './podman.ts';

/** Milliseconds between TERM and KILL. */
const GRACE_MS = 10_000;
const START_WATCH_MS = 10;
/** Node's timers overflow above this and would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const SHORT_BYTES = 1024;
/** Codes with which podman itself ends when there is no command's code to end with, and a command may end too. */
const AMBIGUOUS = [125, 126, 127];
const [KILLED, TERMINATED] = [137, 143];

/** A container while it runs. */
export class RunningContainer {
  readonly #input: ContainerInput;
  readonly #spawnedMs = monotonicMs();
  #child: ChildProcess | undefined;
  #pid: number | undefined;
  #group: ControlGroup | undefined;
  #startedMs: number | undefined;
  #usage: GroupUsage = {};
  readonly #killsBefore = memoryKillsOfMachine();
  #peakMemoryBytes = 0;
  #stopped: StepStatus | undefined;
  /** The last signal that was sent, and it was meant to end the container. */
  #sent: 'SIGTERM' | 'SIGKILL' | undefined;
  #isOver = false;
  #killTimer: NodeJS.Timeout | undefined;
  #timeout: NodeJS.Timeout | undefined;
  readonly #onCancel = () => this.#stop('canceled');
  readonly #onKill = () => {
    this.#stopped ??= 'canceled';
    this.#kill();
  };

  constructor(input: ContainerInput) {
    this.#input = input;
  }

  /** Waits for the end. @returns what podman ended with */
  async until(child: ChildProcess): Promise<number | string> {
    const { cancel, kill } = this.#input;
    this.#child = child;
    const ended = new Promise<number | string>((done) => {
      child.once('error', (error) => done(whyNotStarted(error)));
      child.once('exit', (code) => done(code ?? KILLED));
    });
    const over = ended.finally(() => {
      this.#isOver = true;
    });
    cancel.addEventListener('abort', this.#onCancel);
    kill.addEventListener('abort', this.#onKill);
    if (cancel.aborted) this.#onCancel();
    if (kill.aborted) this.#onKill();
    await this.#begin();
    return over;
  }

  /** Waits until the container has a first process. */
  async #begin(): Promise<void> {
    const { container, onStart, timeoutMs } = this.#input;
    let text: string | undefined;
    while (!text && !this.#isOver) {
      await sleep(START_WATCH_MS);
      text = readIfThere(container.pidFile)?.toString('latin1').trim();
    }
    if (!text) return onStart({});
    this.#startedMs = monotonicMs();
    this.#pid = Number(text);
    this.#group = controlGroupOf(this.#pid);
    const pidStart = processStart(this.#pid);
    onStart({ pid: this.#pid, ...(pidStart === undefined ? {} : { pidStart }) });
    this.look();
    if (timeoutMs !== undefined)
      this.#timeout = setTimeout(() => this.#stop('timeout'), Math.min(timeoutMs, LONGEST_TIMER_MS));
  }

  /** Looks at what it uses; ends it if that was asked for before it could be. */
  look(): void {
    const usage = this.#group?.usage() ?? {};
    // Of a group that is being removed the last word stays.
    this.#usage = { ...this.#usage, ...usage };
    this.#peakMemoryBytes = Math.max(this.#peakMemoryBytes, usage.memoryBytes ?? 0);
    if (this.#stopped && this.#sent !== 'SIGKILL' && this.#sent === undefined) this.#terminate();
  }

  #stop(as: StepStatus): void {
    if (this.#stopped) return;
    this.#stopped = as;
    this.#terminate();
    this.#killTimer = setTimeout(() => this.#kill(), this.#input.graceMs ?? GRACE_MS);
  }

  /** TERM to everything but the init, which ends with its command. */
  #terminate(): void {
    const others = this.#group?.processes().filter((pid) => pid !== this.#pid) ?? [];
    if (others.length === 0 && this.#group) return;
    this.#sent = 'SIGTERM';
    if (this.#group) for (const pid of others) signal(pid, 'SIGTERM');
    else if (this.#pid !== undefined) signal(this.#pid, 'SIGTERM');
    else this.#sent = undefined;
  }

  #kill(): void {
    this.#sent = 'SIGKILL';
    // The kernel ends what is in a container with its first process; before there is one, there is podman.
    if (this.#pid !== undefined) signal(this.#pid, 'SIGKILL');
    else this.#child?.kill('SIGKILL');
  }

  /** What became of it. */
  async end(code: number | string): Promise<AttemptEnd> {
    this.look();
    const { podman, container, logs } = this.#input;
    // Not earlier: podman's monitor reads it as well.
    rmSync(container.pidFile, { force: true });
    const durationMs = Math.round(monotonicMs() - (this.#startedMs ?? this.#spawnedMs));
    const stopped = this.#stopped;
    if (typeof code === 'string') return { status: stopped ?? 'failed', durationMs, startError: code };
    const figures = {
      durationMs,
      ...(this.#usage.cpuSeconds === undefined
        ? {}
        : { cpuSeconds: Math.round(this.#usage.cpuSeconds * 100) / 100 }),
      ...(this.#peakMemoryBytes > 0 ? { peakMemoryBytes: this.#peakMemoryBytes } : {}),
    };
    if (stopped && this.#sent === undefined && this.#pid === undefined) {
      return { status: stopped, signal: 'SIGKILL', ...figures };
    }
    const isUnclear = this.#pid === undefined || AMBIGUOUS.includes(code) || code === KILLED;
    const state = isUnclear ? await inspect(podman, container.name) : { hasRun: true, isOutOfMemory: false };
    const startError = state.hasRun
      ? initError(code, logs.stderr)
      : stopped === undefined
        ? `podman made no container: ${lastLine(readIfThere(logs.stderr)?.toString() ?? '')}`
        : undefined;
    if (startError !== undefined) return { status: stopped ?? 'failed', durationMs, startError };
    if (code === 0 && stopped === undefined) return { status: 'succeeded', exitCode: 0, ...figures };
    const isOutOfMemory =
      stopped === undefined &&
      (state.isOutOfMemory || (this.#usage.memoryKills ?? 0) > 0 || this.#wasKilledForMemory(code));
    return {
      status: stopped ?? 'failed',
      ...howEnded(code, isOutOfMemory ? 'SIGKILL' : this.#sent),
      ...(isOutOfMemory ? { isOutOfMemory } : {}),
      ...figures,
    };
  }

  /**
   * Whether the kernel killed for want of memory while this ran, and this was killed by nobody else: its group may be gone
   * before anybody has looked at it, and podman's monitor is too late as well then.
   */
  #wasKilledForMemory(code: number): boolean {
    const { memoryBytes } = this.#input.container.limits;
    if (memoryBytes === undefined || code !== KILLED || this.#sent !== undefined) return false;
    return (memoryKillsOfMachine() ?? 0) > (this.#killsBefore ?? Number.POSITIVE_INFINITY);
  }

  dispose(): void {
    clearTimeout(this.#timeout);
    clearTimeout(this.#killTimer);
    this.#input.cancel.removeEventListener('abort', this.#onCancel);
    this.#input.kill.removeEventListener('abort', this.#onKill);
  }
}

/** Podman says of an end by signal n no more than 128 + n, as a command may end by itself: only who sent it knows. */
function howEnded(
  code: number,
  sent: 'SIGTERM' | 'SIGKILL' | undefined,
): { exitCode?: number; signal?: string } {
  if (sent === 'SIGKILL' && code === KILLED) return { signal: 'SIGKILL' };
  if (sent === 'SIGTERM' && code === TERMINATED) return { signal: 'SIGTERM' };
  return { exitCode: code };
}

/** What podman knows of a container. */
async function inspect(podman: Podman, name: string): Promise<{ hasRun: boolean; isOutOfMemory: boolean }> {
  const { exitCode, stdout } = await podman.ask(['container', 'inspect', '--format={{json .State}}', name]);
  if (exitCode !== 0) return { hasRun: false, isOutOfMemory: false };
  const state = JSON.parse(stdout) as { OOMKilled?: boolean; StartedAt?: string };
  return {
    hasRun: state.StartedAt !== undefined && !state.StartedAt.startsWith('0001-'),
    isOutOfMemory: state.OOMKilled ?? false,
  };
}

/** What the init says, and nothing else was said, when it could not start the command. */
function initError(code: number, log: string): string | undefined {
  if (code === 0) return undefined;
  if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) > SHORT_BYTES) return undefined;
  const text = readIfThere(log)?.toString() ?? '';
  return /^ERROR \(catatonit:\d+\): failed to exec pid1: (.+)\n$/.exec(text)?.[1];
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Why podman could not be started; node says some of these by an event and some by an exception. */
export function whyNotStarted(error: NodeJS.ErrnoException): string {
  return error.code === 'E2BIG'
    ? 'its command and variables are longer than this system takes (E2BIG); give what is long as a file'
    : error.message;
}
