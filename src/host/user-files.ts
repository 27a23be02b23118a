import { SameError } from '../errors/same-error.ts';
import {
  chmodSync,
  closeSync,
  createReadStream,
  dirname,
  existsSync,
  fromErrno,
  fsyncSync,
  isErrno,
  join,
  lstatSync,
  MATERIALISED_AT_S,
  makeDirectories,
  mkdtempSync,
  namesIn,
  openSync,
  readIfThere,
  readSync,
  removeTree,
  renameSync,
  resolve,
  rmSync,
  statSync,
  temporaryBeside,
  utimesSync,
  writeAtomically,
  writeFully,
} from './files.ts';
import { temporaryDirectory } from './machine.ts';
import { writeNewDirectory } from './new-directory.ts';
import { kindItself, openOrdinary, readOrdinary } from './ordinary-files.ts';
import { isAbandoned, ownName } from './process-identity.ts';
import { countFile } from './tally.ts';
import { inTurns, nextTurn, turn } from './turns.ts';

/** One read of a long file. */
const PIECE_BYTES = 2 ** 20;

/**
 * The file operations of this machine; temporary directories lie in the home.
 * @param options.signal once it is aborted, streams of files end with SAME1903
 */
export function openUserFiles(home: string, options: { signal?: AbortSignal } = {}) {
  const temporary = () => {
    const path = join(home, 'work', ownName());
    try {
      // First, for it may be what filled the disk.
      removeAbandoned(join(home, 'work'));
      makeDirectories(path);
    } catch (error) {
      throw fromErrno(error, 'making a work directory', home);
    }
    return { path, [Symbol.dispose]: () => removeTree(path) };
  };
  return {
    temporary,
    read: (path: string) => readIfThere(path),
    exists: (path: string) => existsSync(path),
    /** What a path leads to, or undefined when there is nothing. */
    kind(path: string): 'file' | 'directory' | 'other' | undefined {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (!stat) return undefined;
      return stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other';
    },
    names: (path: string) => namesIn(path),
    resolve: (path: string) => resolve(path),
    write(path: string, bytes: string | Uint8Array) {
      try {
        writeAtomically(path, bytes);
      } catch (error) {
        throw fromErrno(error, `writing ${path}`, home);
      }
    },
    entries: (path: string) => entriesBelow(path, ''),
    stream: (path: string): AsyncIterable<Buffer> =>
      inTurns(
        createReadStream(path, { highWaterMark: 1 << 20 }),
        options.signal,
        countFile(statSync(path, { throwIfNoEntry: false })?.size ?? 0),
      ),
    /** The same, whatever the signal says. */
    streamToEnd: (path: string): AsyncIterable<Buffer> => inTurns(piecesToEnd(path)),
    /** A stream of an ordinary file only, links not followed. @throws SAME1617 */
    streamOrdinary(path: string): AsyncIterable<Buffer> {
      const opened = openOrdinary(path);
      if ('because' in opened)
        throw new SameError({ code: 'SAME1617', message: `${path}: ${opened.because}`, place: path });
      const { fd, sizeBytes } = opened;
      return inTurns(
        createReadStream(path, { fd, highWaterMark: 1 << 20 }),
        options.signal,
        countFile(sizeBytes),
      );
    },
    /** What looks into a directory that was not made here: links in it are not followed. */
    ordinary: {
      read: readOrdinary,
      kind: kindItself,
      names: (path: string) => namesIn(path),
      entries: (path: string) => entriesBelow(path, ''),
    },
    async writeStream(path: string, chunks: AsyncIterable<Uint8Array>, signal?: AbortSignal) {
      const temporary = temporaryBeside(resolve(path));
      try {
        makeDirectories(dirname(resolve(path)));
        const fd = openSync(temporary, 'wx', 0o644);
        try {
          for await (const chunk of chunks) {
            writeFully(fd, chunk);
            await turn(chunk.length, signal);
          }
          fsyncSync(fd);
          await nextTurn(signal);
        } finally {
          closeSync(fd);
        }
        renameSync(temporary, path);
      } catch (error) {
        rmSync(temporary, { force: true });
        if (signal?.aborted) {
          const message = `interrupted; ${path} was not written`;
          throw new SameError({ code: 'SAME1903', message }, { cause: error });
        }
        throw fromErrno(error, `writing ${path}`, home);
      }
    },
    /** A temporary directory for looking only: where the home cannot be written, it is this machine's. */
    scratch() {
      try {
        return temporary();
      } catch (error) {
        if (!(error instanceof SameError) || error.code === 'SAME1402') throw error;
        const path = mkdtempSync(join(temporaryDirectory(), 'same-'));
        return { path, [Symbol.dispose]: () => removeTree(path) };
      }
    },
    makeDirectory: (
      path: string,
      fill: (directory: string) => Promise<void>,
      how: { replace?: boolean } = {},
    ) =>
      writeNewDirectory(path, fill, { home, ...how, ...(options.signal ? { signal: options.signal } : {}) }),
    /** Writes a new file, whole or not at all. @throws SAME1903 */
    async place(
      directory: string,
      { path, executable, body }: { path: string; executable: boolean; body: AsyncIterable<Uint8Array> },
    ) {
      const full = join(directory, path);
      const fd = openNew(full, executable ? 0o755 : 0o644);
      try {
        await turn(0, options.signal);
        for await (const chunk of body) {
          writeFully(fd, chunk);
          await turn(chunk.length, options.signal);
        }
      } catch (error) {
        rmSync(full, { force: true });
        throw error;
      } finally {
        closeSync(fd);
      }
      // The mode of open is cut by the caller's umask.
      chmodSync(full, executable ? 0o755 : 0o644);
      utimesSync(full, MATERIALISED_AT_S, MATERIALISED_AT_S);
    },
  };
}

function* entriesBelow(directory: string, prefix: string): Generator<DirectoryEntry, void, undefined> {
  for (const name of namesIn(directory)) {
    const path = join(directory, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    // Another command removed it meanwhile.
    if (!stat) continue;
    if (stat.isDirectory()) {
      yield* entriesBelow(path, `${prefix}${name}/`);
      continue;
    }
    const kind = stat.isFile() ? 'file' : stat.isSymbolicLink() ? 'link' : 'other';
    yield { path: prefix + name, kind, executable: (stat.mode & 0o100) !== 0, sizeBytes: stat.size };
  }
}

/** Opens a file that is not there yet, its directory being made only where it lacks: most files have neighbours. */
function openNew(path: string, mode: number): number {
  try {
    return openSync(path, 'wx', mode);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
    makeDirectories(dirname(path));
    return openSync(path, 'wx', mode);
  }
}

interface DirectoryEntry {
  path: string;
  kind: 'file' | 'link' | 'other';
  executable: boolean;
  sizeBytes: number;
}

/** Removes work directories whose process was killed before it could. */
function removeAbandoned(work: string): void {
  for (const name of namesIn(work)) if (isAbandoned(name)) removeTree(join(work, name));
}

/**
 * A file's bytes through one buffer: a piece that is shorter is the reader's to keep, a full one good until the next is
 * asked for, which who stores it has written by then. A buffer for each would stay until V8 looks, after some 80 MB.
 */
function* piecesToEnd(path: string): Generator<Buffer> {
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
    for (;;) {
      const length = readSync(fd, buffer, 0, PIECE_BYTES, null);
      if (length === 0) return;
      yield length === PIECE_BYTES ? buffer : Buffer.from(buffer.subarray(0, length));
    }
  } finally {
    closeSync(fd);
  }
}
