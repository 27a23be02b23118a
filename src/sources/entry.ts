import { posix } from 'node:path';
import { comparePaths } from '../bundle/portable-path.ts';
import type { Finding } from '../errors/same-error.ts';
import { closeSync, openSync, readSync } from '../host/files.ts';
import { countRead } from '../host/tally.ts';
import type { RefusedPath, TreeFile } from './source.ts';

/** Bytes somewhere on this machine: a whole file or a part of one. */
export interface Place {
  file: string;
  offset: number;
  sizeBytes: number;
}

/** One thing in a directory, a git tree or a tree archive, before it is known whether it can be packed. */
export type Entry = { path: string } & (
  | { kind: 'file'; executable: boolean; place: Place }
  | { kind: 'link'; target: string }
  | { kind: 'submodule' }
  | { kind: 'special'; what: string }
);

/** Files that can be packed and paths that cannot. */
export interface Checked {
  files: TreeFile[];
  refused: RefusedPath[];
}

const CHUNK_BYTES = 1024 * 1024;
const MAX_LINKS = 40;
const LFS_POINTER = 'version https://git-lfs.github.com/spec/v1';
const LFS_POINTER_BYTES = 1024;

/** A file of the tree over bytes on disk. */
export function fileAt(path: string, executable: boolean, place: Place): TreeFile {
  return new PlacedFile(path, executable, place);
}

/** One object for each file, without functions of its own: there may be a hundred thousand. */
class PlacedFile implements TreeFile {
  readonly path: string;
  readonly executable: boolean;
  readonly #place: Place;

  constructor(path: string, executable: boolean, place: Place) {
    this.path = path;
    this.executable = executable;
    this.#place = place;
  }

  get sizeBytes(): number {
    return this.#place.sizeBytes;
  }

  chunks(): Iterable<Uint8Array> {
    return chunksOf(this.#place);
  }

  async bytes(): Promise<Buffer> {
    return bytesAt(this.#place);
  }
}

/**
 * All bytes of a place, in chunks of at most 1 MiB. A chunk is good until the second one after it is asked for: a long
 * file is read into two buffers by turns, since a buffer for each chunk stays in memory until the next collection.
 */
export function* chunksOf({ file, offset, sizeBytes }: Place): Generator<Buffer> {
  const descriptor = openSync(file, 'r');
  try {
    const buffers = [0, 1].map(() => Buffer.alloc(0));
    for (let done = 0, turn = 0; done < sizeBytes; turn ^= 1) {
      const wanted = Math.min(CHUNK_BYTES, sizeBytes - done);
      if (buffers[turn]!.length < wanted) buffers[turn] = Buffer.allocUnsafe(wanted);
      const read = readSync(descriptor, buffers[turn]!, 0, wanted, offset + done);
      if (read === 0) throw new Error(`${file} became shorter while it was read`);
      countRead(read);
      yield buffers[turn]!.subarray(0, read);
      done += read;
    }
  } finally {
    closeSync(descriptor);
  }
}

/** All bytes of a place at once. */
export function bytesAt({ file, offset, sizeBytes }: Place): Buffer {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  let done = 0;
  for (const chunk of chunksOf({ file, offset, sizeBytes })) done += chunk.copy(bytes, done);
  return bytes;
}

/**
 * Sorts entries into files and refusals: LFS pointers, submodules, special files, names that are not NFC or hold control
 * characters or backslashes, and links unless `dereference`, which follows them inside the tree only
 * (spec chapter program, section Files).
 */
export function checkEntries(entries: Entry[], options: { dereference?: boolean } = {}): Checked {
  let byPath: Map<string, Entry> | undefined;
  const [files, refused]: [TreeFile[], RefusedPath[]] = [[], []];
  const add = (path: string, entry: Entry): void => {
    const problem = problemOf(path, entry, options.dereference ?? false);
    if (problem) refused.push({ path, finding: findingOf(path, problem) });
    else if (entry.kind === 'file') files.push(fileAt(path, entry.executable, entry.place));
    else if (entry.kind === 'link') {
      byPath ??= new Map(entries.map((one) => [one.path, one]));
      const found = follow(entry, byPath);
      if (typeof found === 'string') refused.push({ path, finding: findingOf(path, [found, EXCLUDE_HINT]) });
      else for (const [below, target] of found) add(below === '' ? path : `${path}/${below}`, target);
    }
  };
  for (const entry of entries) add(entry.path, entry);
  files.sort((a, b) => comparePaths(a.path, b.path));
  refused.sort((a, b) => comparePaths(a.path, b.path));
  return { files, refused };
}

const EXCLUDE_HINT = 'list it in files.exclude';

/** Why an entry cannot be packed, and what to do. */
type Problem = [why: string, hint: string];

function problemOf(path: string, entry: Entry, dereference: boolean): Problem | undefined {
  const name = problemOfName(path);
  if (name) return [name, 'rename it'];
  if (entry.kind === 'special') return [`is ${entry.what}`, EXCLUDE_HINT];
  if (entry.kind === 'submodule') {
    return ['is a git submodule', `copy its files in, name it in upstream, or ${EXCLUDE_HINT}`];
  }
  if (entry.kind === 'link') {
    if (dereference) return undefined;
    return ['is a symbolic link', `give --dereference to pack what it leads to, or ${EXCLUDE_HINT}`];
  }
  if (!isLfsPointer(entry.place)) return undefined;
  return ['is a Git LFS pointer, not the file itself', `declare the file under data, or ${EXCLUDE_HINT}`];
}

function findingOf(path: string, [why, hint]: Problem): Finding {
  return { code: 'SAME1210', message: `${printable(path)} ${why}`, place: printable(path), hint };
}

/** What a link leads to: files by their path below it (`''` for a file itself), or why it cannot be followed. */
function follow(link: Entry & { kind: 'link' }, entries: Map<string, Entry>): [string, Entry][] | string {
  const target = resolveWithin(posix.dirname(link.path), link.target, entries, 0);
  if (target === undefined)
    return 'is a symbolic link that leads out of the program, to nothing packed, or to itself';
  const entry = entries.get(target);
  if (entry) return [['', entry]];
  const prefix = target === '' ? '' : `${target}/`;
  if (`${link.path}/`.startsWith(prefix)) return 'is a symbolic link to a directory that it is in';
  const below = [...entries.values()].filter(({ path }) => path.startsWith(prefix));
  const inner = below.find(({ kind }) => kind === 'link');
  if (inner) return `is a symbolic link to a directory with another link in it, ${printable(inner.path)}`;
  return below.map((one) => [one.path.slice(prefix.length), one]);
}

/** The path of a file or directory that a link's target leads to, other links on the way followed. */
function resolveWithin(
  base: string,
  target: string,
  entries: Map<string, Entry>,
  depth: number,
): string | undefined {
  if (depth > MAX_LINKS || target === '' || target.startsWith('/')) return undefined;
  let current = base === '.' ? '' : base;
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (current === '') return undefined;
      current = current.includes('/') ? current.slice(0, current.lastIndexOf('/')) : '';
      continue;
    }
    const next: string = current === '' ? part : `${current}/${part}`;
    const entry = entries.get(next);
    if (entry?.kind === 'link') {
      const followed = resolveWithin(current, entry.target, entries, depth + 1);
      if (followed === undefined) return undefined;
      current = followed;
    } else current = next;
  }
  if (entries.has(current)) return current;
  const prefix = current === '' ? '' : `${current}/`;
  for (const path of entries.keys()) if (path.startsWith(prefix)) return current;
  return undefined;
}

function problemOfName(path: string): string | undefined {
  if (path.includes('\uFFFD')) return 'has a name that is not UTF-8';
  if (path.normalize('NFC') !== path) return 'has a name that is not in Unicode form NFC';
  if (/[\u0000-\u001f\u007f]/.test(path)) return 'has a control character in its name';
  if (path.includes('\\')) return 'has a backslash in its name';
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..'))
    return 'is not a relative path';
  return undefined;
}

function isLfsPointer(place: Place): boolean {
  if (place.sizeBytes > LFS_POINTER_BYTES || place.sizeBytes < LFS_POINTER.length) return false;
  return bytesAt(place).toString('latin1').startsWith(LFS_POINTER);
}

/** A path that can be printed: control characters as `\xNN`. */
export function printable(path: string): string {
  return path.replace(
    /[\u0000-\u001f\u007f-\u009f]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
