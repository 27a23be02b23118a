import { createHash } from 'node:crypto';
import type { ContentStore } from '../content/content-store.ts';
import { SameError } from '../errors/same-error.ts';
import { tagOf } from '../program/version.ts';
import { canonicalBytes, sha256 } from './canonical-json.ts';
import { comparePaths, readTar, resized, type TarSource, tarHeader, writeTar } from './canonical-tar.ts';
import { type GraphContents, openGraph, type StoredReferrer } from './graph.ts';
import { gzip } from './gzip.ts';
import {
  type BundleDigests,
  blobPath,
  blobsOf,
  CREATED,
  OCI_LAYOUT,
  REF_NAME,
  REPRODUCING_BYTES,
  ROOT_COPY_BYTES,
  ROOT_DOCUMENTS,
} from './layout.ts';
import { type Descriptor, LIMITS, type Limits, MEDIA, type OciIndex } from './oci.ts';
import { subjectOf } from './oci-manifest.ts';
import { type ProgramArtifact, refuseLongDocument } from './program-artifact.ts';
import { layerOf } from './program-config.ts';
import { overLimit } from './refusal.ts';
import { tap } from './tap.ts';
import { BLOCK, paddingOf } from './tar-header.ts';
import { TarScanner } from './tar-scanner.ts';

export { peekBundle, peekProgram, type ReadBundle, readBundle } from './archive-reader.ts';
export type { BundleDigests } from './layout.ts';

/** What goes into a bundle. */
export interface BundleContents extends GraphContents {
  /** `SOURCE_DATE_EPOCH`, seconds since 1970; said in the index only (spec SAME-BND-045). */
  sourceDateEpoch?: number;
  /** Raised limits: what a reader with these limits would refuse is not written (spec SAME-BND-051). */
  limits?: Partial<Limits>;
}

/**
 * Writes a bundle from the store, in constant memory and the fixed order of spec chapter bundle: the same contents give
 * the same bytes. Chunks must stay as they are until the last one has come.
 * @param options.gzip false writes the plain tar (`--format oci-tar`).
 * @param options.fileDigestUpTo the longest archive of which the digest of the gzip file is told: it is one more pass
 * over all bytes (default: any)
 * @param options.onDigests called once with all digests, after the last byte; they are the generator's return value too.
 * @throws SAME1304 over a limit · SAME1305 something is not in the store · SAME1301 damaged · SAME1302 a referrer of
 * another program
 */
export async function* writeBundle(
  contents: BundleContents,
  store: ContentStore,
  options: { gzip: boolean; fileDigestUpTo?: number; onDigests?: (digests: BundleDigests) => void },
): AsyncGenerator<Uint8Array, BundleDigests, undefined> {
  const { program, index, files, contentBytes } = await openContents(contents, store);
  const archive = createHash('sha256');
  const isCheap = contentBytes <= (options.fileDigestUpTo ?? Number.POSITIVE_INFINITY);
  const file = options.gzip && isCheap ? createHash('sha256') : undefined;
  let sizeBytes = 0;
  const tar = tap(writeTar(files), (chunk) => archive.update(chunk));
  for await (const chunk of options.gzip ? gzip(tar) : tar) {
    sizeBytes += chunk.length;
    file?.update(chunk);
    yield chunk;
  }
  const digest = `sha256:${archive.digest('hex')}`;
  const digests: BundleDigests = {
    program: program.digest,
    index: sha256(index),
    archive: digest,
    ...(file ? { file: `sha256:${file.digest('hex')}` } : options.gzip ? {} : { file: digest }),
    sizeBytes,
  };
  options.onDigests?.(digests);
  return digests;
}

/**
 * Writes a bundle as a directory (`--format oci-dir`, spec SAME-BND-043): its files one after another, in the archive's
 * order.
 * @param place writes one file
 * @returns its digests; there is none of a file, and the size is that of the archive which the files make
 * @throws as {@link writeBundle}
 */
export async function writeBundleDirectory(
  contents: BundleContents,
  store: ContentStore,
  place: (file: { path: string; executable: false; body: AsyncIterable<Uint8Array> }) => Promise<void>,
): Promise<BundleDigests> {
  const { program, index, files } = await openContents(contents, store);
  const archive = createHash('sha256');
  let sizeBytes = 0;
  const count = (bytes: Uint8Array): void => {
    archive.update(bytes);
    sizeBytes += bytes.length;
  };
  for await (const source of files) {
    count(tarHeader(source.path, false, source.sizeBytes));
    const startBytes = sizeBytes;
    await place({ path: source.path, executable: false, body: tap(source.chunks(), count) });
    if (sizeBytes - startBytes !== source.sizeBytes) throw resized(source);
    count(Buffer.alloc(paddingOf(source.sizeBytes)));
  }
  count(Buffer.alloc(2 * BLOCK));
  const archiveDigest = `sha256:${archive.digest('hex')}`;
  return { program: program.digest, index: sha256(index), archive: archiveDigest, sizeBytes };
}

/** What a bundle is made of: its index, and its files in the order of the archive, to be read once. */
async function openContents(
  contents: BundleContents,
  store: ContentStore,
): Promise<{
  program: ProgramArtifact;
  index: Buffer;
  files: AsyncIterable<TarSource>;
  /** Bytes of all files but the first two. */
  contentBytes: number;
}> {
  const limits = { ...LIMITS, ...contents.limits };
  const { program, ancestors, referrers } = await openGraph(contents, store);
  const index = indexOf(program, ancestors, referrers, contents, limits);
  const blobs = new Map<string, Descriptor>();
  for (const blob of [
    ...[program, ...ancestors].flatMap((artifact) => blobsOf(artifact, artifact.manifest)),
    ...referrers.flatMap(({ self, manifest }) => blobsOf(self, manifest)),
  ]) {
    if (!blobs.has(blob.digest)) blobs.set(blob.digest, blob);
  }
  for (const blob of blobs.values()) refuseLongDocument(blob, limits);
  const copies = await rootCopies(program, store, limits);
  const sizes = [...copies.map(({ sizeBytes }) => sizeBytes), ...[...blobs.values()].map(({ size }) => size)];
  const contentBytes = sizes.reduce((sum, size) => sum + size, 0);
  // Beside these, `oci-layout` and `index.json`.
  refuseTooMuch(sizes.length + 2, contentBytes, limits);
  const files = filesOf([small('index.json', index), ...copies], blobs.values(), store, limits);
  return { program, index, files, contentBytes };
}

function indexOf(
  program: ProgramArtifact,
  ancestors: readonly ProgramArtifact[],
  referrers: readonly StoredReferrer[],
  { sourceDateEpoch }: BundleContents,
  limits: Limits,
): Buffer {
  const created =
    sourceDateEpoch === undefined
      ? undefined
      : new Date(sourceDateEpoch * 1000).toISOString().replace('.000Z', 'Z');
  const annotations = {
    [REF_NAME]: tagOf(program.program.metadata.version),
    ...(created === undefined ? {} : { [CREATED]: created }),
  };
  const index: OciIndex = {
    schemaVersion: 2,
    mediaType: MEDIA.ociIndex,
    manifests: [
      { ...subjectOf(program), annotations },
      ...ancestors.map(subjectOf),
      ...referrers.map(({ self }) => self),
    ],
  };
  const bytes = canonicalBytes(index);
  if (bytes.length <= limits.jsonBytes) return bytes;
  throw new SameError({
    code: 'SAME1304',
    message: `index.json of ${referrers.length} runs and other records is over the limit of ${limits.jsonBytes} bytes`,
    hint: 'export fewer runs: --history latest',
  });
}

/** @throws SAME1304 the archive would have more entries or bytes than a reader takes (spec SAME-BND-051) */
function refuseTooMuch(entries: number, bytes: number, limits: Limits): void {
  if (entries > limits.entries) {
    throw overLimit('entries', `the bundle has ${entries} entries, over the limit of ${limits.entries}`);
  }
  if (bytes > limits.unpackedBytes) {
    throw overLimit(
      'unpackedBytes',
      `the bundle has ${bytes} bytes, over the limit of ${limits.unpackedBytes}`,
    );
  }
}

/** The copies for people, in order (spec SAME-BND-022). */
async function rootCopies(
  program: ProgramArtifact,
  store: ContentStore,
  limits: Limits,
): Promise<TarSource[]> {
  const copies = await rootDocuments(layerOf(program.manifest, 'code')!.digest, store, limits);
  copies.push(small('REPRODUCING.md', REPRODUCING_BYTES));
  const lock = layerOf(program.manifest, 'lock');
  if (lock) copies.push(small('same.lock', await store.read(lock.digest, lock.size)));
  return [...copies, small('same.yaml', program.manifestBytes)];
}

async function rootDocuments(code: string, store: ContentStore, limits: Limits): Promise<TarSource[]> {
  const documents: TarSource[] = [];
  const last = ROOT_DOCUMENTS.at(-1)!;
  try {
    // The layer is sorted, so that little of it has to be read; its digest is checked when all of it is.
    for await (const { path, sizeBytes, body } of readTar(await store.stream(code), { limits })) {
      if (comparePaths(path, last) > 0) break;
      if (!ROOT_DOCUMENTS.includes(path) || sizeBytes > ROOT_COPY_BYTES) continue;
      const chunks: Buffer[] = [];
      for await (const chunk of body) chunks.push(chunk);
      documents.push(small(path, Buffer.concat(chunks)));
    }
  } catch (error) {
    // A layer that makes no sense is damaged, which the store says better.
    for await (const _ of await store.stream(code));
    throw error;
  }
  return documents;
}

async function* filesOf(
  first: readonly TarSource[],
  blobs: Iterable<Descriptor>,
  store: ContentStore,
  limits: Limits,
): AsyncGenerator<TarSource, void, undefined> {
  yield small('oci-layout', OCI_LAYOUT);
  yield* first;
  for (const { mediaType, digest, size } of blobs) {
    const stream = await store.stream(digest);
    const chunks = () => (mediaType.endsWith('.tar') ? checked(stream, `layer ${digest}`, limits) : stream);
    yield { path: blobPath(digest), executable: false, sizeBytes: size, chunks };
  }
}

/**
 * A layer's bytes as they pass, refused where a reader would refuse them: limits may have been raised to make it. What
 * is found waits for the end, where the store says whether the layer is damaged.
 */
async function* checked(
  chunks: AsyncIterable<Uint8Array>,
  label: string,
  limits: Limits,
): AsyncGenerator<Uint8Array, void, undefined> {
  const scanner = new TarScanner({ label, limits });
  let found: unknown;
  for await (const chunk of chunks) {
    try {
      if (!found) for (const _ of scanner.feed(chunk));
    } catch (error) {
      found = error;
    }
    yield chunk;
  }
  if (found) throw found;
}

function small(path: string, bytes: Buffer): TarSource {
  return { path, executable: false, sizeBytes: bytes.length, chunks: () => [bytes] };
}
