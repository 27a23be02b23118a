import { createExclusively, dirname, fromErrno, join, namesIn } from '../host/files.ts';
import type { ReferrerStore } from './content-store.ts';
import { hexIn, hexOf } from './digest.ts';

/**
 * Referrers below a content directory: an empty file `referrers/<hex of subject>/<hex of referrer>` each, so that any
 * number of processes may add at once.
 */
export function openDiskReferrers(directory: string): ReferrerStore {
  const folderOf = (subject: string): string => join(directory, 'referrers', hexOf(subject));
  return {
    add(subject, referrer) {
      try {
        createExclusively(join(folderOf(subject), hexOf(referrer)), '');
      } catch (error) {
        throw fromErrno(error, 'noting what belongs to a program', dirname(directory));
      }
    },
    subjects() {
      try {
        return digestsIn(join(directory, 'referrers'));
      } catch (error) {
        throw fromErrno(error, 'listing what belongs to programs', dirname(directory));
      }
    },
    list(subject) {
      try {
        return digestsIn(folderOf(subject));
      } catch (error) {
        throw fromErrno(error, 'listing what belongs to a program', dirname(directory));
      }
    },
  };
}

function digestsIn(folder: string): string[] {
  return namesIn(folder)
    .map((name) => `sha256:${name}`)
    .filter((digest) => hexIn(digest) !== undefined);
}
