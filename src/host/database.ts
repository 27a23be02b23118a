import type { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import {
  closeSync,
  dirname,
  existsSync,
  makeDirectories,
  openSync,
  readSync,
  rmSync,
  statfsSync,
} from './files.ts';

/** A database in a file. */
export type Database = DatabaseSync;

/** File systems of this machine alone, by the numbers of Linux: others may lack the shared memory that a WAL takes. */
const LOCAL_FILE_SYSTEMS = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x2fc12fc1, 0xf2f52010, 0x3153464a, 0x52654973,
]);

/**
 * Opens a database, which is made when it is not there. Node's module for it is loaded here and not before: few commands
 * need it. Where the file system is not surely one of this machine it keeps a rollback journal instead of a WAL.
 * @param path an absolute path; directories above it are made
 * @param waitMs how long others may keep it from what it does
 * @throws the database's or the file system's error
 */
export function openDatabase(path: string, waitMs = 5000): Database {
  const { DatabaseSync } = loadQuietly();
  makeDirectories(dirname(path));
  const database = new DatabaseSync(path, { timeout: waitMs });
  try {
    const isLocal = LOCAL_FILE_SYSTEMS.has(statfsSync(dirname(path)).type);
    // Asked first: setting the mode that it has already takes a lock.
    const { journal_mode: mode } = database.prepare('PRAGMA journal_mode').get() as { journal_mode: string };
    const wanted = isLocal ? 'wal' : 'delete';
    if (mode !== wanted) database.exec(`PRAGMA journal_mode = ${wanted}`);
    // What is derived may be lost with the power, but never be half of something.
    database.exec(`PRAGMA synchronous = ${isLocal ? 'NORMAL' : 'FULL'}; PRAGMA mmap_size = 1073741824`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Opens a database that is somebody else's, to be read only: nothing of it is changed, and no file is made beside it.
 * What its schema says is taken for harmless by nobody.
 * @param waitMs how long its writers may keep it from being read
 * @throws the database's or the file system's error
 */
export function openForReading(path: string, waitMs = 5000): Database {
  const { DatabaseSync } = loadQuietly();
  const address = pathToFileURL(path);
  // A reader of a WAL makes files beside it. Where none is, all is in the file, and nobody writes.
  if (hasWalMode(path) && !existsSync(`${path}-wal`)) address.searchParams.set('immutable', '1');
  const database = new DatabaseSync(address, { readOnly: true, timeout: waitMs });
  try {
    database.exec('PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Bytes 18 and 19 of the format say which versions of it may write and read: 2 has a WAL. */
function hasWalMode(path: string): boolean {
  const head = Buffer.alloc(20);
  const fd = openSync(path, 'r');
  try {
    return readSync(fd, head, 0, head.length, 0) === head.length && head[19] === 2;
  } finally {
    closeSync(fd);
  }
}

/** Removes a database with what lies beside it. */
export function removeDatabase(path: string): void {
  for (const end of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${end}`, { force: true });
}

/** Whether an error says that a file is no database, or a damaged one. */
export function isDamagedDatabase(error: unknown): boolean {
  const { errcode } = error as { errcode?: number };
  // SQLITE_ERROR: tables are not what they should be; SQLITE_CORRUPT; SQLITE_NOTADB.
  return typeof errcode === 'number' && [1, 11, 26].includes(errcode & 0xff);
}

/** Whether an error is one of the database at all. */
export function isDatabaseError(error: unknown): boolean {
  return typeof (error as { errcode?: unknown } | undefined)?.errcode === 'number';
}

/** Some versions of node say on loading it that it is experimental: nothing that a user has to know. */
function loadQuietly(): typeof import('node:sqlite') {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}
