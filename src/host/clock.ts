/** The instant now, as RFC 3339 UTC with milliseconds. */
export function now(): string {
  return new Date().toISOString();
}

/** Milliseconds since the epoch. */
export function epochMs(): number {
  return Date.now();
}

/** Milliseconds of a monotonic clock, for durations. */
export function monotonicMs(): number {
  // performance.now() would load ten modules into every run.
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Resolves after `ms`, or at once when the signal aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal?.aborted) return done();
    const timer = setTimeout(finish, ms);
    function finish(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      done();
    }
    signal?.addEventListener('abort', finish, { once: true });
  });
}
