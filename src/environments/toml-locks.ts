import { parse } from 'smol-toml';
import { type Finding, SameError } from '../errors/same-error.ts';
import { type LockedPackage, normalisedName, sortPackages } from './hashed-requirements.ts';
import { type MarkerValues, markerHolds } from './marker.ts';
import { satisfiesBounds } from './python-version.ts';

type Table = Record<string, unknown>;

/** A lock while it is read: where it lies, for whom it is read, and what is wrong with it. */
interface Reading {
  file: string;
  values: MarkerValues;
  refuse(message: string, hint?: string): void;
}

/**
 * The packages that a `uv.lock` or `pylock.toml` installs where these markers hold (spec SAME-PIP-060, 061).
 * @param values of the markers; `extra`, `extras` and `dependency_groups` are set here
 * @throws SAME1505 with each problem
 */
export function readTomlLock(bytes: Uint8Array, file: string, values: MarkerValues): LockedPackage[] {
  const findings: Finding[] = [];
  const refuse = (message: string, hint?: string) =>
    findings.push({ code: 'SAME1505', message, place: file, ...(hint ? { hint } : {}) });
  let lock: Table;
  try {
    lock = parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Table;
  } catch (error) {
    const said = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new SameError({ code: 'SAME1505', message: `${file} is not TOML: ${said}`, place: file });
  }
  const needs = lock['requires-python'];
  if (typeof needs === 'string' && !satisfiesBounds(String(values.python_full_version), needs))
    refuse(`it needs python ${needs}, and the environment says ${values.python_version}`);
  const reading = { file, values: { ...values, extra: '' }, refuse };
  const packages = isUvLock(file) ? uvPackages(lock, reading) : pylockPackages(lock, reading);
  if (findings.length > 0) throw new SameError(findings);
  return sortPackages(packages);
}

function isUvLock(file: string): boolean {
  return /(^|\/)uv\.lock$/.test(file);
}

function uvPackages(lock: Table, reading: Reading): LockedPackage[] {
  if (lock.version !== 1) {
    reading.refuse(`it is of version ${String(lock.version)}, not 1`, 'write it again with: uv lock');
    return [];
  }
  const all = tables(lock.package);
  const root = all.find(({ source }) =>
    ['virtual', 'editable'].some((kind) => isTable(source) && source[kind] === '.'),
  );
  if (!root) {
    reading.refuse('it has no project of its own: no package with the source "."');
    return [];
  }
  const found = new Map<Table, LockedPackage>();
  const seen = new Set<string>();
  const waiting = [{ from: root, dependencies: root.dependencies }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    for (const dependency of tables(next.dependencies)) {
      if (!holds(dependency.marker, reading)) continue;
      const wanted = uvPackage(all, dependency, reading);
      if (!wanted) {
        reading.refuse(
          `${next.from.name} needs ${dependency.name}, which it does not hold for this platform`,
        );
        continue;
      }
      for (const extra of ['', ...texts(dependency.extra)]) {
        const key = `${wanted.name} ${wanted.version} ${extra}`;
        if (seen.has(key)) continue;
        seen.add(key);
        const optional = isTable(wanted['optional-dependencies']) ? wanted['optional-dependencies'] : {};
        waiting.push({ from: wanted, dependencies: extra === '' ? wanted.dependencies : optional[extra] });
      }
      if (wanted !== root && !found.has(wanted)) found.set(wanted, uvLocked(wanted, reading));
    }
  }
  return [...found.values()];
}

/** The one package of that name that a dependency means: by version where it says one, else by the markers of the fork. */
function uvPackage(all: readonly Table[], { name, version }: Table, reading: Reading): Table | undefined {
  return all.find(
    (each) =>
      each.name === name &&
      (version === undefined || each.version === version) &&
      (each['resolution-markers'] === undefined ||
        texts(each['resolution-markers']).some((marker) => holds(marker, reading))),
  );
}

function uvLocked({ name, version, source, wheels, sdist }: Table, reading: Reading): LockedPackage {
  if (!isTable(source) || typeof source.registry !== 'string')
    reading.refuse(
      `package ${name} comes from a URL, a repository or a path`,
      'name it by version from a package index',
    );
  const files = [...tables(wheels), ...(isTable(sdist) ? [sdist] : [])];
  return locked(
    name,
    version,
    files.map(({ hash }) => hash),
    reading,
  );
}

function pylockPackages(lock: Table, reading: Reading): LockedPackage[] {
  if (typeof lock['lock-version'] !== 'string' || !/^1(\.|$)/.test(lock['lock-version'])) {
    reading.refuse(`its lock-version is ${String(lock['lock-version'])}, not 1.0`);
    return [];
  }
  const values = { ...reading.values, extras: [], dependency_groups: texts(lock['default-groups']) };
  return tables(lock.packages)
    .filter(({ directory }) => !isTable(directory) || directory.path !== '.')
    .filter(({ marker }) => holds(marker, { ...reading, values }))
    .map(({ name, version, wheels, sdist, ...rest }) => {
      if (['vcs', 'directory', 'archive'].some((kind) => rest[kind] !== undefined))
        reading.refuse(
          `package ${name} comes from a URL, a repository or a path`,
          'name it by version from a package index',
        );
      const files = [...tables(wheels), ...(isTable(sdist) ? [sdist] : [])];
      const hashes = files.flatMap(({ hashes }) =>
        isTable(hashes) ? Object.entries(hashes).map(([kind, hash]) => `${kind}:${hash}`) : [],
      );
      return locked(name, version, hashes, reading);
    });
}

function locked(
  name: unknown,
  version: unknown,
  hashes: readonly unknown[],
  { refuse }: Reading,
): LockedPackage {
  const known = hashes.filter((hash): hash is string => typeof hash === 'string' && isHash(hash));
  if (typeof version !== 'string') refuse(`package ${name} has no version`);
  if (known.length === 0) refuse(`package ${name} has no file with a sha256, sha384 or sha512 hash`);
  return { name: normalisedName(String(name)), version: String(version), hashes: [...new Set(known)].sort() };
}

function isHash(text: string): boolean {
  return /^(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/.test(text);
}

function holds(marker: unknown, { values, refuse }: Reading): boolean {
  if (marker === undefined) return true;
  const result = typeof marker === 'string' ? markerHolds(marker, values) : undefined;
  if (result === undefined) refuse(`the marker ${JSON.stringify(marker)} cannot be read`);
  return result === true;
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function tables(value: unknown): Table[] {
  return Array.isArray(value) ? value.filter(isTable) : [];
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
