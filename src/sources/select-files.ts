import { throwFindings } from '../errors/same-error.ts';
import { matchesGlob } from '../program/glob.ts';
import { scanSecrets } from './secrets.ts';
import type { SourceTree } from './source.ts';

/** The manifest's `files:`. */
export interface FileSelection {
  /** Globs of paths that are left out; a directory's name leaves out what is in it. */
  exclude?: readonly string[];
  /** Paths of files that may hold what looks like a secret. */
  allowSecret?: readonly string[];
}

/**
 * The tree without what the manifest excludes; `same.yaml` and `same.lock` always stay.
 * @throws SAME1210 and SAME1213 for everything left that cannot be packed, all together.
 */
export async function selectFiles(tree: SourceTree, selection: FileSelection = {}): Promise<SourceTree> {
  const globs = selection.exclude ?? [];
  const stays = ({ path }: { path: string }): boolean =>
    path === 'same.yaml' || path === 'same.lock' || !globs.some((glob) => matchesGlob(path, glob));
  const files = tree.files.filter(stays);
  const refused = tree.refused.filter(stays).map(({ finding }) => finding);
  throwFindings([...refused, ...(await scanSecrets(files, selection.allowSecret))]);
  return { ...tree, files, refused: [] };
}
