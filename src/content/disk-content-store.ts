import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { SameError } from '../errors/same-error.ts';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  isErrno,
  lstatSync,
  MATERIALISED_AT_S,
  rmSync,
  utimesSync,
  writeFully,
} from '../host/files.ts';
import { turn } from '../host/turns.ts';
import { BlobDirectory } from './blob-directory.ts';
import {
  hashFile,
  isUntouched,
  linkWherePossible,
  markUntouched,
  piecesOf,
  READ_BYTES,
  streamAgain,
  streamChecked,
  writeChunks,
} from './blob-file.ts';
import type { BlobId, LocalContentStore } from './content-store.ts';
import { hexIn, mismatch, missing, tooLarge } from './digest.ts';

/**
 * A content store in a directory: `blobs/sha256/<hex>`, read-only files of the time 1980-01-02. Blobs appear whole, by
 * rename from `ingest/`, so any number of processes may share one. Directories are made by the first write, not before.
 * File system errors come out as SAME1401, SAME1402 or SAME1404.
 * @param options.signal once it is aborted, streams end with SAME1903 and nothing is taken over any more
 */
export function openDiskContentStore(
  directory: string,
  options: { signal?: AbortSignal | undefined } = {},
): LocalContentStore {
  return new DiskContentStore(new BlobDirectory(directory), options.signal, 'always');
}

class DiskContentStore implements LocalContentStore {
  readonly #places: BlobDirectory;
  readonly #signal: AbortSignal | undefined;
  readonly #hashes: 'always' | 'what was touched';

  constructor(places: BlobDirectory, signal: AbortSignal | undefined, hashes: 'always' | 'what was touched') {
    this.#places = places;
    this.#signal = signal;
    this.#hashes = hashes;
  }

  unhashed(): LocalContentStore {
    return new DiskContentStore(this.#places, this.#signal, 'what was touched');
  }

  uninterrupted(): LocalContentStore {
    return new DiskContentStore(this.#places, undefined, this.#hashes);
  }

  pathOf(digest: string): string {
    return this.#places.pathOf(digest);
  }

  async has(digest: string): Promise<boolean> {
    return (await this.size(digest)) !== undefined;
  }

  async size(digest: string): Promise<number | undefined> {
    return hexIn(digest) === undefined ? undefined : this.#places.used(this.pathOf(digest))?.size;
  }

  async read(digest: string, limitBytes = 4 * 2 ** 20): Promise<Buffer> {
    const stat = this.#places.statOf(this.pathOf(digest));
    if (stat === undefined) throw missing(digest);
    const sizeBytes = stat.size;
    if (sizeBytes > limitBytes) throw tooLarge(digest, sizeBytes, limitBytes);
    try {
      const bytes = Buffer.allocUnsafe(sizeBytes);
      let used = 0;
      const hash = this.#hashes === 'always' || !isUntouched(stat) ? createHash('sha256') : undefined;
      for (const piece of piecesOf(this.pathOf(digest))) {
        if (used + piece.length > sizeBytes) throw mismatch(digest, 'more bytes');
        hash?.update(piece);
        bytes.set(piece, used);
        used += piece.length;
        await turn(piece.length);
      }
      if (!hash && used < sizeBytes) throw mismatch(digest, 'fewer bytes');
      const got = hash && `sha256:${hash.digest('hex')}`;
      if (got !== undefined && got !== digest) throw mismatch(digest, got);
      return bytes;
    } catch (error) {
      throw this.#places.error(error, 'reading a blob');
    }
  }

  async stream(digest: string): Promise<Readable> {
    const path = this.pathOf(digest);
    if (this.#sizeOf(path) === undefined) throw missing(digest);
    const guard = (error: unknown) => this.#places.error(error, 'reading a blob');
    return Readable.from(streamChecked(path, digest, guard, this.#signal), {
      objectMode: false,
      highWaterMark: READ_BYTES,
    });
  }

  async reread(digest: string): Promise<AsyncIterable<Uint8Array>> {
    const path = this.pathOf(digest);
    if (this.#sizeOf(path) === undefined) throw missing(digest);
    return streamAgain(path, digest, (error) => this.#places.error(error, 'reading a blob'), this.#signal);
  }

  async write(bytes: Uint8Array): Promise<BlobId> {
    const id = {
      digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
      sizeBytes: bytes.length,
    };
    if (await this.holds(id)) return id;
    this.#places.guard('storing a blob', () => {
      const { path, fd } = this.#places.open();
      try {
        try {
          writeFully(fd, bytes);
        } finally {
          closeSync(fd);
        }
        this.#places.keep(path, id);
      } catch (error) {
        rmSync(path, { force: true });
        throw error;
      }
    });
    return id;
  }

  async ingest(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, expected?: BlobId): Promise<BlobId> {
    const { path, fd } = this.#places.guard('storing a blob', () => this.#places.open());
    try {
      const id = await writeChunks(fd, chunks, {
        expected,
        guard: (work) => this.#places.guard('storing a blob', work),
      });
      this.#places.guard('storing a blob', () => this.#places.keep(path, id));
      return id;
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
  }

  async adopt(path: string, known?: BlobId): Promise<BlobId> {
    try {
      const stat = lstatSync(path);
      if (!stat.isFile())
        throw new SameError({ code: 'SAME1611', message: `${path} is not a regular file`, place: path });
      const id = known && isUntouched(stat) ? known : await hashFile(path, this.#signal);
      const { size, mtimeMs } = lstatSync(path);
      if (size !== id.sizeBytes || mtimeMs !== stat.mtimeMs) throw stillWritten(path);
      if (!(await this.holds(id))) await this.#take(path, id, stat.nlink > 1);
      rmSync(path, { force: true });
      return id;
    } catch (error) {
      throw this.#places.error(error, 'taking over a file');
    }
  }

  /** Moves a hashed file in; copies one that has other names (its owner could write through them) or is elsewhere. */
  async #take(path: string, id: BlobId, shared: boolean): Promise<void> {
    if (!shared) {
      try {
        chmodSync(path, 0o444);
        this.#places.keep(path, id);
        return;
      } catch (error) {
        if (!isErrno(error, 'EXDEV', 'EPERM')) throw error;
      }
    }
    const { path: copy, fd } = this.#places.open();
    try {
      closeSync(fd);
      rmSync(copy);
      copyFileSync(path, copy, constants.COPYFILE_FICLONE);
      const got = await hashFile(copy, this.#signal);
      if (got.digest !== id.digest) throw mismatch(id.digest, got.digest);
      chmodSync(copy, 0o444);
      this.#places.keep(copy, id);
    } finally {
      rmSync(copy, { force: true });
    }
  }

  place(digest: string, path: string, mode: 'link' | 'copy', executable: boolean): void {
    const blob = this.pathOf(digest);
    this.#places.guard('placing a blob', () => {
      this.#refuseDamaged(digest);
      try {
        // A hard link shares the blob's mode, so an executable that may not be written is a copy.
        if (mode === 'link' && !executable && linkWherePossible(blob, path)) return;
        copyFileSync(blob, path, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
      } catch (error) {
        if (isErrno(error, 'ENOENT') && this.#sizeOf(blob) === undefined) throw missing(digest);
        throw error;
      }
      chmodSync(path, (executable ? 0o555 : 0o444) | (mode === 'copy' ? 0o200 : 0));
      utimesSync(path, MATERIALISED_AT_S, MATERIALISED_AT_S);
    });
  }

  /** @throws SAME1305 not there · SAME1301 written to after it was stored, and other than it was */
  #refuseDamaged(digest: string): void {
    const blob = this.pathOf(digest);
    const stat = this.#places.statOf(blob);
    if (!stat) throw missing(digest);
    if (isUntouched(stat)) return;
    const hash = createHash('sha256');
    for (const piece of piecesOf(blob)) hash.update(piece);
    const got = `sha256:${hash.digest('hex')}`;
    if (got !== digest) {
      this.#places.quarantine(digest);
      throw mismatch(digest, got);
    }
    markUntouched(blob);
  }

  digests(): string[] {
    return this.#places.guard('listing blobs', () =>
      this.#places
        .names()
        .map((name) => `sha256:${name}`)
        .filter((digest) => hexIn(digest) !== undefined),
    );
  }

  async isWhole(digest: string): Promise<boolean> {
    const path = this.pathOf(digest);
    if (this.#sizeOf(path) === undefined) return false;
    try {
      return (await hashFile(path, this.#signal)).digest === digest;
    } catch (error) {
      throw this.#places.error(error, 'checking a blob');
    }
  }

  async recheck(digest: string): Promise<boolean> {
    const path = this.pathOf(digest);
    try {
      const stat = this.#places.statOf(path);
      if (!stat) throw missing(digest);
      if ((await hashFile(path)).digest === digest) {
        if (!isUntouched(stat)) markUntouched(path);
        return true;
      }
      this.#places.quarantine(digest);
      return false;
    } catch (error) {
      throw this.#places.error(error, 'checking a blob');
    }
  }

  async holds({ digest, sizeBytes }: BlobId): Promise<boolean> {
    const stat = this.#places.used(this.pathOf(digest));
    return stat?.size === sizeBytes && (isUntouched(stat) || this.recheck(digest));
  }

  #sizeOf(path: string): number | undefined {
    return this.#places.statOf(path)?.size;
  }
}

function stillWritten(path: string): SameError {
  return new SameError({
    code: 'SAME1611',
    message: `${path} was written to while it was stored`,
    place: path,
    hint: 'a step has to wait for the processes that it starts',
  });
}
