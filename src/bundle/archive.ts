import { createHash } from 'node:crypto';
import type { ContentStore } from '../content/content-store.ts';
import { SameError } from '../errors/same-error.ts';
import { tagOf } from '../program/version.ts';
import { isDerivedFrom } from './ancestry.ts';
import { canonicalBytes, sha256 } from './canonical-json.ts';
import { type TarSource, writeTar } from './canonical-tar.ts';
import { gzip } from './gzip.ts';
import {
  type BundleDigests,
  blobPath,
  blobsOf,
  OCI_LAYOUT,
  REF_NAME,
  REPRODUCING_BYTES,
  ROOT_COPY_BYTES,
  ROOT_DOCUMENTS,
} from './layout.ts';
import { type Descriptor, LIMITS, MEDIA, type OciIndex } from './oci.ts';
import { subjectOf } from './oci-manifest.ts';
import { openProgram, type ProgramArtifact } from './program-artifact.ts';
import { layerOf } from './program-config.ts';
import { parseReferrer, REFERRERS } from './referrer.ts';

export { peekBundle, peekProgram, type ReadBundle, readBundle } from './archive-reader.ts';
export type { BundleDigests } from './layout.ts';

/** What goes into a bundle. */
export interface BundleContents {
  /** Digest of the program. */
  program: string;
  /** Earlier programs whose runs are included; those between on the `derivedFrom` chain are added. */
  ancestors?: readonly string[];
  /** Digests of runs and origins, in any order. */
  referrers: readonly string[];
}

/**
 * Writes a bundle from the store, in constant memory and the fixed order of spec chapter bundle: the same contents give
 * the same bytes.
 * @param options.gzip false writes the plain tar (`--format oci-tar`).
 * @param options.onDigests called once with all digests, after the last byte; they are the generator's return value too.
 * @throws SAME1305 something is not in the store · SAME1301 damaged · SAME1302 a referrer of another program
 */
export async function* writeBundle(
  contents: BundleContents,
  store: ContentStore,
  options: { gzip: boolean; onDigests?: (digests: BundleDigests) => void },
): AsyncGenerator<Uint8Array, BundleDigests, undefined> {
  const program = await openProgram(contents.program, store);
  const ancestors = await chainTo(program, contents.ancestors ?? [], store);
  const referrers = await openReferrers(contents.referrers, [program, ...ancestors], store);
  const index = indexOf(program, ancestors, referrers);
  const blobs = [program, ...ancestors]
    .flatMap((artifact) => blobsOf(artifact, artifact.manifest))
    .concat(referrers.flatMap(({ self, manifest }) => blobsOf(self, manifest)));
  const archive = createHash('sha256');
  const file = options.gzip ? createHash('sha256') : archive;
  let sizeBytes = 0;
  const tar = hashed(writeTar(filesOf(program, index, blobs, store)), archive);
  for await (const chunk of options.gzip ? gzip(tar) : tar) {
    sizeBytes += chunk.length;
    if (options.gzip) file.update(chunk);
    yield chunk;
  }
  const archiveDigest = `sha256:${archive.digest('hex')}`;
  const digests: BundleDigests = {
    program: program.digest,
    index: sha256(index),
    archive: archiveDigest,
    file: options.gzip ? `sha256:${file.digest('hex')}` : archiveDigest,
    sizeBytes,
  };
  options.onDigests?.(digests);
  return digests;
}

type Referrer = { self: Descriptor } & ReturnType<typeof parseReferrer>;

/** The ancestors from nearest to farthest, with all between, by following `derivedFrom`. */
async function chainTo(
  program: ProgramArtifact,
  wanted: readonly string[],
  store: ContentStore,
): Promise<ProgramArtifact[]> {
  const missing = new Set(wanted);
  const chain: ProgramArtifact[] = [];
  let last = program;
  while (missing.size > 0 && last.program.metadata.derivedFrom) {
    const ancestor = await openProgram(last.program.metadata.derivedFrom.digest, store);
    if (!isDerivedFrom(last, ancestor)) break;
    missing.delete(ancestor.digest);
    chain.push(ancestor);
    last = ancestor;
  }
  const [stranger] = missing;
  if (stranger === undefined) return chain;
  throw new SameError({
    code: 'SAME1302',
    message: `${stranger} is no ancestor of ${program.digest}: no derivedFrom leads to it`,
  });
}

async function openReferrers(
  digests: readonly string[],
  programs: readonly ProgramArtifact[],
  store: ContentStore,
): Promise<Referrer[]> {
  const opened: Referrer[] = [];
  for (const digest of [...new Set(digests)].sort()) {
    const bytes = await store.read(digest);
    const referrer = parseReferrer(bytes, `referrer ${digest}`);
    if (!programs.some((program) => program.digest === referrer.subject.digest)) {
      throw new SameError({
        code: 'SAME1302',
        message: `${digest} is a ${referrer.kind} of ${referrer.subject.digest}, which is not in this bundle`,
      });
    }
    const { artifactType } = referrer.manifest;
    opened.push({
      self: { mediaType: MEDIA.ociManifest, artifactType, digest, size: bytes.length },
      ...referrer,
    });
  }
  const rank = ({ kind }: Referrer) => REFERRERS.findIndex((type) => type.kind === kind);
  return opened.sort((a, b) => rank(a) - rank(b));
}

function indexOf(
  program: ProgramArtifact,
  ancestors: readonly ProgramArtifact[],
  referrers: readonly Referrer[],
): Buffer {
  const index: OciIndex = {
    schemaVersion: 2,
    mediaType: MEDIA.ociIndex,
    manifests: [
      { ...subjectOf(program), annotations: { [REF_NAME]: tagOf(program.program.metadata.version) } },
      ...ancestors.map(subjectOf),
      ...referrers.map(({ self }) => self),
    ],
  };
  const bytes = canonicalBytes(index);
  if (bytes.length <= LIMITS.jsonBytes) return bytes;
  throw new SameError({
    code: 'SAME1304',
    message: `index.json of ${referrers.length} runs and origins is over the 4 MiB limit`,
    hint: 'export fewer runs: --history latest',
  });
}

async function* filesOf(
  program: ProgramArtifact,
  index: Buffer,
  blobs: readonly Descriptor[],
  store: ContentStore,
): AsyncGenerator<TarSource, void, undefined> {
  yield small('oci-layout', OCI_LAYOUT);
  yield small('index.json', index);
  const entries = await program.codeEntries();
  for (const name of ROOT_DOCUMENTS) {
    const entry = entries.find(({ path }) => path === name);
    if (entry && entry.sizeBytes <= ROOT_COPY_BYTES) yield small(name, await program.readCode(name));
  }
  yield small('REPRODUCING.md', REPRODUCING_BYTES);
  const lock = layerOf(program.manifest, 'lock');
  if (lock) yield small('same.lock', await store.read(lock.digest));
  yield small('same.yaml', program.manifestBytes);
  const written = new Set<string>();
  for (const { digest, size } of blobs) {
    if (written.has(digest)) continue;
    written.add(digest);
    const stream = await store.stream(digest);
    yield { path: blobPath(digest), executable: false, sizeBytes: size, chunks: () => stream };
  }
}

function small(path: string, bytes: Buffer): TarSource {
  return { path, executable: false, sizeBytes: bytes.length, chunks: () => [bytes] };
}

async function* hashed(
  chunks: AsyncIterable<Uint8Array>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}
