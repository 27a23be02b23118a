import type { Lock } from './lock.ts';
import type { Program } from './schema.ts';

/** A data pointer whose content is not in the program's files. */
export interface RemoteData {
  name: string;
  /** Where it can be had, in the order in which to try. */
  uris: string[];
  /** `sha256:…` of one file, or `tree:sha256:…`, as the manifest or the lock states it. */
  digest?: string;
  sizeBytes?: number;
  /** Whether a bundle holds the content: only on request, always, or not even on request. */
  carry: 'pointer' | 'embed' | 'never';
  /** Whether a step gets the very bytes: not unpacked, not expected to change. */
  plain: boolean;
}

/** The data of a program that lies elsewhere, sorted by name by code unit. */
export function remoteData(program: Program, lock: Lock | undefined): RemoteData[] {
  return Object.entries(program.data ?? {})
    .filter(([, { uri }]) => isAddress(uri))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, pointer]) => {
      const locked = Object.hasOwn(lock?.data ?? {}, name) ? lock!.data![name] : undefined;
      const digest = pointer.digest ?? locked?.digest;
      const sizeBytes = pointer.size ?? locked?.size;
      return {
        name,
        uris: [pointer.uri, ...(pointer.mirrors ?? [])],
        ...(digest === undefined ? {} : { digest }),
        ...(sizeBytes === undefined ? {} : { sizeBytes }),
        carry: pointer.carry ?? 'pointer',
        plain: pointer.unpack === undefined && pointer.mutable !== true,
      };
    });
}

/** Whether the `uri` of data is an address, and no path in the program (spec chapter program, section Data). */
export function isAddress(uri: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]+:/.test(uri);
}
