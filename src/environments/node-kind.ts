import { posix } from 'node:path';
import { SameError } from '../errors/same-error.ts';
import type { Environment } from '../program/schema.ts';
import { describeCommand, locateCommand } from './command.ts';
import type { EnvironmentFinding, EnvironmentsOptions, Prepared } from './environment.ts';
import { buildNode, builtNode, type FoundNode } from './node-environment.ts';
import { type NodeContents, nodeDigest, nodeVersions, parsePackageLock } from './node-lock.ts';
import { systemPath } from './system-path.ts';

type Node = NonNullable<Environment['node']>;

/** The digest by which an environment of Node.js is built. @throws SAME1505 */
export async function nodeBuildDigest(
  name: string,
  node: Node,
  options: EnvironmentsOptions,
): Promise<string> {
  return nodeDigest(await contentsOf(name, node, options));
}

/** What the lock says, without building. @throws SAME1505 */
export async function nodeLock(
  name: string,
  node: Node,
  options: EnvironmentsOptions,
): Promise<Pick<Prepared, 'key' | 'locked' | 'resolved'>> {
  return lockOf(await contentsOf(name, node, options));
}

/** Builds an environment of Node.js unless it is there. @throws SAME1501, SAME1502, SAME1505 */
export async function prepareNode(name: string, node: Node, options: EnvironmentsOptions): Promise<Prepared> {
  const contents = await contentsOf(name, node, options);
  const { key, locked, resolved } = lockOf(contents);
  const there = builtNode(contents, options.directory);
  if (!there && options.planOnly) return { kind: 'node', bin: [], key, locked, resolved };
  const built = there ?? (await buildNode(contents, await findNode(node.version, options.signal), options));
  return { kind: 'node', bin: built.bin, key, locked, resolved: { node: built.version, ...resolved } };
}

/** What is missing before it can be built: a Node.js of that version. @throws SAME1505 */
export async function checkNode(
  name: string,
  node: Node,
  options: EnvironmentsOptions,
): Promise<EnvironmentFinding[]> {
  if (builtNode(await contentsOf(name, node, options), options.directory)) return [];
  try {
    await findNode(node.version, options.signal);
    return [];
  } catch (error) {
    if (!(error instanceof SameError) || error.code !== 'SAME1501') throw error;
    const have = /\(found (.*)\)/.exec(error.findings[0]!.message)?.[1];
    return error.findings.map((finding) => ({
      ...finding,
      what: 'interpreter',
      want: `node ${node.version}`,
      have: have === undefined ? 'none' : `node ${have}`,
    }));
  }
}

/** The first `node` of that major version in the caller's PATH, npm's own directories left out. @throws SAME1501 */
async function findNode(version: string, signal?: AbortSignal): Promise<FoundNode> {
  const others: string[] = [];
  for (const directory of await systemPath(['node'], signal)) {
    const path = locateCommand('node', [directory]);
    const found = path && (await describeCommand(path, signal));
    if (!found || found.version === undefined) continue;
    if (found.version.split('.')[0] === version) return { path: found.path, version: found.version };
    others.push(found.version);
  }
  throw new SameError({
    code: 'SAME1501',
    message: `node ${version} was not found on this machine${others.length > 0 ? ` (found ${others.join(', ')})` : ''}`,
    hint: `install Node.js ${version} and put its node and npm on PATH`,
  });
}

function lockOf(contents: NodeContents): Pick<Prepared, 'key' | 'locked' | 'resolved'> {
  return {
    key: `lock:${nodeDigest(contents)}`,
    locked: true,
    resolved: { packages: nodeVersions(contents) },
  };
}

async function contentsOf(
  name: string,
  { version, lock }: Node,
  { readCode }: EnvironmentsOptions,
): Promise<NodeContents> {
  if (lock === undefined) return { node: version, packages: {} };
  const bytes = await readCode(lock);
  if (!bytes) {
    throw new SameError({
      code: 'SAME1505',
      message: `lock ${lock} of environment "${name}" is not in the program`,
      place: lock,
    });
  }
  const manifest = await readCode(posix.join(posix.dirname(lock), 'package.json'));
  return { node: version, packages: parsePackageLock(bytes, lock, manifest) };
}
