import { type Descriptor, MEDIA } from '../bundle/oci.ts';
import { SameError } from '../errors/same-error.ts';
import { askWhole } from './answer-body.ts';
import {
  digestOf,
  discard,
  isDigest,
  otherBytes,
  type RepositoryPlace,
  refuseOtherDigest,
} from './repository-place.ts';

/** OCI distribution specification, pulling manifests. */
const TAG_OR_DIGEST = /^([A-Za-z0-9_][A-Za-z0-9._-]{0,127}|sha256:[0-9a-f]{64})$/;
const LONGEST_TAG = 128;
const MANIFEST_BYTES = 4 * 2 ** 20;
const ACCEPT = [MEDIA.ociManifest, MEDIA.ociIndex].join(', ');

/** What a tag or digest leads to, by `HEAD`; undefined when it leads nowhere. */
export async function resolveManifest(
  place: RepositoryPlace,
  tagOrDigest: string,
): Promise<Descriptor | undefined> {
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
  if (isDigest(digest) && Number.isSafeInteger(size) && size > 0) {
    if (isDigest(tagOrDigest) && digest !== tagOrDigest) throw otherBytes(place, tagOrDigest, digest);
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
  const what = `the manifest ${tagOrDigest} of ${place.label}`;
  const request = {
    method: 'GET',
    url: manifestUrl(place, tagOrDigest),
    headers: { accept: ACCEPT },
    scopes: place.pull,
    expect: [200, 404],
    isShort: true,
  } as const;
  const { status, headers, bytes } = await askWhole(place, request, what, limitBytes);
  if (status === 404) return undefined;
  const digest = digestOf(bytes);
  const said = headers['docker-content-digest'];
  const expected = isDigest(tagOrDigest) ? tagOrDigest : said;
  if (isDigest(expected) && digest !== expected) throw otherBytes(place, expected, digest);
  return { bytes, digest, mediaType: mediaTypeOf(headers['content-type']) };
}

/** Stores a manifest under its digest, or under a tag. */
export async function putManifest(
  place: RepositoryPlace,
  bytes: Uint8Array,
  { mediaType, tag, digest }: { mediaType: string; tag?: string; digest: string },
): Promise<void> {
  const { headers, body } = await place.session.ask({
    method: 'PUT',
    url: manifestUrl(place, tag ?? digest),
    headers: { 'content-type': mediaType },
    body: { sizeBytes: bytes.length, open: () => [bytes] },
    scopes: place.push,
    expect: [200, 201, 202],
  });
  discard(body);
  refuseOtherDigest(place, digest, headers['docker-content-digest']);
}

/** @throws SAME1801 it is neither tag nor digest, and would be a part of some other address */
function manifestUrl(place: RepositoryPlace, tagOrDigest: string): string {
  if (!TAG_OR_DIGEST.test(tagOrDigest)) {
    const shown = JSON.stringify(tagOrDigest.slice(0, LONGEST_TAG));
    const message = `${place.label} cannot have ${shown}: it is no tag and no digest`;
    throw new SameError({ code: 'SAME1801', message });
  }
  return `/v2/${place.address.repository}/manifests/${tagOrDigest}`;
}

function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? '').split(';')[0]!.trim();
}
