import { randomBytes } from 'node:crypto';
import { epochMs } from '../host/clock.ts';
import {
  fromErrno,
  isErrno,
  join,
  lstatSync,
  namesIn,
  readIfThere,
  removeTree,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from '../host/files.ts';
import { platform } from '../host/machine.ts';

/** The name of the file that makes a build one: written last, and touched when it is used. */
export const MARKER = 'ready.json';
const LEAVING = '.leaving-';
/** What was used this lately needs no new note of it. */
const USED_LATELY_MS = 30 * 60_000;

/** An environment that is built. */
export interface BuiltEnvironment {
  /** Name of its directory: half of the digest, and the platform. */
  name: string;
  kind: 'python' | 'node';
  /** What was put in: `sha256:…`. */
  digest: string;
  platform: string;
  /** Of its interpreter. */
  version: string;
  sizeBytes: number;
  /** When it was built or last used, in ms since 1970. */
  usedMs: number;
}

/** The environments that are built below a home. */
export interface BuiltEnvironments {
  list(): BuiltEnvironment[];
  /** Removes one that was not used since. @returns whether it is gone */
  remove(name: string, beforeMs: number): boolean;
}

/**
 * Where an environment is built: half a digest is plenty for a directory, and keeps scripts' `#!` lines below the kernel's
 * limit; the marker has it whole.
 */
export function placeOf(directory: string, digest: string): string {
  return join(directory, `${digest.slice('sha256:'.length, 'sha256:'.length + 32)}-${platform()}`);
}

/**
 * Notes that an environment is in use, so that it is not removed as one that nobody uses.
 * @returns false where it has just been removed
 */
export function noteEnvironmentUse(place: string): boolean {
  const marker = join(place, MARKER);
  const stat = statSync(marker, { throwIfNoEntry: false });
  if (!stat) return false;
  if (epochMs() - stat.mtimeMs < USED_LATELY_MS) return true;
  try {
    utimesSync(marker, epochMs() / 1000, epochMs() / 1000);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    if (isErrno(error, 'EPERM', 'EACCES', 'EROFS')) return true;
    throw error;
  }
}

/** @param directory `$SAME_HOME/environments` */
export function openBuiltEnvironments(directory: string): BuiltEnvironments {
  return {
    list: () =>
      namesIn(directory).flatMap((name): BuiltEnvironment[] => {
        const place = join(directory, name);
        const marker = readMarker(place);
        const stat = statSync(join(place, MARKER), { throwIfNoEntry: false });
        if (!marker || !stat) return [];
        const { digest, version, kind = 'python' } = marker;
        const sizeBytes = bytesBelow(place);
        return [{ name, kind, digest, platform: name.slice(33), version, sizeBytes, usedMs: stat.mtimeMs }];
      }),
    remove(name, beforeMs) {
      const place = join(directory, name);
      const aside = join(directory, `${LEAVING}${name}-${randomBytes(4).toString('hex')}`);
      const usedMs = (at: string) => statSync(join(at, MARKER), { throwIfNoEntry: false })?.mtimeMs ?? 0;
      try {
        for (const left of namesIn(directory))
          if (left.startsWith(`${LEAVING}${name}-`)) removeTree(join(directory, left));
        if (usedMs(place) >= beforeMs) return false;
        renameSync(place, aside);
        if (usedMs(aside) >= beforeMs) {
          renameSync(aside, place);
          return false;
        }
        // The marker first: what is half gone is no environment.
        rmSync(join(aside, MARKER), { force: true });
        removeTree(aside);
        return true;
      } catch (error) {
        if (isErrno(error, 'ENOENT')) return false;
        throw fromErrno(error, 'removing an environment', directory);
      }
    },
  };
}

function readMarker(
  place: string,
): { digest: string; version: string; kind?: 'python' | 'node' } | undefined {
  try {
    const marker = JSON.parse(readIfThere(join(place, MARKER))?.toString('utf8') ?? 'null');
    return typeof marker?.digest === 'string' && typeof marker.version === 'string' ? marker : undefined;
  } catch {
    return undefined;
  }
}

function bytesBelow(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return stat?.size ?? 0;
  return namesIn(path).reduce((sum, name) => sum + bytesBelow(join(path, name)), 0);
}
