import { SameError } from '../errors/same-error.ts';
import { canonicalBytes, parseCanonical, sha256 } from './canonical-json.ts';
import { comparePaths } from './portable-path.ts';

/** Bytes of a tree's list: of one with more nothing is read. */
export const LARGEST_TREE_LIST_BYTES = 256 * 1024 * 1024;

/** One file of a tree: where it is and what it holds. */
export interface TreeEntry {
  path: string;
  executable: boolean;
  sizeBytes: number;
  /** `sha256:<hex>` of its bytes. */
  digest: string;
}

/**
 * A tree as bytes: RFC 8785 JSON of `[[path, mode, size, sha256], …]` sorted by the paths' UTF-8 bytes, mode the number
 * 420 (0644) or 493 (0755), sha256 as 64 hex digits (spec chapter bundle).
 */
export function treeList(entries: Iterable<TreeEntry>): Buffer {
  const rows = [...entries]
    .sort((a, b) => comparePaths(a.path, b.path))
    .map(({ path, executable, sizeBytes, digest }) => [
      path,
      executable ? 0o755 : 0o644,
      sizeBytes,
      digest.replace(/^sha256:/, ''),
    ]);
  return canonicalBytes(rows);
}

/** The digest of a tree: `tree:sha256:` and the hash of its {@link treeList}. */
export function treeDigest(entries: Iterable<TreeEntry>): string {
  return `tree:${sha256(treeList(entries))}`;
}

/** Reads a {@link treeList}. Paths that could lead out of the tree are refused. @throws SAME1302 */
export function parseTreeList(bytes: Uint8Array): TreeEntry[] {
  const rows = parseCanonical(bytes, 'tree list');
  if (!Array.isArray(rows)) throw damaged('is not a list');
  if (rows.length === 0) throw damaged('names no files: a tree without any has no digest');
  let last: string | undefined;
  return rows.map((row) => {
    if (!Array.isArray(row) || row.length !== 4)
      throw damaged('has a row that is not [path, mode, size, sha256]');
    const [path, mode, sizeBytes, hex] = row;
    if (typeof path !== 'string' || !staysInside(path)) throw damaged(`has the path ${JSON.stringify(path)}`);
    if (mode !== 0o644 && mode !== 0o755) throw damaged(`has another mode than 420 or 493 for ${path}`);
    if (typeof sizeBytes !== 'number' || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
      throw damaged(`has no size for ${path}`);
    }
    if (typeof hex !== 'string' || !/^[0-9a-f]{64}$/.test(hex)) throw damaged(`has no sha256 for ${path}`);
    if (last !== undefined && comparePaths(last, path) >= 0) throw damaged(`is not sorted at ${path}`);
    last = path;
    return { path, executable: mode === 0o755, sizeBytes, digest: `sha256:${hex}` };
  });
}

// A tree holds what a step wrote, so names that only Windows minds are allowed here.
function staysInside(path: string): boolean {
  return (
    !path.includes('\0') && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

function damaged(because: string): SameError {
  return new SameError({ code: 'SAME1302', message: `tree list ${because}` });
}
