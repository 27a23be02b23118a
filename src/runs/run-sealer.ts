import { paddingOf, tarHeader } from '../bundle/tar-header.ts';
import { SameError } from '../errors/same-error.ts';
import {
  closeSync,
  existsSync,
  fromErrno,
  isErrno,
  join,
  lstatSync,
  namesIn,
  openSync,
  readFileSync,
  removeTree,
  renameSync,
  rmSync,
} from '../host/files.ts';
import { isAbandoned } from '../host/process-identity.ts';
import { type Member, sha256, syncDirectory, writePack } from './pack-writer.ts';
import { isRecordShaped } from './record-shape.ts';
import { DELETED, RunFiles } from './run-files.ts';
import { REMOVED, readPackedRun, readPackList, SEALING } from './run-packs.ts';
import type { RunRecord } from './run-record.ts';

/** What a sealing does. */
export interface SealOptions {
  /** Whether a run that has ended is to be packed. */
  isDue(record: RunRecord): boolean;
  /** Whether the content has a blob, byte for byte these. */
  isStored(digest: string, bytes: Buffer): boolean;
  /** Whether to stop after what is being done. */
  isOver(): boolean;
  /** Fewer due runs in a month stay as they are. */
  least?: number;
  /** Most runs, and most bytes of a pack; a run alone above the latter stays as it is. */
  mostRuns?: number;
  mostBytes?: number;
}

/** What a sealing did. */
export interface Sealed {
  runs: number;
  packs: number;
}

/**
 * Packs runs that ended long ago, so that many of them are few files (spec SAME-RUN-092). A pack is on the disk, and was
 * read again, before the directories that it stands for go: at whatever moment this ends, every run is in one of them or
 * in both. Packs with runs that were deleted are written anew without them. One process at a time does this in a home.
 */
export function sealRuns(files: RunFiles, options: SealOptions): Sealed {
  const sealed: Sealed = { runs: 0, packs: 0 };
  for (const name of files.months()) {
    if (options.isOver()) break;
    const month = join(files.directory, name);
    for (const left of namesIn(month))
      if (left.startsWith(SEALING) && isAbandoned(left.slice(SEALING.length)))
        rmSync(join(month, left), { force: true });
    dropRemoved(files, name);
    sealMonth(files, name, options, sealed);
  }
  files.removeDeleted();
  return sealed;
}

/** {@link sealRuns} of a directory of runs. */
export function openSealer(directory: string): (options: SealOptions) => Sealed {
  return (options) => {
    try {
      return sealRuns(new RunFiles(directory), options);
    } catch (error) {
      throw fromErrno(error, 'packing runs', directory);
    }
  };
}

function sealMonth(files: RunFiles, name: string, options: SealOptions, sealed: Sealed): void {
  const { least = 64, mostRuns = 4096, mostBytes = 64 * 2 ** 20 } = options;
  const month = join(files.directory, name);
  const { own, packs, removed } = files.month(name);
  const packed = packedIn(files, month, packs);
  const due = own.filter((id) => !removed.has(id) && isDue(files, id, options));
  // What an interrupted sealing left has its pack already.
  const waiting = due.filter((id) => !(packed.has(id) && isDone(files, month, id, sealed)));
  if (waiting.length < least) return;
  let members: Member[] = [];
  let bytes = 0;
  const write = () => {
    if (members.length > 0) seal(files, month, members, sealed);
    [members, bytes] = [[], 0];
  };
  for (const id of waiting.sort()) {
    if (options.isOver()) break;
    const member = memberIfThere(files.pathOf(id), id, options, mostBytes);
    if (!member) continue;
    if (members.length === mostRuns || bytes + member.bytes.length > mostBytes) write();
    members.push(member);
    bytes += member.bytes.length;
  }
  write();
}

function packedIn(files: RunFiles, month: string, packs: readonly string[]): Set<string> {
  const ids = new Set<string>();
  for (const pack of packs) {
    try {
      for (const id of files.packs.list(join(month, pack))?.runs.keys() ?? []) ids.add(id);
    } catch (error) {
      if (!(error instanceof SameError)) throw error;
    }
  }
  return ids;
}

function isDue(files: RunFiles, id: string, { isDue: isWanted }: SealOptions): boolean {
  try {
    const record: unknown = JSON.parse(readFileSync(join(files.pathOf(id), 'run.json'), 'utf8'));
    return isRecordShaped(record) && record.id === id && isWanted(record);
  } catch {
    // Not over, damaged, or not there any more: whatever it is stays.
    return false;
  }
}

/** Removes a directory whose run is in a pack, byte for byte its record. @returns whether it is */
function isDone(files: RunFiles, month: string, id: string, sealed: Sealed): boolean {
  try {
    const packed = files.packs.find(month, id)?.file('run.json');
    if (!packed?.equals(readFileSync(join(files.pathOf(id), 'run.json')))) return false;
  } catch (error) {
    // Damaged there, or deleted by somebody meanwhile.
    if (!(error instanceof SameError || isErrno(error, 'ENOENT'))) throw error;
    return false;
  }
  takeAway(files, id);
  sealed.runs++;
  return true;
}

/** {@link memberOf}; nothing where it is deleted meanwhile. */
function memberIfThere(path: string, id: string, options: SealOptions, mostBytes: number) {
  try {
    return memberOf(path, id, options, mostBytes);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    return undefined;
  }
}

/** A run's files as a part of a pack; nothing where there is something else in its directory, or too much. */
function memberOf(path: string, id: string, options: SealOptions, mostBytes: number): Member | undefined {
  const names = filesBelow(path, '');
  if (!names) return undefined;
  const named = namedLogs(path);
  const member: Pick<Member, 'files' | 'stored'> = { files: [], stored: [] };
  const pieces: Buffer[] = [];
  let at = 0;
  for (const [name, sizeBytes] of names) {
    if (at + sizeBytes > mostBytes) return undefined;
    const body = readFileSync(join(path, name));
    const digest = `sha256:${sha256(body)}`;
    if (name.startsWith('logs/') && named.has(digest) && options.isStored(digest, body)) {
      member.stored.push([name, digest, body.length]);
      continue;
    }
    const head = tarHeader(`${id}/${name}`, false, body.length);
    member.files.push([name, at + head.length, body.length]);
    pieces.push(head, body, Buffer.alloc(paddingOf(body.length)));
    at += head.length + body.length + paddingOf(body.length);
  }
  const bytes = Buffer.concat(pieces);
  return { id, ...member, bytes, sizeBytes: bytes.length, sha256: sha256(bytes) };
}

/** Digests of the logs that a record names: they are blobs that stay as long as it does. */
function namedLogs(path: string): Set<string> {
  const { steps }: RunRecord = JSON.parse(readFileSync(join(path, 'run.json'), 'utf8'));
  return new Set(steps.flatMap(({ logs }) => (logs ? [logs.stdout.digest, logs.stderr.digest] : [])));
}

function filesBelow(path: string, prefix: string): [name: string, sizeBytes: number][] | undefined {
  const found: [string, number][] = [];
  for (const name of namesIn(join(path, prefix))) {
    const stat = lstatSync(join(path, prefix, name));
    const below = stat.isDirectory() ? filesBelow(path, `${prefix}${name}/`) : undefined;
    if (below) found.push(...below);
    else if (stat.isFile()) found.push([`${prefix}${name}`, stat.size]);
    else return undefined;
  }
  return found;
}

/** Writes a pack, reads it again, and removes the directories of what is in it. */
function seal(files: RunFiles, month: string, members: readonly Member[], sealed: Sealed): void {
  writePack(month, members, () => {
    // Deleted since it was read: its deletion found no pack. One in another pack has had that from who deleted it.
    for (const { id } of members)
      if (!existsSync(files.pathOf(id)) && !files.isPacked(id)) writeEmpty(join(month, `${REMOVED}${id}`));
  });
  sealed.packs++;
  for (const { id } of members) {
    // Somebody deleted it while it was packed: then it is deleted there too.
    if (!takeAway(files, id)) writeEmpty(join(month, `${REMOVED}${id}`));
    sealed.runs++;
  }
}

/** @returns whether the directory was there */
function takeAway(files: RunFiles, id: string): boolean {
  const gone = join(files.directory, `${DELETED}${id}`);
  try {
    renameSync(files.pathOf(id), gone);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
  removeTree(gone);
  return true;
}

/** Writes packs with deleted runs anew without them; what cannot be read stays as it is. */
function dropRemoved(files: RunFiles, name: string): void {
  const month = join(files.directory, name);
  const { packs, removed } = files.month(name);
  if (removed.size === 0) return;
  const kept = new Set<string>();
  for (const pack of packs) {
    const path = join(month, pack);
    try {
      const list = readPackList(path);
      const gone = [...(list?.runs.keys() ?? [])].filter((id) => removed.has(id));
      if (!list || gone.length === 0) continue;
      const members = [...list.runs.values()]
        .filter(({ id }) => !removed.has(id))
        .map((run): Member => ({ ...run, bytes: readPackedRun(path, list, run)! }));
      if (members.length > 0) writePack(month, members);
      rmSync(path);
    } catch (error) {
      if (!(error instanceof SameError)) throw error;
      for (const id of removed) kept.add(id);
    }
  }
  syncDirectory(month);
  for (const id of removed) if (!kept.has(id)) rmSync(join(month, `${REMOVED}${id}`), { force: true });
}

function writeEmpty(path: string): void {
  closeSync(openSync(path, 'a', 0o644));
}
