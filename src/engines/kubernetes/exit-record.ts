import type { Finding } from '../../errors/same-error.ts';
import type { AttemptEnd } from '../attempt/step-attempt.ts';
import type { PodEnd } from './pod-state.ts';

/** What a shim says of the end of an attempt (spec SAME-ENG-015). */
export interface ExitRecord {
  ok: boolean;
  exit: number;
  timeout: boolean;
  stopped: boolean;
  /** It may be tried again, as far as its step says so. */
  again: boolean;
  error: string;
  /** Names of outputs that were not written. */
  missing: string[];
  durationMs: number;
}

/** An attempt that the cluster lost: it says nothing of the program, and is made again. */
export interface Lost {
  lost: string;
}

/** @returns undefined for what no shim writes: it comes from a place that the step may write to as well */
export function parseExitRecord(text: string): ExitRecord | undefined {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const { v, ok, exit, timeout, stopped, again, error, missing, start, end } = value ?? {};
  const isCode = typeof exit === 'number' && Number.isInteger(exit) && exit >= 0 && exit < 256;
  if (v !== 1 || !isCode || typeof error !== 'string' || typeof missing !== 'string') return undefined;
  const durationMs = Date.parse(String(end)) - Date.parse(String(start));
  return {
    ok: ok === true,
    exit,
    timeout: timeout === true,
    stopped: stopped === true,
    again: again === true,
    error,
    missing: missing === '' ? [] : missing.split(' '),
    durationMs: Number.isFinite(durationMs) && durationMs > 0 ? durationMs : 0,
  };
}

/** How a shell tells of a command that the system does not start. */
const NOT_STARTED = 126;
/** Codes of what else fails an attempt whose command succeeded: they are found again when its outputs are taken. */
const OF_OUTPUTS = ['SAME1603', 'SAME1604', 'SAME1611'];

/**
 * How an attempt ended: what its shim wrote says it first, then the state of its pod.
 * @param options.isCanceled it was asked to end; and `isKilled` at once
 */
export function attemptEnd(
  exit: ExitRecord | undefined,
  pod: PodEnd | undefined,
  {
    isCanceled,
    isKilled = false,
    hasTimeout,
  }: { isCanceled: boolean; isKilled?: boolean; hasTimeout: boolean },
): AttemptEnd | Lost {
  if (exit) return endByShim(exit, pod, isCanceled);
  const copy = parseExitRecord(pod?.message ?? '');
  // Where no command can be started any more, the shim has no way to put its own account into its place.
  if (copy?.exit === NOT_STARTED)
    return {
      status: 'failed',
      durationMs: 0,
      startError: 'its command and variables are longer than its system takes',
    };
  if (copy && copy.exit !== 0) return endByShim(copy, pod, isCanceled);
  if (isCanceled) return { status: 'canceled', durationMs: 0, ...(isKilled ? { signal: 'SIGKILL' } : {}) };
  if (!pod) return { lost: 'its pod was deleted' };
  const { exitCode, reason, podReason, message } = pod;
  if (reason === 'OOMKilled')
    return { status: 'failed', exitCode: exitCode ?? 137, isOutOfMemory: true, durationMs: 0 };
  if (podReason === 'DeadlineExceeded' && hasTimeout) return { status: 'timeout', durationMs: 0 };
  if (reason === 'StartError' || reason === 'ContainerCannotRun')
    return { status: 'failed', durationMs: 0, startError: message ?? 'its container cannot be started' };
  if (pod.isDisrupted) return { lost: `the cluster took its pod away${said(podReason, message)}` };
  if (pod.isDeleted) return { lost: 'its pod was deleted' };
  return { lost: `its pod ended without a word of how${said(podReason ?? reason, message)}` };
}

/** Of an attempt that was made as often as it may be. */
export function lostFor(step: string, times: number, { lost }: Lost): Finding {
  return {
    code: 'SAME1625',
    message: `step ${step} was lost ${times} times, at last because ${lost}`,
    hint: 'see what the cluster says: kubectl get events; the run goes on with: same run --resume',
  };
}

function endByShim(exit: ExitRecord, pod: PodEnd | undefined, isCanceled: boolean): AttemptEnd | Lost {
  const { durationMs } = exit;
  if (exit.timeout) return { status: 'timeout', exitCode: exit.exit, durationMs };
  if (exit.stopped && isCanceled) return { status: 'canceled', exitCode: exit.exit, durationMs };
  if (exit.stopped) return { lost: 'something in the cluster ended its pod' };
  if (exit.error === 'SAME1610')
    return { status: 'failed', durationMs, startError: 'its command is not to be found, or its directory' };
  if (exit.error === 'SAME1305') return { lost: 'what it reads was not on the volume' };
  if (exit.exit === 0 || OF_OUTPUTS.includes(exit.error))
    return { status: 'succeeded', exitCode: 0, durationMs };
  return {
    status: 'failed',
    exitCode: exit.exit,
    durationMs,
    // Only a child may have died: then what the command made of it counts.
    ...(pod?.reason === 'OOMKilled' ? { isOutOfMemory: true } : {}),
  };
}

function said(reason: string | undefined, message: string | undefined): string {
  const words = [reason, message].filter((word) => word !== undefined && word !== '');
  return words.length === 0 ? '' : ` (${words.join(': ')})`;
}
