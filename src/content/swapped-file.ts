import {
  dirname,
  fromErrno,
  join,
  readIfThere,
  realpathSync,
  statSync,
  writeAtomically,
} from '../host/files.ts';
import { withLock } from './exclusive-lock.ts';

/**
 * Replaces a file that people edit too, in one step, when it still holds what was read. Where it is a symbolic link, the
 * file it leads to is replaced; its mode stays.
 * @param before what was read; undefined when there was no file
 * @returns false, and nothing is changed, when it holds something else by now
 * @throws SAME1401, SAME1402, SAME1404, SAME1405
 */
export function swapFile(path: string, before: Buffer | undefined, text: string): boolean {
  const home = dirname(path);
  try {
    return withLock(join(home, '.config.lock'), () => {
      const now = readIfThere(path);
      if (now === undefined ? before !== undefined : !before?.equals(now)) return false;
      if (now === undefined) writeAtomically(path, text, { sync: true });
      else writeAtomically(realpathSync(path), text, { mode: statSync(path).mode & 0o777, sync: true });
      return true;
    });
  } catch (error) {
    throw fromErrno(error, `writing ${path}`, home);
  }
}
