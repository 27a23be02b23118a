import { type Finding, SameError } from '../errors/same-error.ts';
import { isJsonObject, type JsonValue } from '../program/json.ts';
import type { Environment } from '../program/schema.ts';
import { satisfies } from './command.ts';

/** One R package that must be installed. */
export interface WantedPackage {
  name: string;
  /** For instance `==1.1-31`; empty when any version will do. */
  want: string;
  bounds: { operator: string; version: string }[];
}

/**
 * Reads a `renv.lock`: versions of packages, by name and sorted by it.
 * @param version the environment's `major.minor`
 * @throws SAME1505 with each problem (spec SAME-PIP-062)
 */
export function parseRenvLock(bytes: Uint8Array, file: string, version: string): Record<string, string> {
  const findings: Finding[] = [];
  const refuse = (message: string) => findings.push({ code: 'SAME1505', message, place: file });
  const lock = parsed(bytes);
  if (!isJsonObject(lock)) {
    throw new SameError({
      code: 'SAME1505',
      message: `${file} is no renv.lock: not a JSON object`,
      place: file,
    });
  }
  const locked = isJsonObject(lock.R) ? lock.R.Version : undefined;
  if (typeof locked !== 'string') refuse('R.Version is missing');
  else if (locked !== version && !locked.startsWith(`${version}.`))
    refuse(`it was made for R ${locked}, and the environment says ${version}`);
  const packages: [string, string][] = [];
  if (!isJsonObject(lock.Packages)) refuse('Packages is missing');
  for (const [name, entry] of Object.entries(isJsonObject(lock.Packages) ? lock.Packages : {})) {
    const said = isJsonObject(entry) ? entry.Version : undefined;
    if (typeof said === 'string' && /^[0-9][0-9.-]*$/.test(said)) packages.push([name, said]);
    else refuse(`package ${name} has no Version`);
  }
  if (findings.length > 0) throw new SameError(findings);
  return Object.fromEntries(packages.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Reads `NAME` or `NAME CONSTRAINT…`, as the manifest's rules allow it. */
export function parseWantedPackage(text: string): WantedPackage {
  const name = /^[A-Za-z][A-Za-z0-9.]*/.exec(text)![0];
  const bounds = [...text.slice(name.length).matchAll(/(>=|<=|==|!=|>|<)\s*([0-9][0-9.-]*)/g)].map(
    (bound) => ({
      operator: bound[1]!,
      version: bound[2]!,
    }),
  );
  return { name, want: bounds.map(({ operator, version }) => operator + version).join(' '), bounds };
}

/** The packages that an environment of R wants, a lock's in exactly the version that it says. */
export function wantedPackages(
  r: NonNullable<Environment['r']>,
  locked: Record<string, string> | undefined,
): WantedPackage[] {
  if (!locked) return (r.packages ?? []).map(parseWantedPackage);
  return Object.entries(locked).map(([name, version]) => ({
    name,
    want: `==${version}`,
    bounds: [{ operator: '==', version }],
  }));
}

/** Whether an installed version will do; `-` and `.` in versions of R mean the same. */
export function isWanted(version: string, { bounds, want }: WantedPackage): boolean {
  const dotted = (text: string) => text.replaceAll('-', '.');
  if (want === `==${version}`) return true;
  return satisfies(
    dotted(version),
    bounds.map(({ operator, version: bound }) => ({ operator, version: dotted(bound) })),
  );
}

function parsed(bytes: Uint8Array): JsonValue | undefined {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
