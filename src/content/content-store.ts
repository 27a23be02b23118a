import type { Readable } from 'node:stream';
import type { SameError } from '../errors/same-error.ts';

/** A blob's identity: `sha256:<64 hex>` and its length in bytes. */
export interface BlobId {
  digest: string;
  sizeBytes: number;
}

/**
 * Content-addressed storage of blobs (spec chapter bundle). Whatever comes out has been checked against its digest.
 * Implementations: a directory on disk, memory, later an OCI registry; all pass `test/contract/content-store.ts`.
 */
export interface ContentStore {
  /** Whether the blob is there. */
  has(digest: string): Promise<boolean>;
  /** The blob's length in bytes, or undefined when it is not there. */
  size(digest: string): Promise<number | undefined>;
  /**
   * The whole blob, checked.
   * @param limitBytes refuse larger blobs (default 4 MiB, the limit of JSON documents).
   * @throws SAME1305 not there · SAME1301 damaged · SAME1304 over the limit
   */
  read(digest: string, limitBytes?: number): Promise<Buffer>;
  /** The blob as a stream that ends with SAME1301 when the bytes do not match. @throws SAME1305 */
  stream(digest: string): Promise<Readable>;
  /** Stores bytes; storing what is there already is no error. */
  write(bytes: Uint8Array): Promise<BlobId>;
  /**
   * Stores a stream of any length in constant memory; nothing is left when it fails.
   * @param expected when given, other bytes are refused. @throws SAME1301
   */
  ingest(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, expected?: BlobId): Promise<BlobId>;
  /**
   * The same store for finding out what there is to do, not for what is sent or kept elsewhere: it reads what nothing has
   * written to since it was stored without hashing it once more. To load what hashes costs more than to ask a registry.
   */
  unhashed?(): ContentStore;
}

/** A content store that can tell what it compared with its digest before, and so need not read it all once more. */
export interface TrustedContentStore extends ContentStore {
  /** Whether the blob is there and whole; it is read only when something wrote to it since it was stored. */
  holds(id: BlobId): Promise<boolean>;
  /** The bytes of a blob that it {@link TrustedContentStore.holds}, which are not compared again. @throws SAME1305 */
  reread(digest: string): Promise<AsyncIterable<Uint8Array>>;
  /**
   * Hashes a file and takes it over (moved where possible, else copied). The path is gone afterwards.
   * @param known what the file held when a store hashed it, believed while nothing has written to it since
   */
  adopt(path: string, known?: BlobId): Promise<BlobId>;
}

/** A content store on this machine's disk, which can hand out and take over files. */
export interface LocalContentStore extends TrustedContentStore {
  unhashed(): LocalContentStore;
  /** The same store for what is stored to its end, although everything was asked to stop. */
  uninterrupted(): LocalContentStore;
  /** Where the blob's file is; it must not be written. */
  pathOf(digest: string): string;
  /** Puts a blob at `path`: a read-only hard link where the file system can, else a copy; `copy` makes it writable. */
  place(digest: string, path: string, mode: 'link' | 'copy', executable: boolean): void;
  /** The digest of every blob, sorted. */
  digests(): string[];
  /** Re-hashes a blob and leaves it where it is. @returns false when it is damaged or not there */
  isWhole(digest: string): Promise<boolean>;
  /** Re-hashes a blob and moves it out of the way when it is damaged. @returns false when it was damaged. */
  recheck(digest: string): Promise<boolean>;
}

/** What is fetched from elsewhere, so that a fetching which was cut, or killed, goes on where it ended. */
export interface Downloads {
  /**
   * Fetches a blob into a file of its own.
   * @param open its bytes from an offset on; each piece is the downloads' own, and may be used again
   * @param watch is shown each byte that was or is fetched, in order
   * @returns the file, whose bytes are those of the digest: for {@link TrustedContentStore.adopt}
   * @throws SAME1301 other bytes came · SAME1903
   */
  complete(
    blob: BlobId,
    open: (startBytes: number) => AsyncIterable<Uint8Array>,
    watch?: DownloadWatch,
  ): Promise<string>;
}

/** Someone who looks at the bytes of a blob while they come, before they were compared with its digest. */
export interface DownloadWatch {
  /** What follows are its bytes from the first one on; what was shown before is to be forgotten. */
  begin(): void;
  /** @param piece good until this returns */
  feed(piece: Uint8Array): void;
}

/** A store whose new blobs lie aside until they are kept. */
export interface StagedContentStore extends TrustedContentStore {
  /** Forgets what was written and is none of these: it was looked at only. */
  retain(digests: ReadonlySet<string>): void;
  /** Moves what was written into the store behind; it stays readable here. */
  keep(): Promise<void>;
}

/** What `NAME:VERSION` is pinned to. `soft` pins (made from a directory) may be replaced by create. */
export interface Pin {
  name: string;
  version: string;
  digest: string;
  pin: 'soft' | 'hard';
  /** Digest of the origin record, when one is known. */
  origin?: string;
  /** Where it was last pushed to or pulled from: `oci://HOST[:PORT]/REPOSITORY`. */
  registry?: string;
  /** RFC 3339. */
  pinnedAt: string;
}

/** The names in a home: one file per pin, created exclusively. */
export interface PinStore {
  /**
   * All pins, by folded name then version order.
   * @param onDamaged told of each file that is no pin; without it the first one is thrown
   */
  list(onDamaged?: (problem: SameError) => void): Pin[];
  /** All versions of a name (any spelling that folds to it). */
  versions(name: string): Pin[];
  get(name: string, version: string): Pin | undefined;
  /**
   * Pins a name. The same digest again is no change.
   * @param replace whether a soft pin to another digest gives way
   * @returns what was pinned before, when a soft pin was replaced.
   * @throws SAME1206 another digest is pinned · SAME1207 the name or version differs only in spelling
   */
  pin(pin: Pin, replace?: 'soft' | 'none'): Pin | undefined;
  /** Throws what {@link PinStore.pin} would throw, and changes nothing. */
  check(pin: Pin, replace?: 'soft' | 'none'): void;
  /** Makes a soft pin hard (after export, push, sign). @param registry where it was pushed to, remembered with it */
  harden(name: string, version: string, registry?: string): void;
  /** @returns false when it was not there. */
  remove(name: string, version: string): boolean;
}

/** Manifests that point at a subject (runs, origins, signatures of a program), by digest. */
export interface ReferrerStore {
  add(subject: string, referrer: string): void;
  list(subject: string): string[];
  /** Every subject that something points at, sorted. */
  subjects(): string[];
}

/** A blob as a collection sees it. */
export interface StoredBlob {
  digest: string;
  sizeBytes: number;
  /** When it was stored, or last counted on, in ms since 1970. */
  usedMs: number;
}

/** Removes what nobody names from the content of a home, while others use it. */
export interface BlobCollector {
  list(): StoredBlob[];
  /** A blob's bytes when it may be JSON: nothing of others, nor beyond the limit. */
  document(digest: string, limitBytes: number): Iterable<Uint8Array>;
  /** Takes back what an earlier collection put aside and did not remove. */
  restore(): void;
  /** Puts a blob aside, unless it was used since. @returns whether it is aside now */
  setAside(digest: string, beforeMs: number): boolean;
  putBack(digest: string): void;
  /** Removes a blob that is aside for good. @returns the bytes that this frees */
  remove(digest: string): number;
  /** What commands that were killed had half stored. */
  removeLeftovers(): void;
}
