import { createHash } from 'node:crypto';
import { comparePaths } from '../bundle/portable-path.ts';
import { SameError } from '../errors/same-error.ts';
import { join, lstatSync, namesIn, readlinkSync, resolve } from '../host/files.ts';
import { findCommand } from '../host/processes.ts';
import { turn } from '../host/turns.ts';
import { checkEntries, chunksOf, type Entry } from './entry.ts';
import { localGit, type WorkingCopy } from './git-working-copy.ts';
import type { Origin, SourceTree } from './source.ts';

/**
 * Reads the program in a directory: what git tracks, as it is on disk, else everything but `.git`.
 * In a git repository `same.yaml` and `same.lock` always belong; where `same.yaml` itself is not tracked, everything
 * that is not ignored does.
 * @throws SAME1205 when there is no `same.yaml`, SAME1209 when git refuses to read the repository.
 */
export async function openDirectory(
  directory: string,
  options: { dereference?: boolean; label?: string; signal?: AbortSignal } = {},
): Promise<SourceTree> {
  const root = resolve(directory);
  const label = options.label ?? directory;
  if (!lstatSync(join(root, 'same.yaml'), { throwIfNoEntry: false })) throw noManifest(root, label);
  const copy = await localGit(root, options.signal);
  const notices: string[] = [];
  let [entries, origin]: [Entry[], Origin] = [[], { kind: 'directory' }];
  if (copy) {
    const list = listed(copy, notices);
    entries = list.flatMap((path) => entryOnDisk(root, path, copy) ?? []);
    origin = await originOf(root, copy, entries, notices, options.signal);
  } else {
    if (hasGitAbove(root) && !findCommand('git')) {
      notices.push('git is not installed: all files of the directory are taken, tracked or not');
    }
    entries = walk(root);
  }
  return {
    kind: 'tree',
    ...checkEntries(entries, options),
    notices,
    origin,
    label,
    soft: true,
    [Symbol.dispose]() {},
  };
}

/** The paths that make the program, by git's word. */
function listed(copy: WorkingCopy, notices: string[]): string[] {
  const tracked = new Set(copy.tracked.keys());
  const untracked = copy.untracked.filter((path) => path !== '');
  const always = ['same.yaml', 'same.lock'];
  if (!tracked.has('same.yaml')) {
    if (untracked.length > 1) {
      notices.push('same.yaml is not tracked by git: every file that git does not ignore is taken');
    }
    return sorted([...tracked, ...untracked, ...always]);
  }
  const left = untracked.filter((path) => !always.includes(path));
  if (left.length > 0) {
    const names = left.slice(0, 3).join(', ') + (left.length > 3 ? ', …' : '');
    notices.push(
      `${left.length} untracked file${left.length > 1 ? 's are' : ' is'} left out (git add to take): ${names}`,
    );
  }
  return sorted([...tracked, ...always]);
}

function sorted(paths: string[]): string[] {
  return [...new Set(paths)].sort(comparePaths);
}

function entryOnDisk(root: string, path: string, copy?: WorkingCopy): Entry | undefined {
  const mode = copy?.tracked.get(path);
  if (mode === '160000' || path.endsWith('/')) return { path: path.replace(/\/$/, ''), kind: 'submodule' };
  const file = join(root, path);
  const stat = lstatSync(file, { throwIfNoEntry: false });
  // A name that is not UTF-8 cannot be asked for again; checkEntries refuses it by its name.
  if (!stat) return path.includes('\uFFFD') ? { path, kind: 'special', what: 'unreadable' } : undefined;
  if (stat.isSymbolicLink()) return { path, kind: 'link', target: readlinkSync(file) };
  if (!stat.isFile()) return { path, kind: 'special', what: kindOf(stat) };
  // Where the file system keeps no x bit, git's own record of it is the only one.
  const executable = mode && !copy?.keepsModes ? mode === '100755' : (stat.mode & 0o100) !== 0;
  return { path, kind: 'file', executable, place: { file, offset: 0, sizeBytes: stat.size } };
}

function walk(root: string): Entry[] {
  const entries: Entry[] = [];
  const visit = (directory: string): void => {
    for (const name of namesIn(join(root, directory))) {
      if (name === '.git') continue;
      const path = directory === '' ? name : `${directory}/${name}`;
      if (lstatSync(join(root, path), { throwIfNoEntry: false })?.isDirectory()) visit(path);
      else entries.push(...[entryOnDisk(root, path) ?? []].flat());
    }
  };
  visit('');
  return entries;
}

/** Says where the directory comes from; compares bytes and modes with the revision itself, so no filter or hook runs. */
async function originOf(
  root: string,
  copy: WorkingCopy,
  entries: Entry[],
  notices: string[],
  signal?: AbortSignal,
): Promise<Origin> {
  const origin: Origin = { kind: 'directory' };
  if (copy.remote) origin.repository = copy.remote;
  if (copy.prefix) origin.path = copy.prefix;
  if (!copy.revision) return origin;
  origin.revision = copy.revision;
  const present = new Map(entries.map((entry) => [entry.path, entry]));
  for (const path of copy.untracked) {
    if (!present.has(path)) present.set(path, entryOnDisk(root, path, copy) ?? { path, kind: 'submodule' });
  }
  const changes: (string | null)[][] = [];
  for (const path of sorted([...present.keys(), ...copy.committed.keys()])) {
    const [entry, committed] = [present.get(path), copy.committed.get(path)];
    if (!entry) changes.push([path, null]);
    else if (!(await isSame(entry, committed, signal)))
      changes.push([path, modeOf(entry), await contentDigest(entry, signal)]);
  }
  const missing = changes.filter(([, change]) => change === null).length;
  if (missing > 0)
    notices.push(`${missing} committed file${missing > 1 ? 's are' : ' is'} not in the working copy`);
  origin.dirty = changes.length > 0;
  if (origin.dirty)
    origin.diff = `sha256:${createHash('sha256').update(JSON.stringify(changes)).digest('hex')}`;
  return origin;
}

async function isSame(
  entry: Entry,
  committed?: { mode: string; oid: string },
  signal?: AbortSignal,
): Promise<boolean> {
  if (!committed || modeOf(entry) !== committed.mode) return false;
  if (entry.kind === 'submodule') return true;
  const hash = createHash(committed.oid.length === 64 ? 'sha256' : 'sha1');
  const size = entry.kind === 'link' ? Buffer.byteLength(entry.target) : sizeOf(entry);
  hash.update(`blob ${size}\0`);
  for (const chunk of contentOf(entry)) {
    hash.update(chunk);
    await turn(chunk.length, signal);
  }
  return hash.digest('hex') === committed.oid;
}

function modeOf(entry: Entry): string {
  if (entry.kind === 'file') return entry.executable ? '100755' : '100644';
  return { link: '120000', submodule: '160000', special: '0' }[entry.kind];
}

function sizeOf(entry: Entry): number {
  return entry.kind === 'file' ? entry.place.sizeBytes : 0;
}

function contentOf(entry: Entry): Iterable<Buffer> {
  if (entry.kind === 'link') return [Buffer.from(entry.target)];
  return entry.kind === 'file' ? chunksOf(entry.place) : [];
}

async function contentDigest(entry: Entry, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for (const chunk of contentOf(entry)) {
    hash.update(chunk);
    await turn(chunk.length, signal);
  }
  return hash.digest('hex');
}

function kindOf(stat: { isFIFO(): boolean; isSocket(): boolean; isDirectory(): boolean }): string {
  if (stat.isDirectory()) return 'a directory where git tracks a file';
  if (stat.isFIFO()) return 'a named pipe';
  return stat.isSocket() ? 'a socket' : 'a device';
}

function hasGitAbove(directory: string): boolean {
  for (let at = directory; ; at = resolve(at, '..')) {
    if (lstatSync(join(at, '.git'), { throwIfNoEntry: false })) return true;
    if (at === resolve(at, '..')) return false;
  }
}

function noManifest(root: string, label: string): SameError {
  // A name below a file is ENOTDIR, which is not "no entry".
  const holds = (name: string) =>
    lstatSync(join(root, name)).isDirectory() &&
    lstatSync(join(root, name, 'same.yaml'), { throwIfNoEntry: false });
  const near = namesIn(root).filter(holds);
  return new SameError({
    code: 'SAME1205',
    message: `${label} has no same.yaml`,
    place: label,
    hint:
      near.length > 0
        ? `did you mean ${join(label, near[0]!)}?`
        : 'a first one needs apiVersion, kind, metadata with name and version, and a pipeline of one step',
  });
}
