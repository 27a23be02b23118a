import { chownSync } from 'node:fs';
import {
  closeSync,
  dirname,
  fsyncSync,
  isErrno,
  makeDirectories,
  openSync,
  readlinkSync,
  renameSync,
  resolve,
  rmSync,
  statSync,
  temporaryBeside,
  writeFully,
} from './files.ts';

const MOST_LINKS = 40;

/** Where a path leads, symbolic links of its last part being followed, even to what is not there. */
export function linkTarget(path: string): string {
  let at = resolve(path);
  for (let links = 0; links < MOST_LINKS; links++) {
    try {
      at = resolve(dirname(at), readlinkSync(at));
    } catch (error) {
      if (isErrno(error, 'EINVAL', 'ENOENT', 'ENOTDIR')) return at;
      throw error;
    }
  }
  throw Object.assign(new Error(`too many links: ${path}`), { code: 'ELOOP', path });
}

/** Whether nobody but its owner may read or write a file. */
export function isPrivate(path: string): boolean {
  return (statSync(path).mode & 0o077) === 0;
}

/**
 * Replaces a file in one step by one that only its owner may read (mode 0600, in a directory of mode 0700 where that has to
 * be made). A link stays a link: what it leads to is replaced. The owner stays who it was, where this user may say so.
 * @throws the file system's error
 */
export function writePrivately(path: string, bytes: string): void {
  const target = linkTarget(path);
  makeDirectories(dirname(target), 0o700);
  const temporary = temporaryBeside(target);
  try {
    const fd = openSync(temporary, 'wx', 0o600);
    try {
      writeFully(fd, bytes);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    keepOwner(target, temporary);
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function keepOwner(from: string, to: string): void {
  const [old, made] = [from, to].map((path) => statSync(path, { throwIfNoEntry: false }));
  if (!old || !made || (old.uid === made.uid && old.gid === made.gid)) return;
  try {
    chownSync(to, old.uid, old.gid);
  } catch (error) {
    // Only root may give files away.
    if (!isErrno(error, 'EPERM')) throw error;
  }
}
