import { readFileSync } from 'node:fs';
import * as os from 'node:os';

/** Limits of this process that its children inherit; what has no limit, or is not told, is absent. */
export interface ProcessLimits {
  /** Soft and hard number of open files. */
  openFiles?: [soft: number, hard: number];
  processes?: number;
}

/**
 * The limits that a child may be given without any rights. Of processes no more than of open files: podman gives
 * itself the one for the other, and cannot give on what it has not.
 */
export function processLimits(): ProcessLimits {
  const [softFiles, hardFiles] = limit('Max open files');
  const [processes] = limit('Max processes');
  const most = Math.min(processes ?? Number.POSITIVE_INFINITY, hardFiles ?? Number.POSITIVE_INFINITY);
  return {
    ...(softFiles === undefined || hardFiles === undefined ? {} : { openFiles: [softFiles, hardFiles] }),
    ...(Number.isFinite(most) ? { processes: most } : {}),
  };
}

/** Who this process runs as. */
export function userNumbers(): { uid: number; gid: number } {
  const { uid, gid } = os.userInfo();
  return { uid, gid };
}

function limit(name: string): (number | undefined)[] {
  try {
    const line = readFileSync('/proc/self/limits', 'latin1')
      .split('\n')
      .find((text) => text.startsWith(name));
    const words = line?.slice(name.length).trim().split(/\s+/) ?? [];
    return words.slice(0, 2).map((word) => (/^\d+$/.test(word) ? Number(word) : undefined));
  } catch {
    return [];
  }
}
