import {
  closeSync,
  fromErrno,
  isErrno,
  join,
  makeDirectories,
  namesIn,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
} from '../host/files.ts';
import { isAbandoned } from '../host/process-identity.ts';
import { ASIDE } from './blob-directory.ts';
import { READ_BYTES, takeBack } from './blob-file.ts';
import type { BlobCollector, StoredBlob } from './content-store.ts';
import { hexIn, hexOf } from './digest.ts';

const BRACE = 0x7b;
const BRACKET = 0x5b;

/**
 * Removes blobs of a content directory. A blob first goes to `leaving/`, from where every store takes it back when it is
 * asked for, and is gone only then: whoever used it a moment before still has it.
 */
export function openBlobCollector(directory: string): BlobCollector {
  const blobs = join(directory, 'blobs', 'sha256');
  const leaving = join(directory, ASIDE);
  const guard = <T>(doing: string, work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw fromErrno(error, doing, directory);
    }
  };
  const putBack = (hex: string) => {
    takeBack(join(leaving, hex), join(blobs, hex));
    rmSync(join(leaving, hex), { force: true });
  };
  return {
    list: () =>
      guard('listing blobs', () =>
        namesIn(blobs).flatMap((name): StoredBlob[] => {
          const digest = `sha256:${name}`;
          const stat = hexIn(digest) && statSync(join(blobs, name), { throwIfNoEntry: false });
          return stat ? [{ digest, sizeBytes: stat.size, usedMs: Math.max(stat.ctimeMs, stat.atimeMs) }] : [];
        }),
      ),
    *document(digest, limitBytes) {
      for (const place of [blobs, leaving]) {
        try {
          yield* documentBytes(join(place, hexOf(digest)), limitBytes);
          return;
        } catch (error) {
          if (!isErrno(error, 'ENOENT')) throw fromErrno(error, 'reading a blob', directory);
        }
      }
    },
    restore: () =>
      guard('taking blobs back', () => {
        for (const hex of namesIn(leaving)) putBack(hex);
      }),
    setAside(digest, beforeMs) {
      const hex = hexOf(digest);
      return guard('removing a blob', () => {
        const stat = statSync(join(blobs, hex), { throwIfNoEntry: false });
        if (!stat || Math.max(stat.ctimeMs, stat.atimeMs) >= beforeMs) return false;
        makeDirectories(leaving);
        try {
          renameSync(join(blobs, hex), join(leaving, hex));
        } catch (error) {
          if (isErrno(error, 'ENOENT')) return false;
          throw error;
        }
        // Whoever used it between the two looks has changed one of these.
        const now = statSync(join(leaving, hex), { throwIfNoEntry: false });
        if (now?.atimeMs === stat.atimeMs && now.nlink === stat.nlink) return true;
        putBack(hex);
        return false;
      });
    },
    putBack: (digest) => guard('taking a blob back', () => putBack(hexOf(digest))),
    remove(digest) {
      const aside = join(leaving, hexOf(digest));
      return guard('removing a blob', () => {
        const stat = statSync(aside, { throwIfNoEntry: false });
        if (!stat) return 0;
        unlinkSync(aside);
        return statSync(join(blobs, hexOf(digest)), { throwIfNoEntry: false }) ? 0 : stat.size;
      });
    },
    removeLeftovers() {
      for (const name of namesIn(join(directory, 'ingest')))
        if (isAbandoned(name)) rmSync(join(directory, 'ingest', name), { force: true });
    },
  };
}

/** The bytes of a file that may be JSON; each piece is good until the next one is asked for. */
function* documentBytes(path: string, limitBytes: number): Generator<Buffer> {
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(READ_BYTES, statSync(path).size)));
    for (let total = 0; total < limitBytes; ) {
      const length = readSync(fd, buffer, 0, buffer.length, null);
      if (length === 0) return;
      if (total === 0 && buffer[0] !== BRACE && buffer[0] !== BRACKET) return;
      total += length;
      yield buffer.subarray(0, length);
    }
  } finally {
    closeSync(fd);
  }
}
