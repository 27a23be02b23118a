import type { Descriptor } from '../bundle/oci.ts';
import { SameError } from '../errors/same-error.ts';
import { downloadBlob } from './blob-download.ts';
import { uploadBlob } from './blob-upload.ts';
import { putManifest, readManifest, resolveManifest } from './manifest-exchange.ts';
import { addReferrers, readReferrers } from './referrer-lists.ts';
import type { RegistryAddress, Repository } from './registry.ts';
import type { RepositoryPlace } from './repository-place.ts';
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
  return {
    label: place.label,
    address,
    resolve: (tagOrDigest) => resolveManifest(place, tagOrDigest),
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
