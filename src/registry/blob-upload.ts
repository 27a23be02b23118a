import type { Descriptor } from '../bundle/oci.ts';
import { SameError } from '../errors/same-error.ts';
import { isCut } from './blob-download.ts';
import { BlobReader } from './blob-reader.ts';
import type { OpenBlob, Placed } from './registry.ts';
import { discard, type RepositoryPlace, refuseOtherDigest } from './repository-place.ts';
import type { RegistryAnswer, RegistryRequest } from './session.ts';
import { locationOf, progress, receivedOf, withDigest } from './upload-progress.ts';

/** How often a blob is tried from its beginning, or from where the registry has it. */
const TRIES = 5;
/** Statuses by which a host says that it takes no pieces; 404 ends a session. */
const NO_PIECES = [400, 405, 406, 411, 415, 501];
/** What a registry's disk gives at least. */
const SLOWEST_BYTES_PER_S = 10 * 2 ** 20;
const OCTETS = 'application/octet-stream';

/** Where an upload goes on. */
interface Upload {
  url: URL;
  /** `OCI-Chunk-Min-Length`, bytes of every piece but the last. */
  leastBytes: number;
}

/**
 * Sends a blob that is not there: mounted from another repository where the registry can, else in one request, or in
 * pieces where it is long. After a cut the registry is asked how much it has, and gets the rest.
 * @throws SAME1801 after five tries in vain · SAME1806 it is refused
 */
export async function uploadBlob(
  place: RepositoryPlace,
  blob: Descriptor,
  open: OpenBlob,
  { mountFrom }: { mountFrom?: string } = {},
): Promise<Placed> {
  let upload = await begin(place, blob, mountFrom);
  if (!upload) return 'mounted';
  let inPieces = blob.size > Math.max(place.chunkBytes, upload.leastBytes);
  await using reader = new BlobReader(open, blob.size);
  for (let tries = 1; ; tries++) {
    try {
      const isDone = inPieces
        ? await sendPieces(place, blob, upload, reader)
        : await sendWhole(place, blob, upload, reader);
      if (isDone) return 'uploaded';
      // It takes no pieces, or lost those it had.
      inPieces &&= isDone === undefined;
    } catch (error) {
      reader.throwIfFailed();
      // Pieces have had their tries.
      if (inPieces || !isCut(error) || tries === TRIES) throw error;
      await place.session.pause(tries);
      // What was cut may have been the answer only.
      if (await isThere(place, blob)) return 'uploaded';
    }
    if (tries === TRIES) throw lost(place, blob);
    upload = (await begin(place, blob))!;
  }
}

/** @returns undefined when it was mounted */
async function begin(
  place: RepositoryPlace,
  blob: Descriptor,
  mountFrom?: string,
): Promise<Upload | undefined> {
  const uploads = `/v2/${place.address.repository}/blobs/uploads/`;
  const mounting = mountFrom !== undefined && mountFrom !== place.address.repository;
  let answer: RegistryAnswer;
  try {
    answer = await place.session.ask({
      method: 'POST',
      url: mounting ? `${uploads}?mount=${blob.digest}&from=${encodeURIComponent(mountFrom)}` : uploads,
      headers: { 'content-length': '0' },
      scopes: mounting ? [...place.push, `repository:${mountFrom}:pull`] : place.push,
      expect: mounting ? [201, 202] : [202],
    });
  } catch (error) {
    // Not allowed to look into the other repository, or no mounting here.
    const refused = error instanceof SameError && /^SAME180[236]$/.test(error.code);
    if (mounting && refused) return begin(place, blob);
    throw error;
  }
  discard(answer.body);
  if (answer.status === 201) return undefined;
  const url = locationOf(answer);
  if (!url) {
    throw new SameError({
      code: 'SAME1801',
      message: `writing to ${place.label}: the registry takes an upload and does not say where`,
    });
  }
  return { url, leastBytes: Number(answer.headers['oci-chunk-min-length']) || 0 };
}

/** @returns true when the registry has all of it, undefined when it lost the upload */
async function sendWhole(
  place: RepositoryPlace,
  blob: Descriptor,
  { url }: Upload,
  reader: BlobReader,
): Promise<true | undefined> {
  return put(place, blob, url, { sizeBytes: blob.size, open: () => reader.take(0, blob.size) });
}

/** @returns true when the registry has all of it, false when it takes no pieces, undefined when it lost the upload */
async function sendPieces(
  place: RepositoryPlace,
  blob: Descriptor,
  upload: Upload,
  reader: BlobReader,
): Promise<boolean | undefined> {
  let { url } = upload;
  let at = 0;
  let most = 0;
  let tries = 0;
  const pieceBytes = Math.max(place.chunkBytes, upload.leastBytes);
  while (at < blob.size) {
    const before = at;
    const sizeBytes = Math.min(pieceBytes, blob.size - at);
    let answer: RegistryAnswer | undefined;
    try {
      answer = await place.session.ask({
        method: 'PATCH',
        url,
        headers: { 'content-type': OCTETS, 'content-range': `${at}-${at + sizeBytes - 1}` },
        body: { sizeBytes, open: () => reader.take(before, sizeBytes) },
        scopes: place.push,
        expect: [200, 201, 202, 204, 404, 416, ...NO_PIECES],
        again: false,
      });
      discard(answer.body);
    } catch (error) {
      reader.throwIfFailed();
      if (!isCut(error) || tries === TRIES) throw error;
      await place.session.pause(++tries);
    }
    if (answer && answer.status < 300) {
      url = locationOf(answer) ?? url;
      at = receivedOf(answer) ?? at + sizeBytes;
      if (at > before + sizeBytes) throw wrongRange(place, blob, at);
    } else if (answer?.status === 404) {
      // What was begun a moment ago is not lost: there are hosts that say so of pieces.
      return at === 0 ? false : undefined;
    } else if (answer && answer.status !== 416) {
      return false;
    } else {
      const now = await progress(place, url);
      // One that refuses the very place where it says to go on has lost count: of one byte it says what it says of none.
      if (!now || now.at > blob.size || (answer && now.at === before)) return undefined;
      ({ at, url } = now);
    }
    // One that goes back and forth comes no further, however much it takes.
    if (at > most) [most, tries] = [at, 0];
    else if (answer && at <= before && ++tries > TRIES) throw lost(place, blob);
  }
  return finish(place, blob, url);
}

/**
 * Ends an upload, with all of a blob or after its pieces.
 * @returns true when the registry has the blob, undefined when it lost the upload
 */
async function put(
  place: RepositoryPlace,
  blob: Descriptor,
  url: URL,
  whole?: RegistryRequest['body'],
): Promise<true | undefined> {
  const { status, headers, body } = await place.session.ask({
    method: 'PUT',
    url: withDigest(url, blob),
    headers: whole ? { 'content-type': OCTETS } : { 'content-length': '0' },
    ...(whole ? { body: whole } : {}),
    scopes: place.push,
    expect: [200, 201, 202, 204, 404],
    again: false,
    patienceMs: hashingMs(blob),
  });
  discard(body);
  if (status === 404) return undefined;
  refuseOtherDigest(place, blob.digest, headers['docker-content-digest']);
  return true;
}

/** @returns true when the registry has the blob, undefined when it lost the upload */
async function finish(place: RepositoryPlace, blob: Descriptor, to: URL): Promise<true | undefined> {
  let url = to;
  for (let tries = 1; ; tries++) {
    try {
      return await put(place, blob, url);
    } catch (error) {
      if (!isCut(error) || tries === TRIES) throw error;
      await place.session.pause(tries);
    }
    // What was cut may have been the answer only; else all the bytes are there, and need not be sent again.
    if (await isThere(place, blob)) return true;
    const now = await progress(place, url);
    if (now?.at !== blob.size) return undefined;
    ({ url } = now);
  }
}

/** How much longer an answer may take while a registry reads all of a blob once more. */
function hashingMs({ size }: Descriptor): number {
  return (size / SLOWEST_BYTES_PER_S) * 1000;
}

async function isThere(place: RepositoryPlace, blob: Descriptor): Promise<boolean> {
  const { status, body } = await place.session.ask({
    method: 'HEAD',
    url: `/v2/${place.address.repository}/blobs/${blob.digest}`,
    scopes: place.pull,
    expect: [200, 404],
  });
  body.destroy();
  return status === 200;
}

function wrongRange(place: RepositoryPlace, blob: Descriptor, at: number): SameError {
  return new SameError({
    code: 'SAME1801',
    message: `writing to ${place.label}: the registry says that it has ${at} bytes of ${blob.digest}, more than were sent`,
    place: blob.digest,
    hint: 'tell whoever runs the registry; nothing points at what it stored',
  });
}

function lost(place: RepositoryPlace, blob: Descriptor): SameError {
  return new SameError({
    code: 'SAME1801',
    message: `writing to ${place.label}: the registry lost the upload of ${blob.digest} ${TRIES} times`,
    place: blob.digest,
    hint: 'push again: what is there already is not sent again',
  });
}
