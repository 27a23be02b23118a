import { randomBytes } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { SameError } from '../errors/same-error.ts';
import {
  createExclusively,
  delimiter,
  dirname,
  fromErrno,
  join,
  makeDirectories,
  namesIn,
  readIfThere,
  realpathSync,
  removeTree,
  rmSync,
  statSync,
  writeFileSync,
} from '../host/files.ts';
import { environmentVariables } from '../host/processes.ts';
import { takeBuildLock } from './build-lock.ts';
import { MARKER, noteEnvironmentUse, placeOf } from './built-environments.ts';
import { locateCommand } from './command.ts';
import type { EnvironmentsOptions } from './environment.ts';
import { LOAD, RESOLVE, wrapper } from './node-loader.ts';
import { type NodeContents, nodeDigest, renderPackageLock } from './node-lock.ts';
import { lastLines, runTool } from './tool-process.ts';

/** A Node.js on this machine. */
export interface FoundNode {
  path: string;
  /** `20.11.1`. */
  version: string;
}

/** A built environment. */
export interface BuiltNode {
  /** Its directories of commands, to be the first of a PATH. */
  bin: string[];
  /** The interpreter's full version. */
  version: string;
}

interface ReadyMarker {
  kind: 'node';
  digest: string;
  version: string;
  build: string;
  node: { path: string; sizeBytes: number; modifiedMs: number };
}

const LOCK = 'building.json';
const INSTALL_TIMEOUT_MS = 60 * 60_000;

/** The environment when it is built and still whole: looks at a few files. */
export function builtNode(contents: NodeContents, directory: string): BuiltNode | undefined {
  const place = placeOf(directory, nodeDigest(contents));
  const marker = readMarker(place, nodeDigest(contents));
  if (!marker) return undefined;
  const root = join(place, marker.build);
  const now = fileOf(marker.node.path);
  if (now?.sizeBytes !== marker.node.sizeBytes || now.modifiedMs !== marker.node.modifiedMs) return undefined;
  if (!statSync(join(root, 'bin', 'node'), { throwIfNoEntry: false }) || !noteEnvironmentUse(place))
    return undefined;
  return { bin: [join(root, 'bin'), join(root, 'node_modules', '.bin')], version: marker.version };
}

/**
 * Installs the packages of a lock once per digest and platform; others that want the same ones wait for it.
 * @throws SAME1502 cannot be built · SAME1903 aborted
 */
export async function buildNode(
  contents: NodeContents,
  node: FoundNode,
  options: EnvironmentsOptions,
): Promise<BuiltNode> {
  const { directory, onProgress, signal } = options;
  const digest = nodeDigest(contents);
  const place = placeOf(directory, digest);
  let release: (() => void) | undefined;
  try {
    makeDirectories(place);
    release = await takeBuildLock(join(place, LOCK), {
      onWait: () => onProgress?.('waiting for another build of the same environment'),
      done: () => builtNode(contents, directory) !== undefined,
      ...(signal ? { signal } : {}),
    });
    const meanwhile = builtNode(contents, directory);
    if (meanwhile) return meanwhile;
    for (const name of namesIn(place)) if (name !== LOCK) removeTree(join(place, name));
    await buildInto(place, contents, node, options);
  } catch (error) {
    throw fromErrno(error, 'building an environment of Node.js', directory);
  } finally {
    release?.();
  }
  const built = builtNode(contents, directory);
  if (built) return built;
  throw new SameError({
    code: 'SAME1502',
    message: `node ${node.version} environment was built but is not whole`,
  });
}

async function buildInto(
  place: string,
  contents: NodeContents,
  node: FoundNode,
  options: EnvironmentsOptions,
): Promise<void> {
  const build = randomBytes(4).toString('hex');
  const root = join(place, build);
  const count = Object.keys(contents.packages).filter((path) => path !== '').length;
  options.onProgress?.(
    `building environment: node ${node.version}, ${count} ${count === 1 ? 'package' : 'packages'}`,
  );
  try {
    makeDirectories(join(root, 'bin'));
    if (count > 0) await install(root, contents, node, options);
    makeDirectories(join(root, 'node_modules'));
    writeFileSync(join(root, 'resolve.mjs'), RESOLVE);
    writeFileSync(join(root, 'load.mjs'), LOAD);
    const script = wrapper(node.path, join(root, 'node_modules'), pathToFileURL(join(root, 'load.mjs')).href);
    writeFileSync(join(root, 'bin', 'node'), script, { mode: 0o755 });
    const marker: ReadyMarker = {
      kind: 'node',
      digest: nodeDigest(contents),
      version: node.version,
      build,
      node: { path: node.path, ...fileOf(node.path)! },
    };
    createExclusively(join(place, MARKER), JSON.stringify(marker));
  } catch (error) {
    removeTree(root);
    throw error;
  }
}

async function install(
  root: string,
  contents: NodeContents,
  node: FoundNode,
  { cacheDirectory, signal }: EnvironmentsOptions,
): Promise<void> {
  for (const [name, text] of Object.entries(renderPackageLock(contents)))
    writeFileSync(join(root, name), text);
  const npm = locateCommand('npm', [
    dirname(node.path),
    ...(environmentVariables().PATH ?? '').split(delimiter),
  ]);
  if (!npm) {
    throw new SameError({
      code: 'SAME1502',
      message: `node ${node.version} has no npm to install packages with`,
      hint: 'install npm and put it on PATH',
    });
  }
  const script = realpathSync(npm);
  const command = script.endsWith('.js') ? [node.path, script] : [npm];
  const wanted = [
    'ci',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-update-notifier',
    '--loglevel=error',
  ];
  const result = await runTool([...command, ...wanted], {
    cwd: root,
    timeoutMs: INSTALL_TIMEOUT_MS,
    signal,
    variables: cacheDirectory === undefined ? {} : { npm_config_cache: join(cacheDirectory, 'npm') },
  });
  if (result.exitCode === 0) {
    rmSync(join(root, 'package-lock.json'));
    return;
  }
  const said = lastLines(result, 10);
  const hint = /EINTEGRITY/.test(said)
    ? 'the registry serves other files than the lock names: nothing was installed; do not trust it before you know why'
    : 'check the network and your npm configuration (registry, proxy, certificates), then run again';
  throw new SameError({ code: 'SAME1502', message: `packages cannot be installed:\n${said}`, hint });
}

function readMarker(place: string, digest: string): ReadyMarker | undefined {
  try {
    const marker: ReadyMarker = JSON.parse(readIfThere(join(place, MARKER))?.toString('utf8') ?? 'null');
    return marker?.kind === 'node' && marker.digest === digest && /^[0-9a-f]{8}$/.test(marker.build)
      ? marker
      : undefined;
  } catch {
    return undefined;
  }
}

function fileOf(path: string): { sizeBytes: number; modifiedMs: number } | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() ? { sizeBytes: stat.size, modifiedMs: Math.floor(stat.mtimeMs) } : undefined;
}
