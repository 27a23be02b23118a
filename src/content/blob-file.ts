import { createHash } from 'node:crypto';
import { epochMs } from '../host/clock.ts';
import {
  closeSync,
  isErrno,
  linkSync,
  MATERIALISED_AT_S,
  openSync,
  readSync,
  statSync,
  utimesSync,
  writeFully,
} from '../host/files.ts';
import { countRead } from '../host/tally.ts';
import { turn } from '../host/turns.ts';
import type { BlobId } from './content-store.ts';
import { mismatch, missing } from './digest.ts';

/** One read: node's sha256 is half as fast again with 1 MiB as with 64 KiB. */
export const READ_BYTES = 2 ** 20;

/** Pieces below this are joined before they are hashed and written. */
const JOIN_BYTES = 256 * 1024;

/** Whether a blob has the time that it was given when it was stored: whatever writes to a file changes that. */
export function isUntouched({ mtimeMs }: { mtimeMs: number }): boolean {
  return mtimeMs === MATERIALISED_AT_S * 1000;
}

/** A blob that was touched and is whole after all: a home copied without its times, for instance. */
export function markUntouched(path: string): void {
  try {
    utimesSync(path, epochMs() / 1000, MATERIALISED_AT_S);
  } catch (error) {
    // Another user's, or a disk that cannot be written: it will be looked at again.
    if (!isErrno(error, 'EPERM', 'EACCES', 'EROFS', 'ENOENT')) throw error;
  }
}

/** What was used this lately needs no new note of it; a collection leaves alone what was used within a day. */
const USED_LATELY_MS = 30 * 60_000;

/**
 * Notes that somebody counts on a blob being there: by its times a collection of what nobody names tells that it is in
 * use (spec SAME-RUN-051).
 * @returns false where it has just gone
 */
export function noteUse(path: string, { ctimeMs, mtimeMs }: { ctimeMs: number; mtimeMs: number }): boolean {
  if (epochMs() - ctimeMs < USED_LATELY_MS) return true;
  try {
    utimesSync(path, epochMs() / 1000, mtimeMs / 1000);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    // Another user's, or a disk that cannot be written: nobody collects there with this user's rights.
    if (isErrno(error, 'EPERM', 'EACCES', 'EROFS')) return true;
    throw error;
  }
}

/** Takes a blob back that a collection has put aside. @returns whether it was there */
export function takeBack(aside: string, path: string): boolean {
  try {
    linkSync(aside, path);
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return true;
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'EPERM', 'EACCES', 'EROFS')) return false;
    throw error;
  }
}

/** Gives a blob another name. @returns false where the file system has none for it, so that it is copied instead */
export function linkWherePossible(blob: string, path: string): boolean {
  try {
    linkSync(blob, path);
    return true;
  } catch (error) {
    if (isErrno(error, 'EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'ENOSYS', 'EACCES')) return false;
    throw error;
  }
}

/** The digest and length of a file. @param signal once it is aborted, SAME1903 */
export async function hashFile(path: string, signal?: AbortSignal): Promise<BlobId> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for (const piece of piecesOf(path)) {
    hash.update(piece);
    sizeBytes += piece.length;
    countRead(piece.length);
    await turn(piece.length, signal);
  }
  return { digest: `sha256:${hash.digest('hex')}`, sizeBytes };
}

/**
 * Writes what a blob is made of into an open file, and closes it.
 * @param options.guard around each write: says what went wrong in the product's words
 * @throws SAME1301 it is not what was expected
 */
export async function writeChunks(
  fd: number,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { expected, guard }: { expected?: BlobId | undefined; guard(work: () => void): void },
): Promise<BlobId> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  let small: Uint8Array[] = [];
  let smallBytes = 0;
  const put = (bytes: Uint8Array) => {
    hash.update(bytes);
    guard(() => writeFully(fd, bytes));
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

/** A file's bytes; each piece is good until the next one is asked for. */
export function* piecesOf(path: string): Generator<Buffer> {
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.allocUnsafeSlow(Math.max(1, Math.min(READ_BYTES, statSync(path).size + 1)));
    for (;;) {
      const length = readSync(fd, buffer, 0, buffer.length, null);
      if (length === 0) return;
      yield buffer.subarray(0, length);
    }
  } finally {
    closeSync(fd);
  }
}

/**
 * The bytes of a blob's file, each piece the reader's to keep.
 * @param guard turns an error of the file system into ours
 * @throws SAME1305 it is not there · SAME1301 after the last piece, when the bytes are not those of the digest
 */
export async function* streamChecked(
  path: string,
  digest: string,
  guard: (error: unknown) => unknown,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const piece of streamAgain(path, digest, guard, signal)) {
    hash.update(piece);
    countRead(piece.length);
    yield piece;
  }
  const got = `sha256:${hash.digest('hex')}`;
  if (got !== digest) throw mismatch(digest, got);
}

/** {@link streamChecked} of a blob that was compared with its digest before, and is not once more. */
export async function* streamAgain(
  path: string,
  digest: string,
  guard: (error: unknown) => unknown,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    const pieceBytes = Math.min(READ_BYTES, statSync(path).size + 1);
    for (;;) {
      // Each piece is the reader's to keep, so each has its own memory.
      const buffer = Buffer.allocUnsafeSlow(pieceBytes);
      const length = readSync(fd, buffer, 0, pieceBytes, null);
      if (length === 0) break;
      await turn(length, signal);
      yield buffer.subarray(0, length);
    }
  } catch (error) {
    throw isErrno(error, 'ENOENT') ? missing(digest) : guard(error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
