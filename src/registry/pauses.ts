/** Time, as a session sees it. */
export interface SessionClock {
  /** Milliseconds since the epoch. */
  nowMs(): number;
  /** Ends early when the session's signal is aborted. */
  sleep(ms: number): Promise<void>;
  /** From 0 up to 1, as `Math.random`, which is the default. */
  random?(): number;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const LONGEST_WAIT_MS = 60_000;

/** The waiting before the n-th further try: it doubles, and half of it is left to chance so that clients part. */
export function pauseMs(tries: number, { random = Math.random }: SessionClock): number {
  const full = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1));
  return Math.round(full * (0.5 + random() / 2));
}

/** What `Retry-After` says, in seconds or as a date; at most a minute. Undefined when it says nothing that is understood. */
export function retryAfterMs(header: string | undefined, { nowMs }: SessionClock): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs();
  return Number.isNaN(ms) ? undefined : Math.min(LONGEST_WAIT_MS, Math.max(0, ms));
}
