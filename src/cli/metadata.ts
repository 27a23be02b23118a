import { SameError } from '../errors/same-error.ts';
import type {
  MetadataStore,
  MetadataStoreAddress,
  MetadataSurroundings,
} from '../runs/metadata/metadata-store.ts';
import { openMlflowStore } from '../runs/metadata/mlflow-store.ts';

/** The store at an address: what runs where one is set loads this, and nothing else does. @throws SAME1814 */
export async function openMetadataStore(
  address: MetadataStoreAddress,
  surroundings: MetadataSurroundings,
): Promise<MetadataStore> {
  switch (address.kind) {
    case 'mlflow':
      return openMlflowStore(address, surroundings);
    default:
      throw new SameError({
        code: 'SAME1814',
        message: `stores of kind ${address.kind} are not in this version of same`,
        place: address.address,
      });
  }
}
