import { createHash } from 'node:crypto';
import { LARGEST_TREE_LIST_BYTES, parseTreeList } from '../../bundle/tree.ts';
import type { LocalContentStore } from '../../content/content-store.ts';
import { type Finding, SameError } from '../../errors/same-error.ts';
import {
  createReadStream,
  dirname,
  isErrno,
  join,
  lstatSync,
  makeDirectories,
  namesIn,
  removeTree,
  statSync,
} from '../../host/files.ts';
import type { Artifact } from '../engine.ts';
import type { PlacedInput } from './step-attempt.ts';

/** Puts an input where a step finds it: a file, or the files of a directory. */
export async function placeInput(
  artifact: Artifact,
  path: string,
  input: string,
  mode: 'link' | 'copy',
  content: LocalContentStore,
): Promise<PlacedInput[]> {
  const files = artifact.digest.startsWith('tree:')
    ? parseTreeList(await content.read(artifact.digest.slice('tree:'.length), LARGEST_TREE_LIST_BYTES)).map(
        (file) => ({
          path: join(path, file.path),
          digest: file.digest,
          executable: file.executable,
        }),
      )
    : [{ path, digest: artifact.digest, executable: artifact.executable ?? false }];
  // What the program has there gives way to the input (spec SAME-PIP-006).
  removeTree(path);
  return files.map((file) => {
    makeDirectories(dirname(file.path));
    content.place(file.digest, file.path, mode, file.executable);
    const { ino, ctimeNs } = statSync(file.path, { bigint: true });
    return { input, root: path, path: file.path, digest: file.digest, linked: mode === 'link', ino, ctimeNs };
  });
}

/**
 * Finds inputs that the step changed: a link that is gone, replaced or rewritten. A rewritten blob is moved out of the
 * store. Inputs in mode copy are the step's own.
 */
export async function changedInputs(
  placed: readonly PlacedInput[],
  content: LocalContentStore,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const changed = (file: PlacedInput, how: string) =>
    findings.push({
      code: 'SAME1605',
      message: `input "${file.input}" was ${how} by the step`,
      place: file.path,
      hint: 'inputs are read-only: write to an output, or declare the input with mode: copy',
    });
  for (const file of placed) {
    if (!file.linked) continue;
    try {
      const stat = lstatSync(file.path, { bigint: true, throwIfNoEntry: false });
      if (!stat) changed(file, 'removed');
      else if (stat.ino !== file.ino) changed(file, 'replaced');
      else if (stat.ctimeNs !== file.ctimeNs && !(await isWhole(file, content))) changed(file, 'changed');
    } catch (error) {
      if (isUnreadable(error, file.path)) changed(file, 'made unreadable');
      else if (isErrno(error, 'ELOOP')) changed(file, 'replaced');
      else throw error;
    }
  }
  for (const [root, files] of Map.groupBy(placed, ({ root }) => root)) {
    const known = new Set(files.map(({ path }) => path));
    const first = files[0]!;
    if (!first.linked) continue;
    try {
      const added = filesBelow(root).find((path) => !known.has(path));
      if (added !== undefined) changed({ ...first, path: added }, 'added to');
    } catch (error) {
      if (!isUnreadable(error, root) && !isErrno(error, 'ELOOP')) throw error;
      // Said of each file of it already, unless a directory was added.
      if (findings.length === 0) changed({ ...first, path: root }, 'made unreadable');
    }
  }
  return findings;
}

/** Whether a step took away the right to read or move what it left there; the cause is what an adapter wraps. */
export function isUnreadable(error: unknown, root: string): boolean {
  const cause = error instanceof SameError ? error.cause : error;
  return isErrno(cause, 'EACCES', 'EPERM') && ((cause as NodeJS.ErrnoException).path ?? '').startsWith(root);
}

/** Everything at or below a path that is no directory. */
function filesBelow(path: string): string[] {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return [];
  return stat.isDirectory() ? namesIn(path).flatMap((name) => filesBelow(join(path, name))) : [path];
}

/** A link is rechecked in the store, which takes a rewritten blob out; a copy (an executable, another disk) by itself. */
async function isWhole({ path, digest, ino }: PlacedInput, content: LocalContentStore): Promise<boolean> {
  const blob = statSync(content.pathOf(digest), { bigint: true, throwIfNoEntry: false });
  if (blob?.ino === ino) return content.recheck(digest);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return `sha256:${hash.digest('hex')}` === digest;
}
