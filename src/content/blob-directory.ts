import { randomBytes } from 'node:crypto';
import {
  basename,
  dirname,
  fromErrno,
  isErrno,
  join,
  MATERIALISED_AT_S,
  makeDirectories,
  namesIn,
  openSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from '../host/files.ts';
import { isAbandoned, ownName } from '../host/process-identity.ts';
import { noteUse, takeBack } from './blob-file.ts';
import type { BlobId } from './content-store.ts';
import { hexOf } from './digest.ts';

/** Where a collection puts blobs that nobody names, before it removes them. */
export const ASIDE = 'leaving';

/**
 * Where the blobs of a store lie, and what is on its way to become one: `blobs/sha256/<hex>` and `ingest/`. Directories are
 * made by the first write, not before.
 */
export class BlobDirectory {
  readonly #directory: string;
  readonly #blobs: string;
  readonly #ingest: string;
  #swept = false;

  constructor(directory: string) {
    this.#directory = directory;
    this.#blobs = join(directory, 'blobs', 'sha256');
    this.#ingest = join(directory, 'ingest');
  }

  /** @throws SAME1305 it is no digest of a blob */
  pathOf(digest: string): string {
    return join(this.#blobs, hexOf(digest));
  }

  /** What lies among the blobs. */
  names(): string[] {
    return namesIn(this.#blobs);
  }

  /** Of a blob, also of one that a collection was about to take away. @throws SAME1404 */
  statOf(path: string): { size: number; mtimeMs: number; ctimeMs: number } | undefined {
    return this.guard('looking for a blob', () => {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat || !takeBack(join(this.#directory, ASIDE, basename(path)), path)) return stat;
      return statSync(path, { throwIfNoEntry: false });
    });
  }

  /** What is asked for is counted on from here on. */
  used(path: string): { size: number; mtimeMs: number } | undefined {
    const stat = this.statOf(path);
    return stat && this.guard('looking for a blob', () => noteUse(path, stat)) ? stat : undefined;
  }

  /** A new file to write a blob into. */
  open(): { path: string; fd: number } {
    this.#removeAbandoned();
    const path = join(this.#ingest, ownName());
    return { path, fd: this.#inDirectories(() => openSync(path, 'wx', 0o444)) };
  }

  /** Removes, once, what commands that were killed had half stored: it may be what filled the disk. */
  #removeAbandoned(): void {
    if (this.#swept) return;
    this.#swept = true;
    for (const name of namesIn(this.#ingest)) {
      if (isAbandoned(name)) rmSync(join(this.#ingest, name), { force: true });
    }
  }

  /** Gives a file that was written its place as a blob. */
  keep(path: string, id: BlobId): void {
    utimesSync(path, MATERIALISED_AT_S, MATERIALISED_AT_S);
    this.#inDirectories(() => renameSync(path, this.pathOf(id.digest)));
  }

  #inDirectories<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
      makeDirectories(this.#ingest);
      makeDirectories(this.#blobs);
      return work();
    }
  }

  /** @throws what `work` does, in the product's words */
  guard<T>(doing: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.error(error, doing);
    }
  }

  /** An error of the file system in the product's words; any other as it is. */
  error(error: unknown, doing: string): unknown {
    return fromErrno(error, doing, dirname(this.#directory));
  }

  /** Moves a blob out of the way. */
  quarantine(digest: string): void {
    const quarantine = join(this.#directory, 'quarantine');
    makeDirectories(quarantine);
    try {
      renameSync(this.pathOf(digest), join(quarantine, `${hexOf(digest)}-${randomBytes(6).toString('hex')}`));
    } catch (error) {
      // Another process was faster.
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  }
}
