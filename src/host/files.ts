import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { SameError } from '../errors/same-error.ts';

export {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  createReadStream,
  createWriteStream,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  watch,
  writeFileSync,
  writeSync,
} from 'node:fs';
export { basename, delimiter, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';

/** The time of every materialised file: 1980-01-02T00:00:00Z in seconds (zip refuses 1970; spec chapter bundle). */
export const MATERIALISED_AT_S = 315_619_200;

/** Writes all of a piece: one call may take less than it was given, and on a full disk the next one says why. */
export function writeFully(fd: number, piece: string | Uint8Array): void {
  const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
  for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at);
}

/** True when an error is a file system error with one of these codes (`ENOENT`, …). */
export function isErrno(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? '');
}

/** A file's bytes, or undefined when there is no such file. */
export function readIfThere(path: string): Buffer | undefined {
  try {
    return fs.readFileSync(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** A file's text, or undefined when there is no such file: for many small files, half the work of their bytes. */
export function textIfThere(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** Names in a directory sorted by code unit; none when the directory is not there. */
export function namesIn(directory: string): string[] {
  try {
    return fs.readdirSync(directory).sort();
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}

/**
 * Makes a directory and the parents it lacks; one that is there is left as it is. Node's own `recursive` never ends
 * where a directory that is there answers ENOENT, as /proc does.
 * @throws the file system's error, of `path`
 */
export function makeDirectories(path: string, mode?: number): void {
  const missing: string[] = [];
  try {
    for (let at = resolve(path); ; at = dirname(at)) {
      try {
        makeDirectory(at, mode);
        break;
      } catch (error) {
        if (!isErrno(error, 'ENOENT') || dirname(at) === at) throw error;
        missing.push(at);
      }
    }
    for (const at of missing.reverse()) makeDirectory(at, mode);
  } catch (error) {
    // It failed at a parent, but what could not be made is what was asked for.
    throw Object.assign(error as Error, { path });
  }
}

function makeDirectory(path: string, mode?: number): void {
  try {
    fs.mkdirSync(path, mode);
  } catch (error) {
    // Where nothing may be made, one that is there is refused in other words than EEXIST.
    if (!fs.statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

/** A name beside `path` that nobody else uses, for write-then-rename. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `.tmp-${process.pid}-${randomBytes(6).toString('hex')}`);
}

/** Replaces a file in one step: readers see the old bytes or the new ones, never half. Parents are made. */
export function writeAtomically(
  path: string,
  bytes: string | Uint8Array,
  options: { mode?: number; sync?: boolean } = {},
): void {
  makeDirectories(dirname(path));
  const temporary = temporaryBeside(path);
  try {
    const fd = fs.openSync(temporary, 'wx', options.mode ?? 0o644);
    try {
      fs.writeFileSync(fd, bytes);
      if (options.sync) fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(temporary, path);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * Creates a file that must not be there yet, whole or not at all.
 * @returns false when somebody else's file is there already.
 */
export function createExclusively(path: string, bytes: string | Uint8Array): boolean {
  makeDirectories(dirname(path));
  const temporary = temporaryBeside(path);
  try {
    fs.writeFileSync(temporary, bytes, { flag: 'wx' });
    fs.linkSync(temporary, path);
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

/** Removes a file while other work goes on: a busy disk takes its time for that. */
export function removeFile(path: string): Promise<void> {
  return new Promise((done, fail) => fs.unlink(path, (error) => (error ? fail(error) : done())));
}

/** Removes an empty directory while other work goes on. @throws the file system's error, `ENOTEMPTY` above all */
export function removeDirectory(path: string): Promise<void> {
  return new Promise((done, fail) => fs.rmdir(path, (error) => (error ? fail(error) : done())));
}

/** Removes a tree even where a step left directories without write permission. */
export function removeTree(path: string): void {
  try {
    fs.rmSync(path, { recursive: true, force: true });
  } catch (error) {
    if (!isErrno(error, 'EACCES', 'EPERM', 'ENOTEMPTY')) throw error;
    openUp(path);
    fs.rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  }
}

function openUp(path: string): void {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return;
  fs.chmodSync(path, 0o700);
  for (const name of fs.readdirSync(path)) openUp(join(path, name));
}

/**
 * Turns a raw file system error into the product's own, with what was being done; other errors pass unchanged.
 * Used once, at an adapter's or command's edge.
 */
export function fromErrno(error: unknown, doing: string, home?: string): unknown {
  if (!(error instanceof Error) || error instanceof SameError) return error;
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  if (!code) return error;
  const place = path;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new SameError(
      {
        code: 'SAME1402',
        message: `no space left while ${doing}`,
        place,
        hint: 'free space, or set SAME_HOME to a directory on another disk',
      },
      { cause: error },
    );
  }
  const inHome = home !== undefined && path?.startsWith(home) === true;
  // Making a directory with its parents, Node says ENOENT on a read-only file system.
  const refusedInHome = inHome && (code === 'ENOTDIR' || (code === 'ENOENT' && syscall === 'mkdir'));
  if (['EACCES', 'EPERM', 'EROFS'].includes(code) || refusedInHome) {
    return new SameError(
      inHome
        ? {
            code: 'SAME1401',
            message: `${home} cannot be written (${code}) while ${doing}`,
            place,
            hint: 'set SAME_HOME to a directory that you may write',
          }
        : { code: 'SAME1404', message: `the file system refused (${code}) while ${doing}`, place },
      { cause: error },
    );
  }
  if (!/^E[A-Z0-9]+$/.test(code) || path === undefined) return error;
  return new SameError({ code: 'SAME1404', message: `${code} while ${doing}`, place }, { cause: error });
}
