import { randomBytes } from 'node:crypto';
import { SameError } from '../errors/same-error.ts';
import { epochMs } from '../host/clock.ts';
import { createExclusively, linkSync, readIfThere, renameSync, rmSync, statSync } from '../host/files.ts';

/** A lock is held for a few file system calls; one this old was left by a process that died. */
const STALE_MS = 10_000;
const GIVE_UP_MS = 30_000;
const PAUSE_MS = 3;

/**
 * Does `work` while no other process does under the same lock file. Locks of dead processes are broken after 10 s.
 * @throws SAME1405 when the lock stays taken for 30 s
 */
export function withLock<T>(path: string, work: () => T): T {
  const token = randomBytes(16).toString('hex');
  const startedAt = epochMs();
  while (!createExclusively(path, token)) {
    breakStale(path);
    if (epochMs() - startedAt > GIVE_UP_MS) {
      throw new SameError({ code: 'SAME1405', message: 'the names of this home are locked', place: path });
    }
    pause(PAUSE_MS + Math.random() * PAUSE_MS);
  }
  try {
    return work();
  } finally {
    if (readIfThere(path)?.toString() === token) rmSync(path, { force: true });
  }
}

function breakStale(path: string): void {
  const seen = readIfThere(path)?.toString();
  const stat = statSync(path, { throwIfNoEntry: false });
  if (seen === undefined || !stat || epochMs() - stat.mtimeMs < STALE_MS) return;
  const aside = `${path}-stale-${randomBytes(6).toString('hex')}`;
  try {
    renameSync(path, aside);
    // Another process may have broken it and taken the lock in between: then that lock goes back.
    if (readIfThere(aside)?.toString() !== seen) linkSync(aside, path);
  } catch {
    // Gone, or taken: the next round sees.
  } finally {
    rmSync(aside, { force: true });
  }
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
