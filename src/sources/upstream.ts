import { createHash } from 'node:crypto';
import { comparePaths } from '../bundle/portable-path.ts';
import { SameError } from '../errors/same-error.ts';
import {
  chmodSync,
  dirname,
  join,
  lstatSync,
  makeDirectories,
  namesIn,
  removeTree,
  writeFileSync,
} from '../host/files.ts';
import type { Program } from '../program/schema.ts';
import { checkEntries, fileAt } from './entry.ts';
import { failureLine, openGit } from './git-process.ts';
import { GitRepository } from './git-repository.ts';
import { fileAs, type SourceTree, type TreeFile } from './source.ts';
import { parseSourceAddress, withoutLogin } from './source-address.ts';

/** What {@link expandUpstream} may use. */
export interface UpstreamOptions {
  workDirectory: string;
  dereference?: boolean;
  onProgress?(line: string): void;
  signal?: AbortSignal;
}

let opened = 0;

/**
 * Puts the third-party source that the manifest names into the tree: the files of that exact revision under `to`
 * (`src` by default), with the patches applied, which are files of the program and relative to the source's own root.
 * A file of the program at one of these paths must be the same to the byte. Comes before `selectFiles`.
 * @throws SAME1212 for a collision, a patch that does not apply or an address that is none; SAME1205, SAME1209, SAME1211.
 */
export async function expandUpstream(
  tree: SourceTree,
  upstream: Program['upstream'],
  options: UpstreamOptions,
): Promise<SourceTree> {
  if (!upstream) return tree;
  const to = (upstream.to ?? 'src').replace(/^(\.\/)+|\/+$/g, '');
  if (to.startsWith('/') || to.split('/').some((part) => ['', '.', '..'].includes(part))) {
    throw failure(`upstream.to ${JSON.stringify(upstream.to)} is not a directory inside the program`);
  }
  const url = addressOf(upstream.git);
  const directory = join(options.workDirectory, `upstream-${process.pid}-${opened++}`);
  const repository = new GitRepository(url, join(directory, 'git'), options.signal);
  try {
    options.onProgress?.(`fetching ${upstream.revision.slice(0, 12)} of ${withoutLogin(url)}`);
    const commit = await repository.fetchCommit(upstream.revision);
    if (commit !== upstream.revision) throw failure(`upstream.revision ${upstream.revision} is not a commit`);
    const checked = checkEntries((await repository.entries(commit, '')) ?? [], options);
    const patches = (upstream.patches ?? []).map((path) => patchIn(tree, path));
    const source =
      patches.length === 0
        ? checked.files
        : await patched(checked.files, patches, join(directory, 'patched'), options);
    const files = await joined(
      tree,
      source.map((file) => fileAs(file, { path: `${to}/${file.path}` })),
    );
    const refused = checked.refused.map(({ path, finding }) => ({
      path: `${to}/${path}`,
      finding: { ...finding, message: `${to}/${finding.message}`, place: `${to}/${finding.place}` },
    }));
    return {
      ...tree,
      files,
      refused: [...tree.refused, ...refused],
      [Symbol.dispose]() {
        tree[Symbol.dispose]();
        removeTree(directory);
      },
    };
  } catch (error) {
    removeTree(directory);
    throw error;
  }
}

function addressOf(git: string): string {
  const text = /^file:\/\//i.test(git) ? `git+${git}` : git;
  const plain = /^https?:\/\//i.test(text) ? `git+${text}` : text;
  const address = parseSourceAddress(plain);
  if (address?.kind !== 'git')
    throw failure(`upstream.git ${JSON.stringify(withoutLogin(git))} is no URL of a repository`);
  if (address.subdirectory !== '' || address.ref !== undefined) {
    throw failure('upstream.git names a whole repository: its commit is upstream.revision');
  }
  return address.repository;
}

function patchIn(tree: SourceTree, path: string): TreeFile {
  const patch = tree.files.find((file) => file.path === path.replace(/^(\.\/)+/, ''));
  if (!patch) throw failure(`the patch ${path} is not among the program's files`);
  return patch;
}

/** Applies patches in order, in a private repository without configuration or attributes, and reads the result. */
async function patched(
  files: TreeFile[],
  patches: TreeFile[],
  directory: string,
  options: UpstreamOptions,
): Promise<TreeFile[]> {
  const work = join(directory, 'tree');
  makeDirectories(work);
  const git = await openGit(work, { isolated: true, signal: options.signal });
  await git.raw('init', '--quiet', '--template=');
  makeDirectories(join(work, '.git', 'info'));
  // Attributes in the source would have git convert line ends and encodings.
  writeFileSync(
    join(work, '.git', 'info', 'attributes'),
    '* -text -eol -filter -ident -working-tree-encoding -whitespace\n',
  );
  for (const file of files) {
    const place = join(work, file.path);
    makeDirectories(dirname(place));
    writeFileSync(place, await file.bytes());
    chmodSync(place, file.executable ? 0o755 : 0o644);
  }
  for (const [index, patch] of patches.entries()) {
    const file = join(directory, `${index}.patch`);
    writeFileSync(file, await patch.bytes());
    try {
      await git.raw('apply', '--whitespace=nowarn', '--', file);
    } catch (error) {
      const said = failureLine((error as Error).message).replaceAll(file, patch.path);
      throw new SameError(
        { code: 'SAME1212', message: `the patch ${patch.path} does not apply: ${said}` },
        { cause: error },
      );
    }
  }
  return filesIn(work, '');
}

function filesIn(root: string, below: string): TreeFile[] {
  const files: TreeFile[] = [];
  for (const name of namesIn(join(root, below))) {
    const path = below === '' ? name : `${below}/${name}`;
    if (path === '.git') continue;
    const stat = lstatSync(join(root, path));
    if (stat.isDirectory()) files.push(...filesIn(root, path));
    else if (!stat.isFile()) throw failure(`a patch makes ${path} a symbolic link`);
    else {
      const place = { file: join(root, path), offset: 0, sizeBytes: stat.size };
      files.push(fileAt(path, (stat.mode & 0o100) !== 0, place));
    }
  }
  return files;
}

/** The program's files and the source's; the same path twice is well when both are the same file. */
async function joined(tree: SourceTree, source: TreeFile[]): Promise<TreeFile[]> {
  const own = new Map(tree.files.map((file) => [file.path, file]));
  const collisions: string[] = [];
  for (const file of source) {
    const mine = own.get(file.path);
    if (mine && !(await isSame(mine, file))) collisions.push(file.path);
    own.set(file.path, file);
  }
  if (collisions.length > 0) {
    throw new SameError(
      collisions.map((path) => ({
        code: 'SAME1212',
        message: `${path} is a file of the program and of upstream, and they differ`,
        place: path,
        hint: 'put the change into a patch, or set upstream.to to another directory',
      })),
    );
  }
  return [...own.values()].sort((a, b) => comparePaths(a.path, b.path));
}

async function isSame(a: TreeFile, b: TreeFile): Promise<boolean> {
  return (
    a.executable === b.executable && a.sizeBytes === b.sizeBytes && (await digest(a)) === (await digest(b))
  );
}

async function digest(file: TreeFile): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of file.chunks()) hash.update(chunk);
  return hash.digest('hex');
}

function failure(message: string): SameError {
  return new SameError({ code: 'SAME1212', message });
}
