import { closeSync, constants, fstatSync, isErrno, lstatSync, openSync, readSync } from './files.ts';

const LINK = 'it is a symbolic link, and links are not followed';

/** What a path is itself: a link is one, wherever it leads. */
export function kindItself(path: string): 'file' | 'directory' | 'link' | 'other' | undefined {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat) return undefined;
    if (stat.isSymbolicLink()) return 'link';
    return stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other';
  } catch (error) {
    // Below what is no directory there is nothing.
    if (isErrno(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}

/**
 * Opens a file for reading if it is an ordinary one: a pipe would keep its reader waiting, a link may lead anywhere.
 * @returns its descriptor, to be closed by the caller, and size in bytes; or why it is not read
 */
export function openOrdinary(path: string): { fd: number; sizeBytes: number } | { because: string } {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return { because: 'it is not there' };
    if (isErrno(error, 'ELOOP')) return { because: LINK };
    if (isErrno(error, 'ENXIO')) return { because: 'it is no ordinary file' };
    if (isErrno(error, 'EACCES', 'EPERM')) return { because: 'it may not be read' };
    throw error;
  }
  const stat = fstatSync(fd);
  if (stat.isFile()) return { fd, sizeBytes: stat.size };
  closeSync(fd);
  return { because: 'it is no ordinary file' };
}

/**
 * The bytes of an ordinary file, or why it is not read.
 * @param limitBytes a larger one is refused before anything is read of it
 */
export function readOrdinary(path: string, limitBytes: number): { bytes: Buffer } | { because: string } {
  const opened = openOrdinary(path);
  if ('because' in opened) return opened;
  const { fd, sizeBytes } = opened;
  try {
    if (sizeBytes > limitBytes)
      return { because: `it has ${sizeBytes} bytes, more than the limit of ${limitBytes}` };
    const bytes = Buffer.alloc(sizeBytes);
    let at = 0;
    // It may have become shorter meanwhile.
    for (let got = -1; got !== 0 && at < sizeBytes; at += got)
      got = readSync(fd, bytes, at, sizeBytes - at, at);
    return { bytes: bytes.subarray(0, at) };
  } finally {
    closeSync(fd);
  }
}
