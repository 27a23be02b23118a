import { SameError } from '../errors/same-error.ts';
import {
  basename,
  dirname,
  fromErrno,
  isErrno,
  join,
  lstatSync,
  makeDirectories,
  namesIn,
  removeTree,
  renameSync,
  resolve,
} from './files.ts';
import { isAbandoned, ownName } from './process-identity.ts';
import { nextTurn } from './turns.ts';

const PREFIX = '.same-';

/**
 * Makes a directory that is not there or is empty, whole or not at all: it is filled under another name beside it and
 * then renamed. What an earlier call that was killed left beside it is removed.
 * @param options.replace takes the place of a directory that is there, which stays until the new one is whole
 * @returns where the directory that was there lies now, if it could not be removed
 * @throws SAME1403 there is something else · SAME1402 · SAME1404 · SAME1903, nothing being left of it
 */
export async function writeNewDirectory(
  path: string,
  fill: (directory: string) => Promise<void>,
  options: { home: string; signal?: AbortSignal; replace?: boolean },
): Promise<string | undefined> {
  const target = resolve(path);
  const parent = dirname(target);
  try {
    if (!options.replace) refuseTaken(path, target);
    for (const name of namesIn(parent)) {
      if (name.startsWith(PREFIX) && isAbandoned(name.slice(PREFIX.length))) removeTree(join(parent, name));
    }
  } catch (error) {
    throw fromErrno(error, `writing ${path}`, options.home);
  }
  const made = firstMissing(parent);
  const temporary = join(parent, `${PREFIX}${ownName()}`);
  let old: string | undefined;
  try {
    makeDirectories(temporary);
    await fill(temporary);
    await nextTurn(options.signal);
    old = options.replace ? putAside(target) : undefined;
    try {
      renameSync(temporary, target);
    } catch (error) {
      if (old !== undefined) renameSync(old, target);
      throw error;
    }
  } catch (error) {
    removeTree(temporary);
    removeEmpty(parent, made);
    if (isErrno(error, 'ENOTEMPTY', 'EEXIST', 'ENOTDIR')) refuseTaken(path, target);
    throw fromErrno(error, `writing ${path}`, options.home);
  }
  try {
    if (old !== undefined) removeTree(old);
  } catch {
    // The new one is in place: nothing has failed that was asked for.
    return old;
  }
  return undefined;
}

/** Gives a directory another name beside its own, one that no later call removes. @returns it, if there was any. */
function putAside(target: string): string | undefined {
  if (!lstatSync(target, { throwIfNoEntry: false })?.isDirectory()) return undefined;
  const aside = join(dirname(target), `${PREFIX}old-${ownName()}`);
  renameSync(target, aside);
  return aside;
}

/** The outermost directory that will have to be made for a path, if any. */
function firstMissing(path: string): string | undefined {
  let missing: string | undefined;
  for (let at = path; lstatSync(at, { throwIfNoEntry: false }) === undefined; at = dirname(at)) missing = at;
  return missing;
}

/** Takes away what was made for it, from the inside out, as far as nobody put anything there. */
function removeEmpty(path: string, outermost: string | undefined): void {
  if (outermost === undefined) return;
  for (let at = path; ; at = dirname(at)) {
    if (namesIn(at).length > 0) return;
    removeTree(at);
    if (at === outermost) return;
  }
}

function refuseTaken(path: string, target: string): void {
  const stat = lstatSync(target, { throwIfNoEntry: false });
  if (!stat || (stat.isDirectory() && namesIn(target).length === 0)) return;
  const what = stat.isDirectory() ? 'is not empty' : 'is no directory';
  throw new SameError({
    code: 'SAME1403',
    message: `${path} is there already and ${what}`,
    place: path,
    hint: `choose another with -o DIRECTORY, for instance -o ${basename(target)}-2`,
    clause: 'SAME-BND-050',
  });
}
