import { SameError } from '../errors/same-error.ts';
import { platform } from '../host/machine.ts';
import type { Lock } from '../program/lock.ts';
import type { Environment } from '../program/schema.ts';
import { type LockedPackage, parseHashedRequirements } from './hashed-requirements.ts';
import type { PythonContents } from './python-environment.ts';

/** What {@link lockedContents} needs. */
export interface LockedContentsOptions {
  /** `same.lock` of the program. */
  lock?: Lock | undefined;
  /** Bytes of a program file, or undefined when there is none. */
  readCode(path: string): Promise<Buffer | undefined>;
}

/**
 * Where the packages of a python environment are pinned: its own `lock` file, else `same.lock` for this platform.
 * @throws SAME1503, SAME1504, SAME1505
 */
export async function lockedContents(
  name: string,
  python: NonNullable<Environment['python']>,
  { lock, readCode }: LockedContentsOptions,
): Promise<PythonContents> {
  const { version } = python;
  if (python.lock !== undefined) {
    const bytes = await readCode(python.lock);
    if (bytes) return { python: version, packages: parseHashedRequirements(bytes, python.lock) };
    throw new SameError({
      code: 'SAME1505',
      message: `lock ${python.lock} of environment "${name}" is not in the program`,
      place: python.lock,
    });
  }
  if (python.requirements === undefined && python.packages === undefined)
    return { python: version, packages: [] };
  const entries = lock?.environments?.[name];
  const entry = entries?.[platform()];
  if (entry?.python === version)
    return { python: version, packages: entry.packages satisfies LockedPackage[] };
  const known = Object.keys(entries ?? {}).sort();
  if (entry || known.length === 0) {
    const because = entry ? `locked for python ${entry.python}, not ${version}` : 'not locked';
    throw new SameError({
      code: 'SAME1503',
      message: `environment "${name}" is ${because}`,
      hint: 'lock it in the folder of the source with: same lock',
    });
  }
  throw new SameError({
    code: 'SAME1504',
    message: `environment "${name}" is locked for ${known.join(', ')}, not for ${platform()}`,
    hint: 'lock it on this machine in the folder of the source with: same lock',
  });
}
