import { sha256 } from '../bundle/canonical-json.ts';
import { SameError } from '../errors/same-error.ts';
import { join, readIfThere, writeAtomically } from '../host/files.ts';
import { platform } from '../host/machine.ts';
import type { Environment } from '../program/schema.ts';
import type { EnvironmentsOptions } from './environment.ts';
import { type LockedPackage, parseHashedRequirements } from './hashed-requirements.ts';
import { findInterpreter } from './interpreter.ts';
import type { PythonContents } from './python-environment.ts';

/** What {@link lockedContents} needs. */
export type LockedContentsOptions = Pick<
  EnvironmentsOptions,
  'lock' | 'readCode' | 'readTomlLock' | 'cacheDirectory' | 'signal'
>;

const TOML_LOCK = /(^|\/)(uv\.lock|pylock(\.[^./]+)?\.toml)$/;

/**
 * Where the packages of a python environment are pinned: its own `lock` file, else `same.lock` for this platform.
 * @throws SAME1503, SAME1504, SAME1505
 */
export async function lockedContents(
  name: string,
  python: NonNullable<Environment['python']>,
  options: LockedContentsOptions,
): Promise<PythonContents> {
  const { version } = python;
  const { lock, readCode } = options;
  if (python.lock !== undefined) {
    const bytes = await readCode(python.lock);
    if (bytes && TOML_LOCK.test(python.lock))
      return { python: version, packages: await tomlPackages(bytes, python.lock, version, options) };
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

/**
 * What a lock in TOML comes to for one interpreter. To read it takes a parser and a question to the interpreter, so what
 * came of it is kept below the cache, by the digest of the lock.
 */
async function tomlPackages(
  bytes: Buffer,
  file: string,
  version: string,
  { readTomlLock, cacheDirectory, signal }: LockedContentsOptions,
): Promise<LockedPackage[]> {
  const name = `${sha256(bytes).slice('sha256:'.length)}-${version}-${platform()}.json`;
  const kept = cacheDirectory === undefined ? undefined : join(cacheDirectory, 'locks', name);
  const before = kept === undefined ? undefined : keptPackages(kept);
  if (before) return before;
  if (!readTomlLock) throw new TypeError('locks in TOML need a reader');
  const full = await findInterpreter(version, signal).then(
    (interpreter) => interpreter.version,
    (error: unknown) => {
      // That it is missing is said where it is looked for to run something.
      if (error instanceof SameError && error.code === 'SAME1501') return undefined;
      throw error;
    },
  );
  const packages = await readTomlLock(bytes, file, markerValues(version, full ?? `${version}.0`));
  if (kept !== undefined && full !== undefined) keep(kept, packages);
  return packages;
}

/** The variables of markers (PEP 508) for a CPython on this machine. */
function markerValues(version: string, full: string): Record<string, string> {
  const [system, machine] = platform().split('-') as [string, string];
  return {
    os_name: system === 'win32' ? 'nt' : 'posix',
    sys_platform: system,
    platform_system: { linux: 'Linux', darwin: 'Darwin', win32: 'Windows' }[system] ?? system,
    platform_machine: machine,
    platform_release: '',
    platform_version: '',
    platform_python_implementation: 'CPython',
    implementation_name: 'cpython',
    implementation_version: full,
    python_version: version,
    python_full_version: full,
  };
}

function keptPackages(path: string): LockedPackage[] | undefined {
  try {
    const packages: unknown = JSON.parse(readIfThere(path)?.toString('utf8') ?? 'null');
    return Array.isArray(packages) ? packages : undefined;
  } catch {
    return undefined;
  }
}

function keep(path: string, packages: readonly LockedPackage[]): void {
  try {
    writeAtomically(path, JSON.stringify(packages));
  } catch {
    // A cache that cannot be written makes the next look slower, no more.
  }
}
