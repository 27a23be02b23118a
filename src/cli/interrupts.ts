import type { Cli } from './cli.ts';

/**
 * Turns Ctrl-C and TERM into two signals: the first asks everything to stop and clean up, the second kills at once.
 * Handlers are installed on first use, so that a command which needs none dies as usual.
 */
export function watchInterrupts(cli: Cli): { cancel: AbortSignal; kill: AbortSignal } {
  const cancel = new AbortController();
  const kill = new AbortController();
  const onSignal = () => {
    if (cancel.signal.aborted) {
      kill.abort();
      return;
    }
    cli.say('stopping; once more to kill at once');
    cancel.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return { cancel: cancel.signal, kill: kill.signal };
}
