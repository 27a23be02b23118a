import { treeList } from '../../bundle/tree.ts';
import type { LocalContentStore } from '../../content/content-store.ts';
import type { Finding } from '../../errors/same-error.ts';
import { join, lstatSync, readdirSync } from '../../host/files.ts';
import type { Artifact } from '../engine.ts';

/**
 * Takes a directory that a step wrote into the store: every file a blob, and the list of them one more.
 * Directories exist only by their files. @returns why not, when something in it is no regular file.
 */
export async function takeTree(
  directory: string,
  name: string,
  content: LocalContentStore,
): Promise<Artifact | Finding> {
  const entries: { path: string; executable: boolean; sizeBytes: number; digest: string }[] = [];
  const pending = [''];
  for (let prefix = pending.pop(); prefix !== undefined; prefix = pending.pop()) {
    // An unreadable one is an error here, which takePath makes the finding of.
    for (const entry of readdirSync(join(directory, prefix), { withFileTypes: true })) {
      const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
      const full = join(directory, path);
      if (entry.isDirectory()) pending.push(path);
      else if (!entry.isFile()) {
        return {
          code: 'SAME1611',
          message: `output "${name}" holds ${path}, which is no regular file`,
          place: full,
        };
      } else {
        const executable = (lstatSync(full).mode & 0o100) !== 0;
        entries.push({ path, executable, ...(await content.adopt(full)) });
      }
    }
  }
  if (entries.length === 0) {
    return { code: 'SAME1603', message: `output "${name}" is an empty directory`, place: directory };
  }
  const list = await content.write(treeList(entries));
  return {
    digest: `tree:${list.digest}`,
    sizeBytes: entries.reduce((sum, entry) => sum + entry.sizeBytes, 0),
  };
}
