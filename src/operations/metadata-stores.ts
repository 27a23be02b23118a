import { throwFindings } from '../errors/same-error.ts';
import type { MetadataStoreAddress } from '../program/store-address.ts';
import type { Telling } from '../runs/metadata/outbox.ts';
import type { Ports } from './ports.ts';

/**
 * The store that is set in `config.yaml` of the home. Where nothing in that file can be one, nothing is loaded for it.
 * @throws all that is wrong with the file, with its places
 */
export async function metadataStoreOf(ports: Ports): Promise<MetadataStoreAddress | undefined> {
  const file = `${ports.home}/config.yaml`;
  const bytes = ports.files.read(file);
  // In YAML a backslash can stand for any letter.
  if (!bytes || !(bytes.includes('metadata') || bytes.includes('\\'))) return undefined;
  const { configuration, findings } = await ports.parseConfiguration(bytes, file);
  throwFindings(findings);
  return configuration!.store;
}

/** Queues what a store is to be told, where one is set. What is wrong with that is a warning: it stops no work. */
export async function queueTelling(ports: Ports, telling: Telling): Promise<void> {
  try {
    if (await ports.metadataStore()) (await ports.openOutbox()).put(telling);
  } catch (error) {
    warnOf(ports, error, `${telling.kind === 'run' ? telling.id : telling.name} is not queued for the store`);
  }
}

/** Warns of what went wrong beside the work. */
export function warnOf(ports: Ports, error: unknown, message: string): void {
  const finding = (error as { findings?: { code: 'SAME1811'; message: string; hint?: string }[] })
    .findings?.[0];
  ports.warn({
    code: finding?.code ?? 'SAME1811',
    message: `${message}: ${finding?.message ?? String(error)}`,
    hint: finding?.hint ?? 'tell it what it does not have: same deliver --all',
  });
}
