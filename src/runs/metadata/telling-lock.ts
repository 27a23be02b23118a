import { randomBytes } from 'node:crypto';
import { epochMs } from '../../host/clock.ts';
import { createExclusively, readIfThere, rmSync, statSync, utimesSync } from '../../host/files.ts';
import { type ProcessIdentity, processState, thisProcess } from '../../host/process-identity.ts';

/** A teller says so often that it is at work; one elsewhere, which cannot be asked, is dead after so long without. */
const SIGN_MS = 20_000;
const ELSEWHERE_MS = 2 * 60_000;
/** Taking over is a few calls of the file system; what keeps others from it for longer was left by one that died. */
const GUARD_MS = 10_000;

/**
 * Keeps other tellers out by a file, which says whose it is; that of one that died is taken over (spec SAME-RUN-112).
 * @returns what lets them in again, or undefined while there is one
 */
export function lockTelling(path: string): (() => void) | undefined {
  // No two are alike, so that one is never taken for another that took its place.
  const mine = JSON.stringify({ ...thisProcess(), nonce: randomBytes(8).toString('hex') });
  if (!createExclusively(path, mine)) {
    removeDead(path);
    if (!createExclusively(path, mine)) return undefined;
  }
  const isMine = () => readIfThere(path)?.toString('utf8') === mine;
  const signs = setInterval(() => {
    if (isMine()) touch(path);
  }, SIGN_MS);
  signs.unref();
  return () => {
    clearInterval(signs);
    if (isMine()) rmSync(path, { force: true });
  };
}

function touch(path: string): void {
  try {
    utimesSync(path, epochMs() / 1000, epochMs() / 1000);
  } catch {
    // Whoever takes it over tells what is told already, which changes nothing.
  }
}

/** Takes the file of a dead teller away, one command at a time: else it could be another's that came in its place. */
function removeDead(path: string): void {
  if (!isDead(path)) return;
  const guard = `${path}-taken-over`;
  if (createExclusively(guard, '')) {
    try {
      if (isDead(path)) rmSync(path, { force: true });
    } finally {
      rmSync(guard, { force: true });
    }
  } else if (ageMs(guard) > GUARD_MS) rmSync(guard, { force: true });
}

function isDead(path: string): boolean {
  const bytes = readIfThere(path);
  if (!bytes) return false;
  const owner = ownerOf(bytes);
  if (!owner) return true;
  const state = processState(owner);
  return state === 'elsewhere' ? ageMs(path) > ELSEWHERE_MS : state === 'dead';
}

/** Of a file; 0 of one that is not there. */
function ageMs(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat ? epochMs() - stat.mtimeMs : 0;
}

function ownerOf(bytes: Buffer): ProcessIdentity | undefined {
  try {
    const value = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
