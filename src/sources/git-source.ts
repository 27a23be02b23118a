import { SameError } from '../errors/same-error.ts';
import { join } from '../host/files.ts';
import { compareVersions, isVersion } from '../program/version.ts';
import { checkEntries } from './entry.ts';
import { GitRepository, type RemoteRefs } from './git-repository.ts';
import type { SourceTree } from './source.ts';
import { type GitAddress, shareable, withoutLogin } from './source-address.ts';

/** What a manifest says of itself, read by the caller. */
export type ManifestVersion = (bytes: Buffer) => { name?: string; version?: string };

/** What {@link openGitSource} needs besides the address. */
export interface GitSourceOptions {
  /** An own directory below it is made and removed. */
  workDirectory: string;
  dereference?: boolean;
  manifestVersion: ManifestVersion;
  onProgress?(line: string): void;
  signal?: AbortSignal;
}

/** A ref that was chosen: its full name or a commit, and how messages call it. */
interface Chosen {
  revision: string;
  ref: string;
}

let opened = 0;

/**
 * Reads a program from the object database of a repository.
 * @throws SAME1205, SAME1209, and SAME1211 when no ref has the version that was asked for.
 */
export async function openGitSource(address: GitAddress, options: GitSourceOptions): Promise<SourceTree> {
  const directory = join(options.workDirectory, `git-${process.pid}-${opened++}`);
  if (address.ref !== undefined) checkRef(address.ref, withoutLogin(address.repository));
  const { repository, refs } = await reach(address, directory, options);
  try {
    const place = withoutLogin(repository.url);
    let { subdirectory } = address;
    let chosen: Chosen;
    if (address.tree) {
      const split = splitTree(address.tree, refs, place);
      subdirectory = split.subdirectory;
      chosen = split;
    } else if (address.ref !== undefined) chosen = named(address.ref, refs, place);
    else chosen = searched(address, refs) ?? defaultBranch(refs, place);
    options.onProgress?.(`fetching ${chosen.ref} of ${place}`);
    const commit = await repository.fetchCommit(chosen.revision);
    const label = subdirectory === '' ? place : `${place}/${subdirectory}`;
    const manifest = await repository.file(
      commit,
      subdirectory === '' ? 'same.yaml' : `${subdirectory}/same.yaml`,
    );
    const found = manifest && options.manifestVersion(manifest).version;
    if (address.version !== undefined && found !== address.version && (manifest || isDefault(chosen, refs))) {
      throw noVersion(address, { ...chosen, version: found }, subdirectory, refs, place);
    }
    if (!manifest) throw await noManifest(repository, commit, subdirectory, chosen, place);
    const entries = (await repository.entries(commit, subdirectory)) ?? [];
    return {
      kind: 'tree',
      ...checkEntries(entries, options),
      notices: [],
      origin: {
        kind: 'git',
        repository: shareable(repository.url),
        revision: commit,
        ref: chosen.ref,
        ...(subdirectory === '' ? {} : { path: subdirectory }),
      },
      label,
      soft: false,
      [Symbol.dispose]: () => repository.dispose(),
    };
  } catch (error) {
    repository.dispose();
    throw error;
  }
}

/** The repository as it was written, or with `.git`, as servers without a forge name theirs. */
async function reach(
  address: GitAddress,
  directory: string,
  { signal }: GitSourceOptions,
): Promise<{ repository: GitRepository; refs: RemoteRefs }> {
  const web = /^https?:/.test(address.repository) && !address.repository.endsWith('.git');
  const repository = new GitRepository(address.repository, directory, signal);
  try {
    return { repository, refs: await repository.refs() };
  } catch (error) {
    if (!web || !(error instanceof SameError) || error.code !== 'SAME1205') {
      repository.dispose();
      throw error;
    }
    const other = new GitRepository(`${address.repository}.git`, directory, signal);
    try {
      return { repository: other, refs: await other.refs() };
    } catch {
      other.dispose();
      const tried = `tried ${withoutLogin(address.repository)} and ${withoutLogin(other.url)}`;
      throw new SameError(
        { ...error.findings[0]!, hint: `${tried}; on other hosts // separates repository and directory` },
        { cause: error },
      );
    }
  }
}

/** The refs that may hold a version of a directory, in the order in which they are tried. */
export function refsOfVersion(subdirectory: string, version: string): string[] {
  const own =
    subdirectory === '' ? [] : ['/', '-', '@'].map((separator) => `${subdirectory}${separator}${version}`);
  return [...own, `v${version}`, version];
}

function searched({ subdirectory, version }: GitAddress, refs: RemoteRefs): Chosen | undefined {
  if (version === undefined) return undefined;
  for (const ref of refsOfVersion(subdirectory, version)) {
    const revision = fullName(ref, refs);
    if (revision) return { revision, ref };
  }
  return undefined;
}

function fullName(ref: string, refs: RemoteRefs): string | undefined {
  return [`refs/tags/${ref}`, `refs/heads/${ref}`, ref].find((name) => refs.byName.has(name));
}

function named(ref: string, refs: RemoteRefs, place: string): Chosen {
  if (ref === 'HEAD') return defaultBranch(refs, place);
  const revision = fullName(ref, refs) ?? (/^[0-9a-f]{7,64}$/.test(ref) ? ref : undefined);
  if (revision) return { revision, ref };
  const near = [...refs.byName.keys()].map((name) => name.replace(/^refs\/(heads|tags)\//, ''));
  throw new SameError({
    code: 'SAME1211',
    message: `${place} has no branch, tag or commit ${ref}`,
    hint: near.length > 0 ? `it has ${few(near)}` : 'it has no branches and no tags',
  });
}

/** A ref may have slashes: the longest one that exists wins, else the first part is taken for a commit. */
function splitTree(tree: string[], refs: RemoteRefs, place: string): Chosen & { subdirectory: string } {
  if (tree.some((part) => ['.', '..', '.git', ''].includes(part) || part.includes('/'))) {
    throw new SameError({ code: 'SAME1208', message: `${place}/tree/${tree.join('/')} is not a plain path` });
  }
  checkRef(tree.join('/'), place);
  for (let length = tree.length; length > 0; length--) {
    const ref = tree.slice(0, length).join('/');
    const revision = fullName(ref, refs);
    if (revision) return { revision, ref, subdirectory: tree.slice(length).join('/') };
  }
  return { ...named(tree[0]!, refs, place), subdirectory: tree.slice(1).join('/') };
}

function defaultBranch(refs: RemoteRefs, place: string): Chosen {
  const revision = refs.head && refs.byName.has(refs.head) ? refs.head : undefined;
  const fallback = ['refs/heads/main', 'refs/heads/master'].find((name) => refs.byName.has(name));
  const chosen = revision ?? fallback;
  if (!chosen)
    throw new SameError({ code: 'SAME1211', message: `${place} has no default branch: it may be empty` });
  return { revision: chosen, ref: chosen.replace(/^refs\/heads\//, '') };
}

function isDefault(chosen: Chosen, refs: RemoteRefs): boolean {
  return chosen.revision === refs.head;
}

function checkRef(ref: string, place: string): void {
  if (!/^-|[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|^\/|\/\/|\/$|\.lock$|\.$/.test(ref)) return;
  throw new SameError({ code: 'SAME1211', message: `${JSON.stringify(ref)} cannot be a ref of ${place}` });
}

function noVersion(
  { version }: GitAddress,
  chosen: Chosen & { version?: string },
  subdirectory: string,
  refs: RemoteRefs,
  place: string,
): SameError {
  const tried = refsOfVersion(subdirectory, version!);
  const versions = versionsIn(subdirectory, refs);
  const said = chosen.version === undefined ? 'has no same.yaml there' : `says version ${chosen.version}`;
  const why = tried.includes(chosen.ref)
    ? `its ref ${chosen.ref} ${said}`
    : `tried the refs ${tried.join(', ')}; the default branch ${chosen.ref} ${said}`;
  if (chosen.version !== undefined) versions.add(chosen.version);
  const sorted = [...versions].sort(compareVersions).reverse();
  return new SameError(
    {
      code: 'SAME1211',
      message: `${subdirectory === '' ? place : `${place}/${subdirectory}`} has no version ${version}: ${why}`,
      hint: sorted.length > 0 ? `versions there: ${few(sorted)}` : 'it has no versions',
    },
    { details: { tried, versions: sorted } },
  );
}

/** Versions that the tags of a directory, and the repository's own tags, are named for. */
function versionsIn(subdirectory: string, refs: RemoteRefs): Set<string> {
  const versions = new Set<string>();
  for (const name of refs.byName.keys()) {
    if (!name.startsWith('refs/tags/')) continue;
    let tag = name.slice('refs/tags/'.length);
    const rest = tag.slice(subdirectory.length + 1);
    if (
      subdirectory !== '' &&
      tag.startsWith(subdirectory) &&
      /^[/@-]\d/.test(tag.slice(subdirectory.length))
    )
      tag = rest;
    else tag = tag.replace(/^v(?=\d)/, '');
    if (/^\d/.test(tag) && isVersion(tag)) versions.add(tag);
  }
  return versions;
}

async function noManifest(
  repository: GitRepository,
  commit: string,
  subdirectory: string,
  { ref }: Chosen,
  place: string,
): Promise<SameError> {
  const programs = await repository.programs(commit);
  const where = subdirectory === '' ? 'at its root' : `in ${subdirectory}`;
  return new SameError(
    {
      code: 'SAME1205',
      message: `${place} has no same.yaml ${where} at ${ref}`,
      hint:
        programs.length > 0 ? `it has programs in ${few(programs.map((path) => path || '.'))}` : undefined,
    },
    { details: { programs } },
  );
}

function few(names: string[]): string {
  return names.slice(0, 10).join(', ') + (names.length > 10 ? `, … (${names.length})` : '');
}
