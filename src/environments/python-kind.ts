import { SameError } from '../errors/same-error.ts';
import { platform } from '../host/machine.ts';
import type { Environment } from '../program/schema.ts';
import type { EnvironmentFinding, EnvironmentsOptions, Prepared } from './environment.ts';
import { findInterpreter } from './interpreter.ts';
import { lockedContents } from './python-contents.ts';
import { buildPython, builtPython, type PythonContents, pythonDigest } from './python-environment.ts';

type Python = NonNullable<Environment['python']>;

/** What a python environment's lock says, without building it. @throws SAME1503, SAME1504, SAME1505 */
export async function pythonLock(
  name: string,
  python: Python,
  options: EnvironmentsOptions,
): Promise<Pick<Prepared, 'key' | 'locked' | 'resolved'>> {
  return lockOf(await lockedContents(name, python, options));
}

/** The digest by which a python environment is built. @throws SAME1503, SAME1504, SAME1505 */
export async function pythonBuildDigest(
  name: string,
  python: Python,
  options: EnvironmentsOptions,
): Promise<string> {
  return pythonDigest(await lockedContents(name, python, options));
}

/** Builds a python environment unless it is there. @throws SAME1501 to SAME1505 */
export async function preparePython(
  name: string,
  python: Python,
  options: EnvironmentsOptions,
): Promise<Prepared> {
  const contents = await lockedContents(name, python, options);
  const there = await builtPython(contents, options.directory);
  const { key, locked, resolved } = lockOf(contents);
  if (!there && options.planOnly) return { kind: 'python', bin: [], key, locked, resolved };
  const built = there ?? (await buildPython(contents, options));
  return { kind: 'python', bin: [built.bin], key, locked, resolved: { python: built.version, ...resolved } };
}

/** What is missing before it can be built: its interpreter, or a lock for this platform. */
export async function checkPython(
  name: string,
  python: Python,
  options: EnvironmentsOptions,
): Promise<EnvironmentFinding[]> {
  const findings: EnvironmentFinding[] = [];
  const want = `python ${python.version}`;
  try {
    const contents = await lockedContents(name, python, options);
    if (await builtPython(contents, options.directory)) return findings;
  } catch (error) {
    // A lock that pins nothing is no unmet need: no machine could meet it (spec SAME-PRG-048).
    if (!(error instanceof SameError) || error.code === 'SAME1505') throw error;
    const wanted = `packages of environment ${name} for ${platform()}`;
    findings.push(
      ...error.findings.map((f) => ({ ...f, what: 'lock' as const, want: wanted, have: f.message })),
    );
  }
  try {
    await findInterpreter(python.version, options.signal);
  } catch (error) {
    if (!(error instanceof SameError) || error.code !== 'SAME1501') throw error;
    const have = /\(found (.*)\)/.exec(error.findings[0]!.message)?.[1];
    const instead = have === undefined ? 'none' : `python ${have}`;
    findings.push(
      ...error.findings.map((f) => ({ ...f, what: 'interpreter' as const, want, have: instead })),
    );
  }
  return findings;
}

function lockOf(contents: PythonContents): Pick<Prepared, 'key' | 'locked' | 'resolved'> {
  const packages = Object.fromEntries(contents.packages.map(({ name, version }) => [name, version]));
  return { key: `lock:${pythonDigest(contents)}`, locked: true, resolved: { packages } };
}
