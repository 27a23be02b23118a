import { warnOf } from '../operations/metadata-stores.ts';
import type { Cli } from './cli.ts';

/**
 * After what a command did is done and said: tells the store, where one is set, what waits. Whatever becomes of that, the
 * command ends as it would have (spec SAME-RUN-113).
 */
export async function tellStore(cli: Cli): Promise<void> {
  const ports = cli.ports();
  try {
    // What is wrong with the configuration was warned of when there was something to queue.
    if (!(await ports.metadataStore().catch(() => undefined))) return;
    if (ports.cancel.aborted) return cli.say('what a store is to be told waits; tell it with: same deliver');
    const { deliver, sayDelivered } = await import('./metadata.ts');
    sayDelivered(cli, await deliver(ports, { isPatient: false }));
  } catch (error) {
    if (ports.cancel.aborted) cli.say('what a store is to be told waits; tell it with: same deliver');
    else warnOf(ports, error, 'the store is not told of this');
  }
}
