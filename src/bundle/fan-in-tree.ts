import type { ContentStore } from '../content/content-store.ts';
import { LARGEST_TREE_LIST_BYTES, parseTreeList, type TreeEntry, treeList } from './tree.ts';

/** A stored file, or the directory of a `tree:` digest. */
interface StoredArtifact {
  digest: string;
  sizeBytes: number;
  executable?: boolean;
}

/**
 * Stores the directory that an output of several cells is (spec SAME-PIP-040): its entries are the artifacts of the
 * cells, files or directories, called by the cells' numbers. Only the list is written; the files are there already.
 * @param entries at least one
 */
export async function storeFanIn(
  entries: readonly { entry: string; artifact: StoredArtifact }[],
  content: ContentStore,
): Promise<StoredArtifact> {
  const files: TreeEntry[] = [];
  for (const { entry, artifact } of entries) {
    const { digest, sizeBytes, executable = false } = artifact;
    if (!digest.startsWith('tree:')) files.push({ path: entry, executable, sizeBytes, digest });
    else {
      const list = parseTreeList(await content.read(digest.slice('tree:'.length), LARGEST_TREE_LIST_BYTES));
      for (const file of list) files.push({ ...file, path: `${entry}/${file.path}` });
    }
  }
  const { digest } = await content.write(treeList(files));
  return { digest: `tree:${digest}`, sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0) };
}
