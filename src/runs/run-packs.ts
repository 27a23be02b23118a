import { createHash } from 'node:crypto';
import { SameError } from '../errors/same-error.ts';
import {
  basename,
  closeSync,
  dirname,
  existsSync,
  isErrno,
  join,
  namesIn,
  openSync,
  readSync,
} from '../host/files.ts';
import { isMap } from './record-shape.ts';
import { isRunId } from './run-id.ts';

/** The name of a pack: when its first and last run began, and the beginning of the digest of its list. */
export const PACK = /^pack-([0-9a-f]{12})-([0-9a-f]{12})-([0-9a-f]{32})\.tar$/;
/** A packed run that was deleted has an empty file of this name beside its pack. */
export const REMOVED = '.removed-';
/** A pack that is being written has a name that begins so, and then one of the process that writes it. */
export const SEALING = '.sealing-';
/** The first file of a pack. */
export const LIST = 'pack.json';
const BLOCK = 512;
/** Lists that are kept in memory: each has some thousands of runs. */
const REMEMBERED = 16;

/** One run in a pack, as the list of the pack has it (spec SAME-RUN-091). */
export interface PackedRun {
  id: string;
  /** Where it begins, after the list. */
  at: number;
  sizeBytes: number;
  /** Of these bytes, in hexadecimal digits. */
  sha256: string;
  /** Name, place from where the run begins, and length of each of its files. */
  files: [name: string, at: number, sizeBytes: number][];
  /** Files that are not in the pack since the record names them, and the content has them. */
  stored: [name: string, digest: string, sizeBytes: number][];
}

/** The list of a pack. */
export interface PackList {
  /** Bytes before the first run. */
  headBytes: number;
  runs: Map<string, PackedRun>;
}

/** Names of the packs in a month's directory. */
export function packsIn(names: readonly string[]): string[] {
  return names.filter((name) => PACK.test(name));
}

/** Ids of packed runs that were deleted, in a month's directory. */
export function removedIn(names: readonly string[]): Set<string> {
  return new Set(
    names.flatMap((name) => (name.startsWith(REMOVED) ? [name.slice(REMOVED.length)] : [])).filter(isRunId),
  );
}

/**
 * Reads a pack's list. @returns nothing where the pack is not there
 * @throws SAME1612 it is no pack, or its list is not what its name says
 */
export function readPackList(path: string): PackList | undefined {
  const file = openIfThere(path);
  if (file === undefined) return undefined;
  try {
    const head = readAt(file, 0, BLOCK);
    const sizeBytes = Number.parseInt(head.toString('latin1', 124, 135), 8);
    const isList = head.toString('latin1', 0, LIST.length + 1) === `${LIST}\0` && sizeBytes >= 0;
    const bytes = isList ? readAt(file, BLOCK, sizeBytes) : Buffer.alloc(0);
    const named = path.slice(-36, -4);
    const runs = sha256(bytes).startsWith(named) ? parseList(bytes) : undefined;
    if (!runs) throw damagedPack(path, 'its list of runs is not what its name says');
    return { headBytes: BLOCK + Math.ceil(sizeBytes / BLOCK) * BLOCK, runs };
  } finally {
    closeSync(file);
  }
}

/**
 * Reads the bytes of one run in a pack. @returns nothing where the pack is not there
 * @throws SAME1612 they are not what the list says
 */
export function readPackedRun(path: string, list: PackList, run: PackedRun): Buffer | undefined {
  const file = openIfThere(path);
  if (file === undefined) return undefined;
  try {
    const bytes = readAt(file, list.headBytes + run.at, run.sizeBytes);
    if (sha256(bytes) !== run.sha256)
      throw damagedPack(path, `run ${run.id} in it does not have its checksum`, run.id);
    return bytes;
  } finally {
    closeSync(file);
  }
}

/** A run as it lies in a pack. */
export interface FoundInPack {
  run: PackedRun;
  /** A file of it, or undefined when it has none of that name. */
  file(name: string): Buffer | undefined;
}

/** Whether to look at a month again: a pack that is gone since its name was read has been written anew by another process. */
export class Looks {
  readonly #gone = new Set<string>();
  #isAgain = false;

  /** A pack was named that is not there. Once more it is no reason to look again: it is a link to nowhere. */
  miss(name: string): void {
    this.#isAgain ||= !this.#gone.has(name);
    this.#gone.add(name);
  }

  /** Asked at the end of each look. */
  isAgain(): boolean {
    const isAgain = this.#isAgain;
    this.#isAgain = false;
    return isAgain;
  }
}

/** Finds runs in the packs of months; lists are read once. */
export class RunPacks {
  readonly #lists = new Map<string, PackList>();
  readonly #names = new Map<string, string[]>();

  /** Whether a run is in a pack of a month, by the lists of those that can be read. */
  has(month: string, id: string): boolean {
    return !this.#locate(month, id, () => {}).next().done;
  }

  /** Whether a run is in a pack, or may come to be in one that is being written. */
  mayHave(month: string, id: string): boolean {
    // In this order: what was being written is a pack afterwards.
    return namesIn(month).some((name) => name.startsWith(SEALING)) || this.has(month, id);
  }

  /** @param month the directory @throws SAME1612 the pack is damaged */
  find(month: string, id: string): FoundInPack | undefined {
    const fail = (error: SameError) => {
      throw error;
    };
    for (const { path, list, run } of this.#locate(month, id, fail)) {
      const bytes = readPackedRun(path, list, run);
      if (!bytes) continue;
      return {
        run,
        file(wanted) {
          const place = run.files.find(([called]) => called === wanted);
          return place && bytes.subarray(place[1], place[1] + place[2]);
        },
      };
    }
    return undefined;
  }

  /** A pack's list; nothing where it is not there any more. @throws SAME1612 */
  list(path: string): PackList | undefined {
    const known = this.#lists.get(path);
    if (known) return known;
    const list = readPackList(path);
    if (!list) return undefined;
    const [oldest] = this.#lists.keys();
    if (this.#lists.size >= REMEMBERED) this.#lists.delete(oldest!);
    this.#lists.set(path, list);
    return list;
  }

  /** Packs whose lists have a run; what is known of the directory is looked at first, and then the directory. */
  *#locate(month: string, id: string, onDamaged: (error: SameError) => void) {
    if (existsSync(join(month, `${REMOVED}${id}`))) return;
    const began = id.slice(0, 8) + id.slice(9, 13);
    const looks = new Looks();
    for (let names = this.#names.get(month) ?? [], isKnown = true; ; names = this.#look(month)) {
      for (const name of names) {
        const [, first, last] = PACK.exec(name)!;
        if (began < first! || began > last!) continue;
        const path = join(month, name);
        try {
          const list = this.list(path);
          const run = list?.runs.get(id);
          if (list && run) yield { path, list, run };
          // Whoever asks goes on where it could not be read.
          if ((!list || run) && !existsSync(path)) looks.miss(name);
        } catch (error) {
          if (!(error instanceof SameError)) throw error;
          onDamaged(error);
        }
      }
      if (!looks.isAgain() && !isKnown) return;
      isKnown = false;
    }
  }

  #look(month: string): string[] {
    const names = packsIn(namesIn(month));
    this.#names.set(month, names);
    return names;
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** Fewer bytes where the file ends before. */
function readAt(file: number, at: number, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  let done = 0;
  for (let read = -1; done < sizeBytes && read !== 0; done += read)
    read = readSync(file, bytes, done, sizeBytes - done, at + done);
  return bytes.subarray(0, done);
}

function parseList(bytes: Buffer): Map<string, PackedRun> | undefined {
  try {
    const list: unknown = JSON.parse(bytes.toString('utf8'));
    if (!isMap(list) || list.kind !== 'RunPack' || !Array.isArray(list.runs)) return undefined;
    return new Map((list.runs as PackedRun[]).map((run) => [run.id, run]));
  } catch {
    return undefined;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A line of shell that gives the runs of a pack directories of their own again, but for those that were deleted. */
function unpacking(path: string): string {
  const [month, name] = [dirname(path), basename(path)];
  const taken =
    removedIn(namesIn(month)).size === 0
      ? `tar xf ${name}`
      : `ls -A | sed -n 's/^${REMOVED}//p' | tar xf ${name} -X -`;
  return `cd '${month.replaceAll("'", "'\\''")}' && ${taken} && rm ${name} pack.json`;
}

function damagedPack(path: string, what: string, id?: string): SameError {
  return new SameError({
    code: 'SAME1612',
    message: `a pack of runs is damaged: ${what}`,
    place: path,
    hint:
      id === undefined
        ? `put back the file from a copy of the home, or take the runs out of it: ${unpacking(path)}`
        : `put back the file from a copy of the home, or remove the run with: same delete run ${id}`,
    clause: 'SAME-RUN-091',
  });
}
