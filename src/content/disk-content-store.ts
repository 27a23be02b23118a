import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { SameError } from '../errors/same-error.ts';
import {
  basename,
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  dirname,
  fromErrno,
  isErrno,
  join,
  lstatSync,
  MATERIALISED_AT_S,
  makeDirectories,
  namesIn,
  openSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFully,
} from '../host/files.ts';
import { isAbandoned, ownName } from '../host/process-identity.ts';
import { turn } from '../host/turns.ts';
import {
  hashFile,
  isUntouched,
  linkWherePossible,
  markUntouched,
  noteUse,
  piecesOf,
  READ_BYTES,
  streamAgain,
  streamChecked,
  takeBack,
} from './blob-file.ts';
import type { BlobId, LocalContentStore } from './content-store.ts';
import { hexIn, hexOf, mismatch, missing, tooLarge } from './digest.ts';

/** Pieces below this are joined before they are hashed and written. */
const JOIN_BYTES = 256 * 1024;
/** Where a collection puts blobs that nobody names, before it removes them. */
export const ASIDE = 'leaving';

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
  return new DiskContentStore(directory, options.signal, 'always');
}

class DiskContentStore implements LocalContentStore {
  readonly #directory: string;
  readonly #blobs: string;
  readonly #ingest: string;
  readonly #signal: AbortSignal | undefined;
  readonly #hashes: 'always' | 'what was touched';
  #swept = false;

  constructor(directory: string, signal: AbortSignal | undefined, hashes: 'always' | 'what was touched') {
    this.#signal = signal;
    this.#hashes = hashes;
    this.#directory = directory;
    this.#blobs = join(directory, 'blobs', 'sha256');
    this.#ingest = join(directory, 'ingest');
  }

  unhashed(): LocalContentStore {
    return new DiskContentStore(this.#directory, this.#signal, 'what was touched');
  }

  uninterrupted(): LocalContentStore {
    return new DiskContentStore(this.#directory, undefined, this.#hashes);
  }

  pathOf(digest: string): string {
    return join(this.#blobs, hexOf(digest));
  }

  async has(digest: string): Promise<boolean> {
    return (await this.size(digest)) !== undefined;
  }

  async size(digest: string): Promise<number | undefined> {
    const hex = hexIn(digest);
    return hex === undefined ? undefined : this.#used(join(this.#blobs, hex))?.size;
  }

  async read(digest: string, limitBytes = 4 * 2 ** 20): Promise<Buffer> {
    const stat = this.#statOf(this.pathOf(digest));
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
      throw this.#error(error, 'reading a blob');
    }
  }

  async stream(digest: string): Promise<Readable> {
    const path = this.pathOf(digest);
    if (this.#sizeOf(path) === undefined) throw missing(digest);
    const guard = (error: unknown) => this.#error(error, 'reading a blob');
    return Readable.from(streamChecked(path, digest, guard, this.#signal), {
      objectMode: false,
      highWaterMark: READ_BYTES,
    });
  }

  async reread(digest: string): Promise<AsyncIterable<Uint8Array>> {
    const path = this.pathOf(digest);
    if (this.#sizeOf(path) === undefined) throw missing(digest);
    return streamAgain(path, digest, (error) => this.#error(error, 'reading a blob'), this.#signal);
  }

  async write(bytes: Uint8Array): Promise<BlobId> {
    const id = {
      digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
      sizeBytes: bytes.length,
    };
    if (await this.holds(id)) return id;
    this.#guard('storing a blob', () => {
      const { path, fd } = this.#open();
      try {
        try {
          writeFully(fd, bytes);
        } finally {
          closeSync(fd);
        }
        this.#keep(path, id);
      } catch (error) {
        rmSync(path, { force: true });
        throw error;
      }
    });
    return id;
  }

  async ingest(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, expected?: BlobId): Promise<BlobId> {
    const { path, fd } = this.#guard('storing a blob', () => this.#open());
    try {
      const id = await this.#fill(fd, chunks, expected);
      this.#guard('storing a blob', () => this.#keep(path, id));
      return id;
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
  }

  async #fill(
    fd: number,
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    expected?: BlobId,
  ): Promise<BlobId> {
    const hash = createHash('sha256');
    let sizeBytes = 0;
    let small: Uint8Array[] = [];
    let smallBytes = 0;
    const put = (bytes: Uint8Array) => {
      hash.update(bytes);
      this.#guard('storing a blob', () => writeFully(fd, bytes));
    };
    const flush = () => {
      if (smallBytes > 0) put(small.length === 1 ? small[0]! : Buffer.concat(small, smallBytes));
      small = [];
      smallBytes = 0;
    };
    try {
      for await (const chunk of chunks) {
        await turn(chunk.length);
        sizeBytes += chunk.length;
        if (expected && sizeBytes > expected.sizeBytes) {
          throw mismatch(`${expected.digest} of ${expected.sizeBytes} bytes`, 'more bytes');
        }
        small.push(chunk);
        smallBytes += chunk.length;
        if (smallBytes >= JOIN_BYTES) flush();
      }
      flush();
    } finally {
      closeSync(fd);
    }
    const id = { digest: `sha256:${hash.digest('hex')}`, sizeBytes };
    if (expected && (id.digest !== expected.digest || sizeBytes !== expected.sizeBytes)) {
      throw mismatch(`${expected.digest} of ${expected.sizeBytes} bytes`, `${id.digest} of ${sizeBytes}`);
    }
    return id;
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
      throw this.#error(error, 'taking over a file');
    }
  }

  /** Moves a hashed file in; copies one that has other names (its owner could write through them) or is elsewhere. */
  async #take(path: string, id: BlobId, shared: boolean): Promise<void> {
    if (!shared) {
      try {
        chmodSync(path, 0o444);
        this.#inDirectories(() => this.#keep(path, id));
        return;
      } catch (error) {
        if (!isErrno(error, 'EXDEV', 'EPERM')) throw error;
      }
    }
    const { path: copy, fd } = this.#open();
    try {
      closeSync(fd);
      rmSync(copy);
      copyFileSync(path, copy, constants.COPYFILE_FICLONE);
      const got = await hashFile(copy, this.#signal);
      if (got.digest !== id.digest) throw mismatch(id.digest, got.digest);
      chmodSync(copy, 0o444);
      this.#keep(copy, id);
    } finally {
      rmSync(copy, { force: true });
    }
  }

  place(digest: string, path: string, mode: 'link' | 'copy', executable: boolean): void {
    const blob = this.pathOf(digest);
    this.#guard('placing a blob', () => {
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
    const stat = this.#statOf(blob);
    if (!stat) throw missing(digest);
    if (isUntouched(stat)) return;
    const hash = createHash('sha256');
    for (const piece of piecesOf(blob)) hash.update(piece);
    const got = `sha256:${hash.digest('hex')}`;
    if (got !== digest) {
      this.#quarantine(digest);
      throw mismatch(digest, got);
    }
    markUntouched(blob);
  }

  /** Moves a blob out of the way. */
  #quarantine(digest: string): void {
    const quarantine = join(this.#directory, 'quarantine');
    makeDirectories(quarantine);
    try {
      renameSync(this.pathOf(digest), join(quarantine, `${hexOf(digest)}-${randomBytes(6).toString('hex')}`));
    } catch (error) {
      // Another process was faster.
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  }

  digests(): string[] {
    return this.#guard('listing blobs', () =>
      namesIn(this.#blobs)
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
      throw this.#error(error, 'checking a blob');
    }
  }

  async recheck(digest: string): Promise<boolean> {
    const path = this.pathOf(digest);
    try {
      const stat = this.#statOf(path);
      if (!stat) throw missing(digest);
      if ((await hashFile(path)).digest === digest) {
        if (!isUntouched(stat)) markUntouched(path);
        return true;
      }
      this.#quarantine(digest);
      return false;
    } catch (error) {
      throw this.#error(error, 'checking a blob');
    }
  }

  async holds({ digest, sizeBytes }: BlobId): Promise<boolean> {
    const stat = this.#used(this.pathOf(digest));
    return stat?.size === sizeBytes && (isUntouched(stat) || this.recheck(digest));
  }

  #sizeOf(path: string): number | undefined {
    return this.#statOf(path)?.size;
  }

  #statOf(path: string): { size: number; mtimeMs: number; ctimeMs: number } | undefined {
    return this.#guard('looking for a blob', () => {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat || !takeBack(join(this.#directory, ASIDE, basename(path)), path)) return stat;
      return statSync(path, { throwIfNoEntry: false });
    });
  }

  /** What is asked for is counted on from here on. */
  #used(path: string): { size: number; mtimeMs: number } | undefined {
    const stat = this.#statOf(path);
    return stat && this.#guard('looking for a blob', () => noteUse(path, stat)) ? stat : undefined;
  }

  #open(): { path: string; fd: number } {
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

  #keep(path: string, id: BlobId): void {
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

  #guard<T>(doing: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#error(error, doing);
    }
  }

  #error(error: unknown, doing: string): unknown {
    return fromErrno(error, doing, dirname(this.#directory));
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
