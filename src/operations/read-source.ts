import { peekProgram } from '../bundle/archive.ts';
import { LIMITS, MEDIA } from '../bundle/oci.ts';
import { parseIndex } from '../bundle/oci-manifest.ts';
import { type Finding, SameError, throwFindings } from '../errors/same-error.ts';
import { matchesGlob } from '../program/glob.ts';
import type { JsonObject } from '../program/json.ts';
import type { Lock } from '../program/lock.ts';
import { isAddress } from '../program/remote-data.ts';
import type { Program } from '../program/schema.ts';
import type { Origin, SourceTree, TreeFile } from '../sources/source.ts';
import type { Ports } from './ports.ts';

/** A source tree read and checked, not yet packed. */
export interface ReadSource {
  program: Program;
  manifestBytes: Buffer;
  manifestValue: JsonObject;
  lock?: Lock;
  /** Everything to pack besides the manifest and the lock. */
  files: TreeFile[];
  origin: Origin;
}

/**
 * Reads and checks the tree's manifest, lock and files, with third-party source expanded. Writes nothing.
 * @param options.dereference follow symbolic links of third-party source, as the tree's own were
 */
export async function readSource(
  ports: Ports,
  tree: SourceTree,
  options: { workDirectory: string; dereference?: boolean },
): Promise<ReadSource> {
  const manifestFile = tree.files.find(({ path }) => path === 'same.yaml');
  if (!manifestFile) {
    throw new SameError({
      code: 'SAME1205',
      message: `there is no same.yaml in ${tree.label}`,
      hint: 'a program is a folder with a same.yaml; for one inside a repository name its folder',
    });
  }
  const manifestBytes = await manifestFile.bytes();
  const { program, value, findings } = await ports.parseManifest(manifestBytes, placeOf(tree, 'same.yaml'));
  throwFindings(findings);
  const expanded = await ports.expandUpstream(tree, program!, options);
  const { files: selected, notices } = await ports.selectFiles(expanded, program!.files);
  for (const notice of notices) ports.progress(notice);
  const lockFile = selected.find(({ path }) => path === 'same.lock');
  const lock = lockFile && (await readLock(ports, await lockFile.bytes(), placeOf(tree, 'same.lock')));
  const files = await withoutBundles(
    ports,
    selected.filter(({ path }) => path !== 'same.yaml' && path !== 'same.lock'),
  );
  throwFindings([...missingFiles(program!, files), ...idleLockEntries(program!, lock)]);
  return {
    program: program!,
    manifestBytes,
    manifestValue: value!,
    ...(lock ? { lock } : {}),
    files,
    origin: tree.origin,
  };
}

/**
 * Leaves out bundle files (spec SAME-PRG-051): what `same export` wrote into the folder is no part of the program, or
 * each export would change what it exported.
 */
async function withoutBundles(ports: Ports, files: readonly TreeFile[]): Promise<TreeFile[]> {
  const directories = await bundleDirectories(files);
  for (const directory of directories) {
    ports.progress(`left out ${directory}: it is a bundle, not a part of the program`);
  }
  const kept: TreeFile[] = [];
  for (const file of files) {
    if (directories.some((directory) => file.path.startsWith(directory))) continue;
    if (/\.(tgz|tar)$/.test(file.path) && (await isBundle(file))) {
      ports.progress(`left out ${file.path}: it is a bundle, not a part of the program`);
    } else kept.push(file);
  }
  return kept;
}

/** The directories among files, each with a slash at its end, that are bundles of programs. */
async function bundleDirectories(files: readonly TreeFile[]): Promise<string[]> {
  const layouts = files.filter(({ path }) => path.endsWith('/oci-layout'));
  if (layouts.length === 0) return [];
  const byPath = new Map(files.map((file) => [file.path, file]));
  const found: string[] = [];
  for (const { path } of layouts) {
    const directory = path.slice(0, -'oci-layout'.length);
    const index = byPath.get(`${directory}index.json`);
    if (index && index.sizeBytes <= LIMITS.jsonBytes && isProgramIndex(await index.bytes())) {
      found.push(directory);
    }
  }
  return found;
}

function isProgramIndex(bytes: Buffer): boolean {
  try {
    return parseIndex(bytes).manifests[0]!.artifactType === MEDIA.program;
  } catch (error) {
    if (error instanceof SameError) return false;
    throw error;
  }
}

async function isBundle(file: TreeFile): Promise<boolean> {
  try {
    await peekProgram(file.chunks());
    return true;
  } catch (error) {
    if (error instanceof SameError) return false;
    throw error;
  }
}

/** Data in the lock that the manifest does not declare, or declares otherwise. */
function idleLockEntries(program: Program, lock: Lock | undefined): Finding[] {
  return Object.entries(lock?.data ?? {})
    .filter(([name, { uri }]) => program.data?.[name]?.uri !== uri)
    .map(([name, { uri }]) => ({
      code: 'SAME1505',
      message: `same.lock pins data "${name}" at ${uri}, which same.yaml does not name`,
      place: 'same.lock',
      hint: 'lock again with: same lock -f FOLDER',
    }));
}

/** Files that the manifest speaks of and the source lacks. */
function missingFiles(program: Program, files: readonly TreeFile[]): Finding[] {
  const paths = new Set(files.map(({ path }) => path));
  const has = (path: string) =>
    paths.has(path) || files.some((file) => file.path.startsWith(`${path.replace(/\/$/, '')}/`));
  const wanted: [field: string, path: string][] = [];
  for (const [name, { python, r, node, dockerfile }] of Object.entries(program.environments ?? {})) {
    for (const [language, lock] of Object.entries({ python: python?.lock, r: r?.lock, node: node?.lock }))
      if (lock) wanted.push([`environments.${name}.${language}.lock`, lock]);
    if (python?.requirements) wanted.push([`environments.${name}.python.requirements`, python.requirements]);
    if (dockerfile) wanted.push([`environments.${name}.dockerfile`, dockerfile]);
  }
  for (const [name, { uri }] of Object.entries(program.data ?? {})) {
    if (!isAddress(uri)) wanted.push([`data.${name}.uri`, uri]);
  }
  for (const { name, path } of program.infrastructure?.targets ?? []) {
    if (path) wanted.push([`infrastructure.targets.${name}.path`, path]);
  }
  const idle = Object.entries(program.pipeline.steps).flatMap(([name, { code }]): Finding[] =>
    (code ?? [])
      .filter((glob) => ![...paths].some((path) => matchesGlob(path, glob)))
      .map((glob) => ({
        code: 'SAME1009',
        message: `pipeline.steps.${name}.code: "${glob}" matches none of the program's files`,
        place: 'same.yaml',
      })),
  );
  const missing = wanted
    .filter(([, path]) => !has(path))
    .map(([field, path]) => ({
      code: 'SAME1009' as const,
      message: `${field}: there is no ${path} among the program's files`,
      place: 'same.yaml',
      hint: 'is it committed, and not excluded by files.exclude or .gitignore?',
    }));
  return [...missing, ...idle];
}

function placeOf(tree: SourceTree, name: string): string {
  return tree.origin.kind === 'directory' ? `${tree.label.replace(/\/$/, '')}/${name}` : name;
}

async function readLock(ports: Ports, bytes: Buffer, place: string): Promise<Lock> {
  const { lock, findings } = await ports.parseLock(bytes, place);
  throwFindings(findings);
  return lock!;
}
