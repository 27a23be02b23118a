import { type Descriptor, MEDIA } from '../bundle/oci.ts';
import { SameError } from '../errors/same-error.ts';
import { askWhole, pagesOf } from './answer-body.ts';
import { readManifest } from './manifest-exchange.ts';
import { discard, isDigest, type RepositoryPlace } from './repository-place.ts';

/** How often the fallback tag is written before somebody else's writing is taken for a fault. */
const TRIES = 5;

/** What refers to a manifest, by the referrers API and by the fallback tag; a registry may have some here, some there. */
export async function readReferrers(place: RepositoryPlace, digest: string): Promise<Descriptor[]> {
  const all = new Map<string, Descriptor>();
  const [byApi, byTag] = [await listedByApi(place, digest), await listedByTag(place, digest)];
  for (const one of [...(byApi ?? []), ...byTag.manifests])
    if (!all.has(one.digest)) all.set(one.digest, one);
  return [...all.values()];
}

/**
 * Makes sure that manifests are found as referrers of `subject`: where the referrers API does not list them, whatever the
 * registry said when it took them, they are written into the fallback tag beside what others wrote there.
 */
export async function addReferrers(
  place: RepositoryPlace,
  subject: string,
  referrers: readonly Descriptor[],
): Promise<'api' | 'tag'> {
  const listed = new Set((await listedByApi(place, subject))?.map(({ digest }) => digest));
  const wanted = referrers.filter(({ digest }) => !listed.has(digest));
  if (wanted.length === 0) return 'api';
  for (let written = 0; written <= TRIES; written++) {
    // A tag has no lock: whoever read it before this writing, and writes it after, takes these entries away. So it is
    // looked at again when they have had the time to, and nothing comes between a look and the writing.
    if (written > 0) await place.session.pause(written);
    const { index, manifests } = await listedByTag(place, subject);
    const there = new Set(manifests.map(({ digest }) => digest));
    const lacking = wanted.filter(({ digest }) => !there.has(digest));
    if (lacking.length === 0) return 'tag';
    if (written === TRIES) break;
    await writeTag(place, subject, { ...index, manifests: [...(index.manifests as unknown[]), ...lacking] });
  }
  throw new SameError({
    code: 'SAME1801',
    message: `writing to ${place.label}: the list of what refers to ${subject} does not keep what is written to it`,
    place: fallbackTag(subject),
    hint: 'push again when nobody else does',
  });
}

/** The tag under which a registry without the referrers API keeps what refers to a digest. */
export function fallbackTag(digest: string): string {
  return digest.replace(':', '-');
}

/** @returns undefined when the registry has no such API */
async function listedByApi(place: RepositoryPlace, digest: string): Promise<Descriptor[] | undefined> {
  const what = `the referrers of ${digest} in ${place.label}`;
  const expect = [200, 400, 404, 405, 406, 501];
  const headers = { accept: MEDIA.ociIndex };
  const page = (url: string | URL) =>
    askWhole(place, { method: 'GET', url, headers, scopes: place.pull, expect, isShort: true }, what);
  const first = await page(`/v2/${place.address.repository}/referrers/${digest}`);
  if (first.status !== 200) return undefined;
  const found: Descriptor[] = [];
  let pages = 0;
  for await (const bytes of pagesOf(first, what, page)) {
    const index = indexIn(bytes);
    if (!index && pages > 0) {
      throw new SameError({
        code: 'SAME1801',
        message: `${what} cannot be read: page ${pages + 1} is no list`,
      });
    }
    // A host that answers everything with a page of its own has no such API.
    if (!index) return undefined;
    pages++;
    for (const one of descriptorsIn(index.manifests)) found.push(one);
  }
  return found;
}

async function listedByTag(
  place: RepositoryPlace,
  digest: string,
): Promise<{ index: Record<string, unknown>; manifests: Descriptor[] }> {
  const empty = { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests: [] };
  const found = await readManifest(place, fallbackTag(digest));
  if (!found) return { index: empty, manifests: [] };
  const index = indexIn(found.bytes);
  if (!index) throw noList(place, digest);
  return { index, manifests: descriptorsIn(index.manifests) };
}

async function writeTag(place: RepositoryPlace, subject: string, index: object): Promise<void> {
  const bytes = written(index);
  if (!bytes) throw noList(place, subject);
  const { body } = await place.session.ask({
    method: 'PUT',
    url: `/v2/${place.address.repository}/manifests/${fallbackTag(subject)}`,
    headers: { 'content-type': MEDIA.ociIndex },
    body: { sizeBytes: bytes.length, open: () => [bytes] },
    scopes: place.push,
    expect: [200, 201, 202],
  });
  discard(body);
}

/** @returns undefined for what others nested so deep that it cannot be written again */
function written(index: object): Buffer | undefined {
  try {
    return Buffer.from(JSON.stringify(index));
  } catch {
    return undefined;
  }
}

function noList({ label }: RepositoryPlace, subject: string): SameError {
  return new SameError({
    code: 'SAME1801',
    message: `reading from ${label}: its tag ${fallbackTag(subject)} is no list of referrers`,
    place: fallbackTag(subject),
    hint: 'whoever may delete tags there can delete it',
  });
}

function indexIn(bytes: Buffer): (Record<string, unknown> & { manifests: unknown[] }) | undefined {
  try {
    const value = JSON.parse(bytes.toString()) as Record<string, unknown> | null;
    return value && Array.isArray(value.manifests) ? { ...value, manifests: value.manifests } : undefined;
  } catch {
    return undefined;
  }
}

/** Entries that could be manifests; others are no concern of ours, and stay where they are. */
function descriptorsIn(entries: readonly unknown[]): Descriptor[] {
  return entries.filter((entry): entry is Descriptor => {
    const { digest, size, mediaType, artifactType = '' } = (entry ?? {}) as Partial<Descriptor>;
    const isDescriptor = isDigest(digest) && [mediaType, artifactType].every((it) => typeof it === 'string');
    return isDescriptor && Number.isSafeInteger(size) && size! > 0;
  });
}
