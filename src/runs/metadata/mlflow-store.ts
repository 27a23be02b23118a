import { SameError } from '../../errors/same-error.ts';
import type { MetadataStore, MetadataStoreAddress, MetadataSurroundings } from './metadata-store.ts';

/** The tracking server of MLflow at an address. */
export function openMlflowStore(
  { address }: MetadataStoreAddress,
  _surroundings: MetadataSurroundings,
): MetadataStore {
  const none = async (): Promise<never> => {
    throw new SameError({ code: 'SAME1811', message: `${address} cannot be told of anything yet` });
  };
  return { check: none, tellProgram: none, tellRun: none, async [Symbol.asyncDispose]() {} };
}
