import { createHash, randomBytes } from 'node:crypto';
import { SameError } from '../errors/same-error.ts';
import {
  chmodSync,
  closeSync,
  createReadStream,
  dirname,
  existsSync,
  fromErrno,
  fsyncSync,
  join,
  MATERIALISED_AT_S,
  mkdirSync,
  openSync,
  readIfThere,
  removeTree,
  renameSync,
  resolve,
  rmSync,
  statSync,
  temporaryBeside,
  utimesSync,
  writeAtomically,
  writeFileSync,
  writeSync,
} from './files.ts';

/** The file operations of this machine; temporary directories lie in the home. */
export function openUserFiles(home: string) {
  return {
    read: (path: string) => readIfThere(path),
    exists: (path: string) => existsSync(path),
    /** What a path leads to, or undefined when there is nothing. */
    kind(path: string): 'file' | 'directory' | 'other' | undefined {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (!stat) return undefined;
      return stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other';
    },
    resolve: (path: string) => resolve(path),
    write(path: string, bytes: string | Uint8Array) {
      try {
        writeAtomically(path, bytes);
      } catch (error) {
        throw fromErrno(error, `writing ${path}`, home);
      }
    },
    stream: (path: string): AsyncIterable<Buffer> => createReadStream(path, { highWaterMark: 1 << 20 }),
    async writeStream(path: string, chunks: AsyncIterable<Uint8Array>, signal?: AbortSignal) {
      const temporary = temporaryBeside(resolve(path));
      try {
        mkdirSync(dirname(resolve(path)), { recursive: true });
        const fd = openSync(temporary, 'wx', 0o644);
        try {
          for await (const chunk of chunks) {
            if (signal?.aborted)
              throw new SameError({ code: 'SAME1903', message: `interrupted; ${path} was not written` });
            writeFully(fd, chunk);
          }
          fsyncSync(fd);
        } finally {
          closeSync(fd);
        }
        renameSync(temporary, path);
      } catch (error) {
        rmSync(temporary, { force: true });
        throw fromErrno(error, `writing ${path}`, home);
      }
    },
    temporary() {
      const path = join(home, 'work', `${process.pid}-${randomBytes(6).toString('hex')}`);
      try {
        mkdirSync(path, { recursive: true });
      } catch (error) {
        throw fromErrno(error, 'making a work directory', home);
      }
      return { path, [Symbol.dispose]: () => removeTree(path) };
    },
    place(directory: string, files: Iterable<{ path: string; executable: boolean; bytes: Buffer }>) {
      for (const { path, executable, bytes } of files) {
        const full = join(directory, path);
        mkdirSync(dirname(full), { recursive: true });
        writeFileSync(full, bytes, { mode: executable ? 0o755 : 0o644 });
        if (executable) chmodSync(full, 0o755);
        utimesSync(full, MATERIALISED_AT_S, MATERIALISED_AT_S);
      }
    },
    async sha256(path: string) {
      if (!existsSync(path)) return undefined;
      const hash = createHash('sha256');
      for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
      return `sha256:${hash.digest('hex')}`;
    },
  };
}

function writeFully(fd: number, chunk: Uint8Array): void {
  for (let offset = 0; offset < chunk.length; ) offset += writeSync(fd, chunk, offset);
}
