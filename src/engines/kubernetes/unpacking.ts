import { Parser, type ReadEntry } from 'tar';
import { SameError } from '../../errors/same-error.ts';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  dirname,
  fromErrno,
  join,
  makeDirectories,
  openSync,
  symlinkSync,
  writeFully,
} from '../../host/files.ts';

const MAX_ENTRIES = 1_000_000;
/** What stands for whatever is no regular file: it leads nowhere, and its own target is never made. */
const ODD = 'not-a-regular-file';

/** Takes a tar piece by piece. */
export interface Unpacking {
  take(chunk: Buffer): void;
  /** @throws SAME1306 it is damaged, or not whole */
  end(): Promise<void>;
}

/**
 * Unpacks a tar that comes from where a step may have written, into a directory of this process: regular files and
 * directories below it, and nothing through a link. What is no regular file becomes a link that leads nowhere, which
 * whoever takes outputs refuses; names that lead out of the directory are an error.
 */
export function unpackInto(directory: string): Unpacking {
  let failure: unknown;
  let entries = 0;
  let isWhole = false;
  const files = new Set<string>();
  const odd = new Set<string>();

  function enter(entry: ReadEntry): void {
    const path = pathOf(entry);
    if (path === '' || failure !== undefined) return void entry.resume();
    if (++entries > MAX_ENTRIES) throw damaged(`it has more than ${MAX_ENTRIES} entries`);
    const parts = path.split('/');
    if (
      parts.some(
        (_, index) =>
          odd.has(parts.slice(0, index + 1).join('/')) || files.has(parts.slice(0, index).join('/')),
      )
    )
      throw damaged(`it has ${JSON.stringify(path)} twice, or below a file`);
    const place = join(directory, path);
    if (entry.type === 'Directory') makeDirectories(place);
    else makeDirectories(dirname(place));
    if (entry.type === 'File' || entry.type === 'OldFile' || entry.type === 'ContiguousFile') {
      if (files.has(path)) throw damaged(`it has ${JSON.stringify(path)} twice`);
      files.add(path);
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
      const fd = openSync(place, flags, 0o600);
      entry.on('data', (chunk: Buffer) => {
        if (failure !== undefined) return;
        try {
          writeFully(fd, chunk);
        } catch (error) {
          failure = error;
        }
      });
      entry.on('end', () => {
        closeSync(fd);
        chmodSync(place, ((entry.mode ?? 0) & 0o100) !== 0 ? 0o755 : 0o644);
      });
    } else if (entry.type === 'Link' && files.has(plain(entry.linkpath ?? ''))) {
      // Another name of a file that came before: content of its own here.
      copyFileSync(join(directory, plain(entry.linkpath!)), place, constants.COPYFILE_EXCL);
      files.add(path);
    } else if (entry.type !== 'Directory') {
      symlinkSync(ODD, place);
      odd.add(path);
    }
    entry.resume();
  }

  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      try {
        enter(entry);
      } catch (error) {
        failure ??= error;
        entry.resume();
      }
    },
  });
  parser.on('eof', () => {
    isWhole = true;
  });
  const ended = new Promise<void>((done, fail) => parser.on('end', done).on('error', fail));
  ended.catch(() => {});

  return {
    take(chunk) {
      parser.write(chunk);
      if (failure !== undefined) throw explained(failure);
    },
    async end() {
      try {
        parser.end();
        await ended;
      } catch (error) {
        failure ??= damaged((error as Error).message);
      }
      if (failure !== undefined) throw explained(failure);
      if (!isWhole) throw damaged('its end is missing');
    },
  };
}

function pathOf(entry: ReadEntry): string {
  const path = plain(entry.path);
  if (entry.path.startsWith('/') || path.includes('\0') || path.split('/').includes('..'))
    throw damaged(`it has the path ${JSON.stringify(entry.path)}`);
  return path;
}

function plain(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

function damaged(why: string): SameError {
  return new SameError({
    code: 'SAME1306',
    message: `what came from the cluster cannot be unpacked: ${why}`,
  });
}

function explained(error: unknown): unknown {
  return fromErrno(error, 'unpacking what came from the cluster');
}
