import { epochMs, sleep } from '../host/clock.ts';
import {
  createExclusively,
  isErrno,
  linkSync,
  readIfThere,
  renameSync,
  rmSync,
  statSync,
  temporaryBeside,
} from '../host/files.ts';
import { type ProcessIdentity, processState, thisProcess } from '../host/process-identity.ts';
import { stopIfAborted } from './tool-process.ts';

const POLL_MS = 100;
/** An owner that cannot be asked (on another host, in another container) is believed for this long. */
const ELSEWHERE_MS = 30 * 60_000;

/** Options of {@link takeBuildLock}. */
export interface BuildLockOptions {
  /** Called once when somebody else is building. */
  onWait(): void;
  /** Asked while waiting: true ends the wait, for the work is done. */
  done(): boolean;
  signal?: AbortSignal;
}

/**
 * Waits until nobody else builds, then holds the lock. A dead owner's lock is taken over.
 * @returns a function that gives the lock back, or undefined when the work was done meanwhile
 */
export async function takeBuildLock(
  path: string,
  options: BuildLockOptions,
): Promise<(() => void) | undefined> {
  const mine = JSON.stringify(thisProcess());
  for (let waited = false; ; ) {
    stopIfAborted(options.signal);
    if (options.done()) return undefined;
    if (createExclusively(path, mine)) {
      return () => {
        if (readIfThere(path)?.toString('utf8') === mine) rmSync(path, { force: true });
      };
    }
    const holder = readIfThere(path)?.toString('utf8');
    if (holder === undefined) continue;
    if (!isHeld(path, holder)) {
      removeDeadLock(path, holder);
      continue;
    }
    if (!waited) options.onWait();
    waited = true;
    await sleep(POLL_MS, options.signal);
  }
}

/** Takes away the lock of a process that died, unless somebody else did so first and holds it now. */
function removeDeadLock(path: string, dead: string): void {
  const aside = temporaryBeside(path);
  try {
    renameSync(path, aside);
    if (readIfThere(aside)?.toString('utf8') !== dead) linkSync(aside, path);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'EEXIST')) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

/** Whether a lock file names a process that lives, or one that cannot be asked and is not old. */
function isHeld(path: string, text: string): boolean {
  let owner: ProcessIdentity;
  try {
    owner = JSON.parse(text);
  } catch {
    return false;
  }
  const state = processState(owner);
  if (state !== 'elsewhere') return state === 'alive';
  const changedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return changedMs !== undefined && epochMs() - changedMs < ELSEWHERE_MS;
}
