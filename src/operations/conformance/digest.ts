import { sha256 } from '../../bundle/canonical-json.ts';
import { parseTreeList, treeList } from '../../bundle/tree.ts';
import { type ByteString, bytesOf, type Desk, type Files } from './desk.ts';

/** The digest of bytes, or of files as a tree. */
export async function digest(
  _desk: Desk,
  input: { bytes: ByteString } | { files: Files },
): Promise<{ digest: string }> {
  if ('bytes' in input) return { digest: sha256(bytesOf(input.bytes)) };
  const entries = Object.entries(input.files).map(([path, file]) => {
    const bytes = bytesOf(file);
    return { path, executable: file.executable === true, sizeBytes: bytes.length, digest: sha256(bytes) };
  });
  const list = treeList(entries);
  // What no reader takes has no digest.
  parseTreeList(list);
  return { digest: `tree:${sha256(list)}` };
}
