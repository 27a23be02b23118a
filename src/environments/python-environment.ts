import { randomBytes } from 'node:crypto';
import { canonicalBytes, sha256 } from '../bundle/canonical-json.ts';
import { SameError } from '../errors/same-error.ts';
import {
  createExclusively,
  fromErrno,
  isErrno,
  join,
  makeDirectories,
  namesIn,
  readIfThere,
  removeTree,
  rmdirSync,
  rmSync,
  statSync,
  writeAtomically,
  writeFileSync,
} from '../host/files.ts';
import { takeBuildLock } from './build-lock.ts';
import { MARKER, noteEnvironmentUse, placeOf } from './built-environments.ts';
import { type LockedPackage, renderHashedRequirements, sortPackages } from './hashed-requirements.ts';
import { findInterpreter, type Interpreter, probeInterpreter } from './interpreter.ts';
import { type InstallOptions, installPackages, makeVenv } from './python-install.ts';

/** Exactly what goes into a python environment. */
export interface PythonContents {
  /** `major.minor`. */
  python: string;
  packages: readonly LockedPackage[];
}

/** Where and how environments are built. */
export interface PythonBuildOptions extends InstallOptions {
  /** `$SAME_HOME/environments`. */
  directory: string;
  onProgress?(line: string): void;
}

/** A built environment. */
export interface BuiltPython {
  /** Its directory of commands, to be the first of a PATH. */
  bin: string;
  /** The interpreter's full version. */
  version: string;
}

/** The marker of a finished build, written last. */
interface ReadyMarker {
  digest: string;
  version: string;
  /** Directory beside the marker. */
  build: string;
  /** Packages that were installed; fewer than locked where markers leave some out. */
  installed: number;
  /** Size and time of the interpreter's file: others mean that it was replaced. */
  interpreter: { sizeBytes: number; modifiedMs: number };
}

const LOCK = 'building.json';

/**
 * Digest of a python environment: of canonical JSON of the version and the sorted packages with their hashes, so it
 * is the same on every machine for the same lock.
 */
export function pythonDigest({ python, packages }: PythonContents): string {
  const sorted = sortPackages(packages).map(({ name, version, hashes, marker }) => ({
    name,
    version,
    hashes: hashes.toSorted(),
    ...(marker === undefined ? {} : { marker }),
  }));
  return sha256(canonicalBytes({ python, packages: sorted }));
}

/** The environment when it is built and still whole: looks at a few files, starts a process only when one changed. */
export async function builtPython(
  contents: PythonContents,
  directory: string,
): Promise<BuiltPython | undefined> {
  const place = placeOf(directory, pythonDigest(contents));
  const marker = readMarker(place, pythonDigest(contents));
  if (!marker) return undefined;
  const root = join(place, marker.build);
  const python = join(root, 'bin', 'python');
  const now = interpreterFile(python);
  if (!now || countInstalled(root, contents.python) < marker.installed) return undefined;
  if (!noteEnvironmentUse(place)) return undefined;
  if (now.sizeBytes === marker.interpreter.sizeBytes && now.modifiedMs === marker.interpreter.modifiedMs) {
    return { bin: join(root, 'bin'), version: marker.version };
  }
  // The system replaced its interpreter: a patch release runs the same environment, anything else does not.
  const interpreter = await probeInterpreter(python);
  if (interpreter?.minor !== contents.python) return undefined;
  writeAtomically(
    join(place, MARKER),
    JSON.stringify({ ...marker, version: interpreter.version, interpreter: now }),
  );
  return { bin: join(root, 'bin'), version: interpreter.version };
}

/**
 * Builds an environment once per digest and platform; others that want the same one wait for it. What a builder that
 * died left behind is removed. Nothing looks ready before it is.
 * @throws SAME1501 no interpreter, SAME1502 cannot be built, SAME1903 aborted
 */
export async function buildPython(
  contents: PythonContents,
  options: PythonBuildOptions,
): Promise<BuiltPython> {
  const { directory, onProgress, signal } = options;
  const place = placeOf(directory, pythonDigest(contents));
  const digest = pythonDigest(contents);
  const ready = await builtPython(contents, directory);
  if (ready) return ready;
  const interpreter = await findInterpreter(contents.python, signal);
  const before = readMarker(place, digest)?.build;
  let release: (() => void) | undefined;
  try {
    makeDirectories(place);
    release = await takeBuildLock(join(place, LOCK), {
      onWait: () => onProgress?.('waiting for another build of the same environment'),
      done: () => ![undefined, before].includes(readMarker(place, digest)?.build),
      ...(signal ? { signal } : {}),
    });
    const meanwhile = await builtPython(contents, directory);
    if (meanwhile) return meanwhile;
    if (!release) return await buildPython(contents, options);
    // A marker that is still there names a build whose interpreter or packages are gone: nothing can run from it.
    rmSync(join(place, MARKER), { force: true });
    removeLeftovers(place);
    await buildInto(place, digest, interpreter, contents, options);
  } catch (error) {
    throw fromErrno(error, 'building a python environment', directory);
  } finally {
    release?.();
    removeIfEmpty(place);
  }
  const built = await builtPython(contents, directory);
  if (!built) {
    throw new SameError({
      code: 'SAME1502',
      message: `python ${contents.python} environment was built but does not work`,
    });
  }
  return built;
}

async function buildInto(
  place: string,
  digest: string,
  interpreter: Interpreter,
  contents: PythonContents,
  options: PythonBuildOptions,
): Promise<void> {
  const build = randomBytes(4).toString('hex');
  const root = join(place, build);
  const requirements = join(place, `${build}.txt`);
  const count = contents.packages.length;
  try {
    options.onProgress?.(
      `building environment: python ${interpreter.version}, ${count} ${count === 1 ? 'package' : 'packages'}`,
    );
    await makeVenv(interpreter, root, options);
    if (count > 0) {
      writeFileSync(requirements, renderHashedRequirements(contents.packages));
      await installPackages(interpreter, root, requirements, options);
    }
    const marker: ReadyMarker = {
      digest,
      version: interpreter.version,
      build,
      installed: countInstalled(root, contents.python),
      interpreter: interpreterFile(join(root, 'bin', 'python'))!,
    };
    if (!createExclusively(join(place, MARKER), JSON.stringify(marker))) removeTree(root);
  } catch (error) {
    removeTree(root);
    throw error;
  } finally {
    rmSync(requirements, { force: true });
  }
}

function readMarker(place: string, digest: string): ReadyMarker | undefined {
  try {
    const marker: ReadyMarker = JSON.parse(readIfThere(join(place, MARKER))?.toString('utf8') ?? 'null');
    return marker?.digest === digest && /^[0-9a-f]{8}$/.test(marker.build) ? marker : undefined;
  } catch {
    return undefined;
  }
}

function interpreterFile(path: string): ReadyMarker['interpreter'] | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() ? { sizeBytes: stat.size, modifiedMs: Math.floor(stat.mtimeMs) } : undefined;
}

function countInstalled(root: string, python: string): number {
  const packages = join(root, 'lib', `python${python}`, 'site-packages');
  return namesIn(packages).filter((name) => name.endsWith('.dist-info')).length;
}

/** What a builder that died left behind. */
function removeLeftovers(place: string): void {
  for (const name of namesIn(place)) {
    try {
      if (name !== LOCK) removeTree(join(place, name));
    } catch (error) {
      // A pip that outlived its killed parent may still be writing; the next build takes what is left.
      if (!isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    }
  }
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST')) throw error;
  }
}
