import { createHash } from 'node:crypto';
import { type Descriptor, MEDIA } from '../bundle/oci.ts';
import { SameError } from '../errors/same-error.ts';
import { readBody } from './answer-body.ts';
import { downloadBlob } from './blob-download.ts';
import { uploadBlob } from './blob-upload.ts';
import { addReferrers, readReferrers } from './referrer-lists.ts';
import type { RegistryAddress, Repository } from './registry.ts';
import type { RegistrySession } from './session.ts';
import { readTags } from './tag-list.ts';

/** How a repository is spoken to; the defaults are those of the specification. */
export interface RepositoryOptions {
  /** Blobs above this many bytes are sent in pieces of it, so that a cut costs one piece (default 64 MiB). */
  chunkBytes?: number;
}

/** What the parts of a repository's protocol share. */
export interface RepositoryPlace {
  session: RegistrySession;
  address: RegistryAddress;
  /** `oci://HOST/REPOSITORY`. */
  label: string;
  /** What a token must allow. */
  pull: readonly string[];
  push: readonly string[];
  chunkBytes: number;
}

const CHUNK_BYTES = 64 * 2 ** 20;
const MANIFEST_BYTES = 4 * 2 ** 20;
const ACCEPT = [MEDIA.ociManifest, MEDIA.ociIndex].join(', ');
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** A repository of a registry that speaks the OCI distribution specification. */
export function openRepository(
  session: RegistrySession,
  address: RegistryAddress,
  { chunkBytes = CHUNK_BYTES }: RepositoryOptions = {},
): Repository {
  const scope = `repository:${address.repository}`;
  const place: RepositoryPlace = {
    session,
    address,
    label: `oci://${address.host}/${address.repository}`,
    pull: [`${scope}:pull`],
    push: [`${scope}:pull,push`],
    chunkBytes,
  };
  return {
    label: place.label,
    address,
    resolve: (tagOrDigest) => resolve(place, tagOrDigest),
    manifest: (tagOrDigest, limitBytes) => readManifest(place, tagOrDigest, limitBytes),
    putManifest: (bytes, options) => putManifest(place, bytes, options),
    hasBlob: (blob) => hasBlob(place, blob),
    stream: (blob, startBytes) => downloadBlob(place, blob, startBytes),
    putBlob: async (blob, open, options) =>
      (await hasBlob(place, blob)) ? 'there' : uploadBlob(place, blob, open, options),
    referrers: (digest) => readReferrers(place, digest),
    listReferrers: (subject, referrers) => addReferrers(place, subject, referrers),
    tags: () => readTags(place),
    close: () => session.close(),
  };
}

async function resolve(place: RepositoryPlace, tagOrDigest: string): Promise<Descriptor | undefined> {
  const { status, headers, body } = await place.session.ask({
    method: 'HEAD',
    url: manifestUrl(place, tagOrDigest),
    headers: { accept: ACCEPT },
    scopes: place.pull,
    expect: [200, 404],
  });
  body.destroy();
  if (status === 404) return undefined;
  const digest = String(headers['docker-content-digest'] ?? '');
  const size = Number(headers['content-length'] ?? Number.NaN);
  if (DIGEST.test(digest) && Number.isSafeInteger(size) && size > 0) {
    if (DIGEST.test(tagOrDigest) && digest !== tagOrDigest) throw otherBytes(place, tagOrDigest, digest);
    return { mediaType: mediaTypeOf(headers['content-type']), digest, size };
  }
  // A registry need not say the digest: then the bytes do.
  const found = await readManifest(place, tagOrDigest);
  return found && { mediaType: found.mediaType, digest: found.digest, size: found.bytes.length };
}

/** A manifest of a repository, checked. */
export async function readManifest(
  place: RepositoryPlace,
  tagOrDigest: string,
  limitBytes = MANIFEST_BYTES,
): Promise<{ bytes: Buffer; digest: string; mediaType: string } | undefined> {
  const answer = await place.session.ask({
    method: 'GET',
    url: manifestUrl(place, tagOrDigest),
    headers: { accept: ACCEPT },
    scopes: place.pull,
    expect: [200, 404],
  });
  if (answer.status === 404) {
    answer.body.destroy();
    return undefined;
  }
  const what = `the manifest ${tagOrDigest} of ${place.label}`;
  const bytes = await readBody(answer, limitBytes, what);
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const said = answer.headers['docker-content-digest'];
  const expected = DIGEST.test(tagOrDigest) ? tagOrDigest : said;
  if (typeof expected === 'string' && DIGEST.test(expected) && digest !== expected)
    throw otherBytes(place, expected, digest);
  return { bytes, digest, mediaType: mediaTypeOf(answer.headers['content-type']) };
}

async function putManifest(
  place: RepositoryPlace,
  bytes: Uint8Array,
  { mediaType, tag }: { mediaType: string; tag?: string },
): Promise<void> {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const { headers, body } = await place.session.ask({
    method: 'PUT',
    url: manifestUrl(place, tag ?? digest),
    headers: { 'content-type': mediaType },
    body: { sizeBytes: bytes.length, open: () => [bytes] },
    scopes: place.push,
    expect: [200, 201, 202],
  });
  body.resume();
  refuseOtherDigest(place, digest, headers['docker-content-digest']);
}

/** @throws SAME1301 the registry says that it stored something else than it was sent */
export function refuseOtherDigest(place: RepositoryPlace, digest: string, said: unknown): void {
  if (typeof said !== 'string' || !DIGEST.test(said) || said === digest) return;
  throw new SameError({
    code: 'SAME1301',
    message: `writing to ${place.label}: ${digest} was sent, and the registry says it stored ${said}`,
    place: digest,
    hint: 'tell whoever runs the registry; nothing points at what it stored',
  });
}

async function hasBlob(place: RepositoryPlace, blob: Descriptor): Promise<boolean> {
  const { status, headers, body } = await place.session.ask({
    method: 'HEAD',
    url: `/v2/${place.address.repository}/blobs/${blob.digest}`,
    scopes: place.pull,
    expect: [200, 404],
  });
  body.destroy();
  if (status === 404) return false;
  const length = headers['content-length'];
  if (length === undefined || Number(length) === blob.size) return true;
  throw new SameError({
    code: 'SAME1301',
    message: `reading from ${place.label}: it has ${length} bytes for ${blob.digest}, not ${blob.size}`,
    place: blob.digest,
    hint: 'tell whoever runs the registry: its blob is damaged',
  });
}

/** The error for bytes that are not those of their digest. */
export function otherBytes(place: RepositoryPlace, digest: string, got: string): SameError {
  return new SameError({
    code: 'SAME1301',
    message: `reading from ${place.label}: expected ${digest}, got ${got}`,
    place: digest,
    hint: 'nothing of it was stored; try again, or get it from another registry',
  });
}

function manifestUrl(place: RepositoryPlace, tagOrDigest: string): string {
  return `/v2/${place.address.repository}/manifests/${tagOrDigest}`;
}

function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? '').split(';')[0]!.trim();
}
