import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { SameError } from '../errors/same-error.ts';
import { SHORT_HASH_BYTES, shortHash } from '../host/short-hash.ts';
import { isSha256 } from '../program/digest.ts';
import type { RegistryAddress } from './registry.ts';
import type { RegistrySession } from './session.ts';

/** What the parts of a repository's protocol share. */
export interface RepositoryPlace {
  session: RegistrySession;
  address: RegistryAddress;
  /** `oci://HOST/REPOSITORY`. */
  label: string;
  /** What a token must allow. */
  pull: readonly string[];
  push: readonly string[];
  chunkBytes: number;
}

/** What an answer that nobody reads may have: to read it to its end is cheaper than another connection, up to here. */
const DISCARDED_BYTES = 16 * 1024;

/** Reads an answer's body for nobody, to its end where that is near: how it ends does not matter any more. */
export function discard(body: Readable): void {
  let sizeBytes = 0;
  body
    .on('error', () => {})
    .on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > DISCARDED_BYTES) body.destroy();
    });
}

/** The digest of bytes. */
export function digestOf(bytes: Uint8Array): string {
  if (bytes.length <= SHORT_HASH_BYTES) return `sha256:${shortHash(bytes)}`;
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Whether a text is a digest that can be checked. */
export function isDigest(text: unknown): text is string {
  return isSha256(text);
}

/** @throws SAME1301 the registry says that it stored something else than it was sent */
export function refuseOtherDigest(place: RepositoryPlace, digest: string, said: unknown): void {
  if (!isDigest(said) || said === digest) return;
  throw new SameError({
    code: 'SAME1301',
    message: `writing to ${place.label}: ${digest} was sent, and the registry says it stored ${said}`,
    place: digest,
    hint: 'tell whoever runs the registry; nothing points at what it stored',
  });
}

/** The error for bytes that are not those of their digest. */
export function otherBytes(place: RepositoryPlace, digest: string, got: string): SameError {
  return new SameError({
    code: 'SAME1301',
    message: `reading from ${place.label}: expected ${digest}, got ${got}`,
    place: digest,
    hint: 'nothing of it was stored; try again, or get it from another registry',
  });
}
