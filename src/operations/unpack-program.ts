import { createHash } from 'node:crypto';
import { readBundle } from '../bundle/archive-reader.ts';
import { canonicalBytes } from '../bundle/canonical-json.ts';
import type { BundleDigests } from '../bundle/layout.ts';
import type { Limits } from '../bundle/oci.ts';
import { comparePaths } from '../bundle/portable-path.ts';
import { openProgram, type ProgramArtifact } from '../bundle/program-artifact.ts';
import { tap } from '../bundle/tap.ts';
import type { TreeEntry } from '../bundle/tree.ts';
import { findProgram } from './find-program.ts';
import { bundleInput, bundleRules } from './import-bundle.ts';
import { refuseLimits } from './limits.ts';
import type { Ports } from './ports.ts';
import { isBundlePath } from './show-program.ts';

/** What unpack wrote. */
export interface Unpacked {
  artifact: ProgramArtifact;
  /** The directory, as given or chosen. */
  directory: string;
  /** Of a bundle: all of its digests. */
  digests?: BundleDigests;
  /** What lies there now, sorted by the bytes of the paths. */
  files: TreeEntry[];
}

/**
 * `same unpack`: writes the files of a stored program, or of one in a bundle, as a plain tree (spec SAME-BND-049,
 * SAME-BND-050). A bundle is checked whole first; nothing of it is executed, and nothing is stored.
 * @throws SAME1403 there is something where it is to be written, and what the check finds
 */
export async function unpackProgram(
  ports: Ports,
  options: { source: string; directory?: string | undefined; limits?: Partial<Limits> | undefined },
): Promise<Unpacked> {
  const { source, limits } = options;
  if (!isBundlePath(ports, source)) {
    refuseLimits(limits, source);
    const { artifact } = await findProgram(ports, source);
    return { artifact, ...(await writeTree(ports, artifact, options.directory)) };
  }
  const input = bundleInput(ports, source);
  using scratch = ports.files.scratch();
  const content = ports.openContent(scratch.path);
  const { program, digests } = await readBundle(input, content, bundleRules(ports, limits));
  const artifact = await openProgram(program, content);
  return { artifact, digests, ...(await writeTree(ports, artifact, options.directory)) };
}

async function writeTree(ports: Ports, artifact: ProgramArtifact, asked: string | undefined) {
  const { name, version } = artifact.program.metadata;
  const directory = asked ?? `${name.replaceAll('/', '-')}-${version}`;
  const files: TreeEntry[] = [];
  await ports.files.makeDirectory(directory, async (into) => {
    const write = async (file: Pick<TreeEntry, 'path' | 'executable'>, body: AsyncIterable<Uint8Array>) => {
      const hash = createHash('sha256');
      let sizeBytes = 0;
      const hashed = tap(body, (chunk) => {
        hash.update(chunk);
        sizeBytes += chunk.length;
      });
      const { path, executable } = file;
      await ports.files.place(into, { path, executable, body: hashed });
      files.push({ path, executable, sizeBytes, digest: `sha256:${hash.digest('hex')}` });
    };
    const documents = { 'same.yaml': artifact.manifestBytes, 'same.lock': lockBytes(artifact) };
    for (const [path, bytes] of Object.entries(documents)) {
      if (bytes) await write({ path, executable: false }, once(bytes));
    }
    for await (const { body, ...file } of artifact.codeStream()) await write(file, body);
  });
  return { directory, files: files.sort((a, b) => comparePaths(a.path, b.path)) };
}

/** A lock is stored in canonical form, which says its bytes. */
function lockBytes({ lock }: ProgramArtifact): Buffer | undefined {
  return lock && canonicalBytes(lock);
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer, void, undefined> {
  yield bytes;
}
