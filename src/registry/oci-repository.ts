import type { Descriptor } from '../bundle/oci.ts';
import { SameError } from '../errors/same-error.ts';
import { downloadBlob } from './blob-download.ts';
import { uploadBlob } from './blob-upload.ts';
import { putManifest, readManifest, resolveManifest } from './manifest-exchange.ts';
import { addReferrers, readReferrers } from './referrer-lists.ts';
import type { OpenBlob, Placed, RegistryAddress, Repository } from './registry.ts';
import { digestOf, type RepositoryPlace } from './repository-place.ts';
import { named, namedStream } from './repository-refusal.ts';
import type { RegistrySession } from './session.ts';
import { readTags } from './tag-list.ts';

/** How a repository is spoken to; the defaults are those of the specification. */
export interface RepositoryOptions {
  /** Blobs above this many bytes are sent in pieces of it, so that a cut costs one piece (default 64 MiB). */
  chunkBytes?: number;
}

const CHUNK_BYTES = 64 * 2 ** 20;

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
  const reading = <T>(about: string | undefined, work: Promise<T>) =>
    named(place, 'reading from', about, work);
  const writing = <T>(about: string, work: Promise<T>) => named(place, 'writing to', about, work);
  return {
    label: place.label,
    address,
    resolve: (tagOrDigest) => reading(tagOrDigest, resolveManifest(place, tagOrDigest)),
    manifest: (tagOrDigest, limitBytes) => reading(tagOrDigest, readManifest(place, tagOrDigest, limitBytes)),
    putManifest: (bytes, options) => {
      const digest = digestOf(bytes);
      return writing(digest, putManifest(place, bytes, { ...options, digest }));
    },
    hasBlob: (blob) => reading(blob.digest, hasBlob(place, blob)),
    stream: (blob, startBytes, options) =>
      namedStream(place, 'reading from', blob.digest, downloadBlob(place, blob, startBytes, options)),
    putBlob: (blob, open, options) => writing(blob.digest, putBlob(place, blob, open, options)),
    referrers: (digest) => reading(digest, readReferrers(place, digest)),
    listReferrers: (subject, referrers) => writing(subject, addReferrers(place, subject, referrers)),
    tags: () => reading(undefined, readTags(place)),
    close: () => session.close(),
  };
}

async function putBlob(
  place: RepositoryPlace,
  blob: Descriptor,
  open: OpenBlob,
  options?: { mountFrom?: string },
): Promise<Placed> {
  return (await hasBlob(place, blob)) ? 'there' : uploadBlob(place, blob, open, options);
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
