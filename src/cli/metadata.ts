import type {
  MetadataStore,
  MetadataStoreAddress,
  MetadataSurroundings,
} from '../runs/metadata/metadata-store.ts';
import { openMlflowStore } from '../runs/metadata/mlflow-store.ts';

export { deliver } from '../operations/deliver.ts';
export { openDiskOutbox } from '../runs/metadata/disk-outbox.ts';
export { toldRun } from '../runs/metadata/told-run.ts';
export { sayDelivered } from './render/delivered.ts';

/** The store at an address: what runs where one is set loads this, and nothing else does. @throws SAME1814 */
export async function openMetadataStore(
  address: MetadataStoreAddress,
  surroundings: MetadataSurroundings,
): Promise<MetadataStore> {
  switch (address.kind) {
    case 'mlflow':
      return openMlflowStore(address, surroundings);
    case 'postgresql':
      return (await import('./postgresql.ts')).openPostgresqlStore(address, surroundings);
  }
}
