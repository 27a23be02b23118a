import { readBundle } from '../bundle/archive-reader.ts';
import { canonicalBytes } from '../bundle/canonical-json.ts';
import type { BundleDigests } from '../bundle/layout.ts';
import type { Limits } from '../bundle/oci.ts';
import { openProgram, type ProgramArtifact } from '../bundle/program-artifact.ts';
import { tap } from '../bundle/tap.ts';
import { SameError } from '../errors/same-error.ts';
import type { RegistryAccess } from '../registry/registry.ts';
import { findProgram } from './find-program.ts';
import { bundleInput, bundleRules, hintingAt } from './import-bundle.ts';
import { refuseLimits } from './limits.ts';
import { peekProgram } from './peek-program.ts';
import type { Ports } from './ports.ts';
import { refuseAccess } from './registry-access.ts';
import { isRegistryText } from './registry-address.ts';
import { isBundlePath } from './show-program.ts';

/** What unpack wrote. */
export interface Unpacked {
  artifact: ProgramArtifact;
  /** The directory, as given or chosen. */
  directory: string;
  /** Of a bundle: all of its digests. */
  digests?: BundleDigests;
  /** How many files lie there now. */
  files: number;
  /** How long they are together. */
  sizeBytes: number;
}

/**
 * `same unpack`: writes the files of a stored program, or of one in a bundle, as a plain tree (spec SAME-BND-049,
 * SAME-BND-050), or of one in a registry. A bundle is checked whole first; nothing of it is executed, and nothing is
 * stored.
 * @throws SAME1403 there is something where it is to be written, and what the check finds
 */
export async function unpackProgram(
  ports: Ports,
  options: {
    source: string;
    directory?: string | undefined;
    limits?: Partial<Limits> | undefined;
    access?: RegistryAccess;
  },
): Promise<Unpacked> {
  const { source, limits, access = {} } = options;
  if (options.directory === '') {
    throw new SameError({
      code: 'SAME1902',
      message: '-o is empty, and no name of a directory',
      place: '-o',
      hint: 'name the directory, or leave out -o for ./NAME-VERSION',
    });
  }
  if (isRegistryText(source)) {
    // Files are of the program alone, whoever ran it.
    const peek = { reference: source, history: 'none', limits, access } as const;
    return peekProgram(ports, peek, async ({ artifact }) => ({
      artifact,
      ...(await writeTree(ports, artifact, options.directory)),
    }));
  }
  refuseAccess(access, source);
  if (!isBundlePath(ports, source)) {
    refuseLimits(limits, source);
    const { artifact } = await findProgram(ports, source);
    return { artifact, ...(await writeTree(ports, artifact, options.directory)) };
  }
  const input = bundleInput(ports, source);
  using scratch = ports.files.scratch();
  const content = ports.openContent(scratch.path);
  const { program, digests } = await hintingAt(source, () =>
    readBundle(input, content, bundleRules(ports, limits)),
  );
  const artifact = await openProgram(program, content);
  return { artifact, digests, ...(await writeTree(ports, artifact, options.directory)) };
}

async function writeTree(ports: Ports, artifact: ProgramArtifact, asked: string | undefined) {
  const { name, version } = artifact.program.metadata;
  const directory = asked ?? `${name.replaceAll('/', '-')}-${version}`;
  let files = 0;
  let sizeBytes = 0;
  await ports.files.makeDirectory(directory, async (into) => {
    const write = async (path: string, executable: boolean, chunks: AsyncIterable<Uint8Array>) => {
      const body = tap(chunks, ({ length }) => {
        sizeBytes += length;
      });
      await ports.files.place(into, { path, executable, body });
      files++;
    };
    const documents = { 'same.yaml': artifact.manifestBytes, 'same.lock': lockBytes(artifact) };
    for (const [path, bytes] of Object.entries(documents)) {
      if (bytes) await write(path, false, once(bytes));
    }
    for await (const { path, executable, body } of artifact.codeStream()) await write(path, executable, body);
  });
  return { directory, files, sizeBytes };
}

/** A lock is stored in canonical form, which says its bytes. */
function lockBytes({ lock }: ProgramArtifact): Buffer | undefined {
  return lock && canonicalBytes(lock);
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer, void, undefined> {
  yield bytes;
}
