import { SameError } from '../errors/same-error.ts';
import { epochMs } from './clock.ts';
import {
  createExclusively,
  fromErrno,
  join,
  lstatSync,
  namesIn,
  readIfThere,
  removeTree,
  rmSync,
  statSync,
} from './files.ts';
import { isAbandoned, type ProcessIdentity, processState, thisProcess } from './process-identity.ts';

/** Something that a command left in a home and nobody needs. */
export interface Leftover {
  path: string;
  sizeBytes: number;
}

const DAY_MS = 24 * 60 * 60_000;
/** A command on another machine, or in another container, cannot be asked; for so long it is believed to be at work. */
const ELSEWHERE_MS = 30 * DAY_MS;
/** What a fetching that was cut left is for the next one to go on with, for so long. */
const DOWNLOAD_MS = DAY_MS;

/** Who is at work in a home, and what commands that are over left there. */
export function openHomeUse(home: string) {
  const work = join(home, 'work');
  const bornMs = (path: string) => statSync(path, { throwIfNoEntry: false })?.birthtimeMs;
  return {
    /** Since when the oldest command that is still at work may be: in ms since 1970, or undefined for none. */
    busySinceMs(): number | undefined {
      const starts = namesIn(work)
        .filter((name) => !isAbandoned(name))
        .flatMap((name) => bornMs(join(work, name)) ?? [])
        .filter((ms) => epochMs() - ms < ELSEWHERE_MS);
      return starts.length === 0 ? undefined : Math.min(...starts);
    },
    /** Work directories, results half written, downloads and deleted runs of commands that are over. */
    leftovers(): Leftover[] {
      const downloads = join(home, 'cache', 'downloads');
      const left = [
        ...[work, join(home, 'cache', 'results')].flatMap((room) =>
          namesIn(room)
            .filter(isAbandoned)
            .map((name) => join(room, name)),
        ),
        ...namesIn(downloads)
          .filter((name) => isAbandoned(name.slice(name.indexOf('.') + 1)))
          .map((name) => join(downloads, name))
          .filter(
            (path) => epochMs() - (lstatSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0) > DOWNLOAD_MS,
          ),
        // Half removed by a command that was killed.
        ...['runs', 'sweeps', 'environments'].flatMap((room) =>
          namesIn(join(home, room))
            .filter((name) => /^\.(deleted|leaving)-/.test(name))
            .map((name) => join(home, room, name)),
        ),
      ];
      return left.map((path) => ({ path, sizeBytes: sizeOf(path) }));
    },
    /** Removes a file or a directory. */
    remove(path: string): void {
      try {
        removeTree(path);
      } catch (error) {
        throw fromErrno(error, `removing ${path}`, home);
      }
    },
    /**
     * Keeps other collections out. @returns what lets them in again
     * @throws SAME1405 another command is at it
     */
    lock(): () => void {
      const path = join(home, 'content', 'collecting.json');
      const mine = JSON.stringify(thisProcess());
      try {
        if (!createExclusively(path, mine)) {
          if (isHeld(path)) {
            throw new SameError({
              code: 'SAME1405',
              message: 'another same gc is at work in this home',
              place: path,
              hint: 'let it end, then try again',
            });
          }
          rmSync(path, { force: true });
          if (!createExclusively(path, mine)) return this.lock();
        }
      } catch (error) {
        throw fromErrno(error, 'collecting', home);
      }
      return () => {
        if (readIfThere(path)?.toString('utf8') === mine) rmSync(path, { force: true });
      };
    },
  };
}

/** Bytes of a file, or of all files below a directory. */
export function sizeOf(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return 0;
  if (!stat.isDirectory()) return stat.nlink > 1 ? 0 : stat.size;
  return namesIn(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

function isHeld(path: string): boolean {
  try {
    const owner: ProcessIdentity = JSON.parse(readIfThere(path)?.toString('utf8') ?? '');
    const state = processState(owner);
    if (state !== 'elsewhere') return state === 'alive';
    return epochMs() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) < DAY_MS;
  } catch {
    return false;
  }
}
