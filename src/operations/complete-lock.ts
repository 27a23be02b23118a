import { canonicalBytes, sha256 } from '../bundle/canonical-json.ts';
import { SameError } from '../errors/same-error.ts';
import type { JsonValue } from '../program/json.ts';
import type { Lock, PythonLock } from '../program/lock.ts';
import type { Environment } from '../program/schema.ts';
import type { TreeFile } from '../sources/source.ts';
import type { Ports } from './ports.ts';
import type { ReadSource } from './read-source.ts';

/**
 * Resolves the environments that the manifest leaves open (`requirements`, `packages`) and the lock does not hold for
 * this platform.
 * @param refresh re-lock entries that are out of date instead of refusing them
 * @returns the lock, absent when nothing needs one, and what was added
 */
export async function completeLock(
  ports: Ports,
  source: Pick<ReadSource, 'program' | 'lock' | 'files'>,
  workDirectory: string,
  refresh = false,
): Promise<{ lock?: Lock; added: string[] }> {
  const platform = ports.platform();
  const readFile = (path: string) => fileBytes(source.files, path);
  const environments: NonNullable<Lock['environments']> = structuredClone(source.lock?.environments ?? {});
  const added: string[] = [];
  for (const [name, environment] of Object.entries(source.program.environments ?? {})) {
    const of = await openRequirements(ports, environment, readFile);
    if (of === undefined) continue;
    const known = environments[name] ?? {};
    const stale = Object.entries(known).filter(([, lock]) => lock.of !== of);
    if (stale.length > 0 && !refresh) {
      throw new SameError({
        code: 'SAME1503',
        message: `same.lock is out of date: environment "${name}" changed since it was locked`,
        place: 'same.lock',
        hint: 'lock it again with: same lock -f FOLDER',
      });
    }
    for (const [other] of stale) delete known[other];
    // A lock for another platform is a choice of the author's: the identity must not depend on where create runs.
    if (known[platform] || (Object.keys(known).length > 0 && !refresh)) continue;
    ports.progress(`locking environment ${name} for ${platform}`);
    const locked = await ports.lockPython(environment, { readFile, workDirectory, signal: ports.cancel });
    environments[name] = { ...known, [platform]: { ...locked, of } };
    added.push(`environment ${name}`);
  }
  for (const name of Object.keys(environments)) {
    const environment = source.program.environments?.[name];
    if (environment && (await openRequirements(ports, environment, readFile)) !== undefined) continue;
    if (!refresh) {
      throw new SameError({
        code: 'SAME1505',
        message: `same.lock locks environment "${name}", which same.yaml does not leave open`,
        place: 'same.lock',
        hint: 'lock again with: same lock -f FOLDER',
      });
    }
    delete environments[name];
  }
  if (Object.keys(environments).length === 0 && !source.lock) return { added };
  const lock: Lock = source.lock ?? { apiVersion: 'same/v1', kind: 'Lock' };
  // The stored lock says what the author's says: a lock of data alone gets no empty list of environments.
  const isSaid = lock.environments !== undefined || Object.keys(environments).length > 0;
  return { lock: isSaid ? { ...lock, environments } : lock, added };
}

/** Digest of what an environment leaves open, or undefined when it leaves nothing open. */
async function openRequirements(
  ports: Ports,
  environment: Environment,
  readFile: (path: string) => Promise<Buffer | undefined>,
): Promise<PythonLock['of'] | undefined> {
  const { python } = environment;
  if (!python || python.lock !== undefined) return undefined;
  if (python.requirements === undefined && python.packages === undefined) return undefined;
  const requirements =
    python.requirements === undefined ? null : await ports.requirementTexts(python, readFile);
  return sha256(
    canonicalBytes({ python: python.version, requirements, packages: python.packages ?? null } as JsonValue),
  );
}

async function fileBytes(files: readonly TreeFile[], path: string): Promise<Buffer | undefined> {
  return files.find((file) => file.path === path)?.bytes();
}
