import { getEventListeners } from 'node:events';
import type { Cli } from './cli.ts';

/** What a shell says of a command that Ctrl-C ended. */
const INTERRUPTED = 130;
const CLEAN_UP_MS = 1000;

/**
 * Turns Ctrl-C and TERM into two signals: the first asks everything to stop and clean up, the second kills at once.
 * A third ends this process where it stands. Handlers are installed on first use, so that a command which needs none
 * dies as usual.
 */
export function watchInterrupts(cli: Cli): { cancel: AbortSignal; kill: AbortSignal } {
  const cancel = new AbortController();
  const kill = new AbortController();
  const onSignal = () => {
    if (kill.signal.aborted) process.exit(INTERRUPTED);
    if (cancel.signal.aborted) {
      const stepRuns = getEventListeners(kill.signal, 'abort').length > 0;
      kill.abort();
      // Nothing is left to kill but this process, once it has had the time to clean up.
      if (!stepRuns) setTimeout(() => process.exit(INTERRUPTED), CLEAN_UP_MS).unref();
      return;
    }
    cli.say(cli.stopping);
    cancel.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return { cancel: cancel.signal, kill: kill.signal };
}
