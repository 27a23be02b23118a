import { posix } from 'node:path';
import { canonicalBytes, canonicalJson, sha256 } from '../bundle/canonical-json.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../program/json.ts';

/** Exactly what goes into an environment of Node.js. */
export interface NodeContents {
  /** Major version. */
  node: string;
  /** The lock's `packages` without where they come from; `''` says what depends on them. */
  packages: Record<string, JsonObject>;
}

const DEPENDENCIES = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const;

/** Digest of an environment of Node.js: of canonical JSON of {@link NodeContents} (spec SAME-PIP-065). */
export function nodeDigest({ node, packages }: NodeContents): string {
  return sha256(canonicalBytes({ node, packages }));
}

/**
 * Reads a `package-lock.json`.
 * @param manifest the `package.json` beside it, when the program has one: it has to agree
 * @throws SAME1505 with each problem (spec SAME-PIP-064)
 */
export function parsePackageLock(
  bytes: Uint8Array,
  file: string,
  manifest: Uint8Array | undefined,
): NodeContents['packages'] {
  const findings: Finding[] = [];
  const refuse = (message: string, hint?: string) =>
    findings.push({ code: 'SAME1505', message, place: file, ...(hint ? { hint } : {}) });
  const lock = parsed(bytes);
  if (
    !isJsonObject(lock) ||
    !isJsonObject(lock.packages) ||
    ![2, 3].includes(lock.lockfileVersion as number)
  ) {
    refuse(
      `${file} is no package-lock.json of lockfileVersion 2 or 3`,
      'write it again with: npm install --package-lock-only',
    );
    throw new SameError(findings);
  }
  const packages: NodeContents['packages'] = {};
  for (const [path, entry] of Object.entries(lock.packages)) {
    const problem = isJsonObject(entry) ? problemOf(path, entry) : 'is no object';
    if (problem) refuse(`package ${path} ${problem}`);
    else {
      const { resolved: _, ...rest } = entry as JsonObject;
      packages[path] = rest;
    }
  }
  const root = packages[''];
  if (!root) refuse('it does not say what it was made for: packages has no ""');
  const beside = manifest && parsed(manifest);
  const differs = DEPENDENCIES.filter(
    (kind) =>
      root && isJsonObject(beside) && canonicalJson(root[kind] ?? {}) !== canonicalJson(beside[kind] ?? {}),
  );
  if (manifest && !isJsonObject(beside))
    refuse(`${posix.join(posix.dirname(file), 'package.json')} is no JSON object`);
  for (const kind of differs)
    refuse(
      `${kind} of package.json are not those it was made for`,
      'write it again with: npm install --package-lock-only',
    );
  if (findings.length > 0) throw new SameError(findings);
  return packages;
}

/** The files from which npm installs exactly these packages, from whatever registry the user has. */
export function renderPackageLock({ packages }: NodeContents): {
  'package.json': string;
  'package-lock.json': string;
} {
  const root = packages[''] ?? {};
  const kept = Object.fromEntries(
    DEPENDENCIES.flatMap((kind) => (root[kind] === undefined ? [] : [[kind, root[kind]]])),
  );
  const head = { name: 'environment', version: '0.0.0' };
  return {
    'package.json': JSON.stringify({ ...head, private: true, ...kept }),
    'package-lock.json': JSON.stringify({
      ...head,
      lockfileVersion: 3,
      requires: true,
      packages: { ...packages, '': { ...head, ...kept } },
    }),
  };
}

/** Versions of what is installed, by path below `node_modules`. */
export function nodeVersions({ packages }: NodeContents): Record<string, string> {
  return Object.fromEntries(
    Object.entries(packages)
      .filter(([path]) => path !== '')
      .map(([path, { version }]): [string, string] => [path.replace(/^node_modules\//, ''), String(version)])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function problemOf(path: string, entry: JsonObject): string | undefined {
  if (path === '') return undefined;
  if (!path.startsWith('node_modules/') || entry.link !== undefined)
    return 'is a link or a workspace, which a lock of an environment may not name';
  if (typeof entry.version !== 'string') return 'has no version';
  // It comes inside the package that bundles it, which has a hash.
  if (entry.inBundle === true) return undefined;
  const { resolved } = entry;
  const isOfRegistry =
    resolved === undefined ||
    (typeof resolved === 'string' && /^https?:\/\/[^#]+\/-\/[^/#]+\.tgz$/.test(resolved));
  if (!isOfRegistry)
    return 'comes from a URL, a repository or a path, which a lock of an environment may not name';
  if (typeof entry.integrity !== 'string' || !/^sha(256|384|512)-/.test(entry.integrity))
    return 'has no integrity of SHA-256, 384 or 512';
  return undefined;
}

function parsed(bytes: Uint8Array): JsonValue | undefined {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
