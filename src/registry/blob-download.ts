import { createHash } from 'node:crypto';
import type { Descriptor } from '../bundle/oci.ts';
import { SameError } from '../errors/same-error.ts';
import { otherBytes, type RepositoryPlace } from './repository-place.ts';
import type { RegistryAnswer } from './session.ts';

/** How often in a row it goes on after a cut that brought next to nothing. */
const TRIES = 5;
/** What a connection has to bring to be worth the next one. */
const PROGRESS_BYTES = 64 * 1024;

/**
 * The bytes of a blob from an offset on; after a cut the rest is asked for by `Range`.
 * @throws SAME1305 not there · SAME1301 too short, too long, or, read from its start, other bytes than the digest's
 */
export async function* downloadBlob(
  place: RepositoryPlace,
  blob: Descriptor,
  startBytes = 0,
  { checked = true }: { checked?: boolean } = {},
): AsyncGenerator<Buffer, void, undefined> {
  const hash = checked && startBytes === 0 ? createHash('sha256') : undefined;
  let at = startBytes;
  let tries = 0;
  while (at < blob.size || (blob.size === 0 && tries === 0)) {
    const before = at;
    let cause: unknown;
    try {
      const { body, skipBytes } = await ask(place, blob, at);
      let skip = skipBytes;
      for await (const chunk of body as AsyncIterable<Buffer>) {
        const piece = skip === 0 ? chunk : chunk.subarray(skip);
        skip = Math.max(0, skip - chunk.length);
        if (piece.length === 0) continue;
        if (at + piece.length > blob.size) throw otherSize(place, blob, `more than ${blob.size}`);
        at += piece.length;
        hash?.update(piece);
        yield piece;
      }
    } catch (error) {
      if (!isCut(error)) throw error;
      cause = error;
    }
    if (at >= blob.size) break;
    if (at - before >= PROGRESS_BYTES) tries = 0;
    if (++tries >= TRIES) throw cause ?? otherSize(place, blob, at);
    await place.session.pause(tries);
  }
  const got = hash && `sha256:${hash.digest('hex')}`;
  if (got !== undefined && got !== blob.digest) throw otherBytes(place, blob.digest, got);
}

async function ask(
  place: RepositoryPlace,
  blob: Descriptor,
  at: number,
): Promise<{ body: RegistryAnswer['body']; skipBytes: number }> {
  const { status, headers, body } = await place.session.ask({
    method: 'GET',
    url: `/v2/${place.address.repository}/blobs/${blob.digest}`,
    // With its end: there are registries that take no other range.
    ...(at > 0 ? { headers: { range: `bytes=${at}-${blob.size - 1}` } } : {}),
    scopes: place.pull,
    expect: [200, 206, 404, 416],
  });
  const refused = (error: SameError) => {
    body.destroy();
    return error;
  };
  if (status === 404) {
    throw refused(
      new SameError({
        code: 'SAME1305',
        message: `reading from ${place.label}: there is no ${blob.digest}`,
        place: blob.digest,
        hint: 'whoever pushed it has to push it again',
      }),
    );
  }
  if (status === 416) throw refused(otherSize(place, blob, `no more than ${at}`));
  // A server may ignore the range, and sends all of it.
  const skipBytes = status === 206 ? 0 : at;
  if (status === 206 && !new RegExp(`^bytes ${at}-`).test(headers['content-range'] ?? '')) {
    const said = JSON.stringify(headers['content-range'] ?? '');
    throw refused(
      new SameError({
        code: 'SAME1801',
        message: `reading from ${place.label}: asked for ${blob.digest} from byte ${at} on, it answers with ${said}`,
      }),
    );
  }
  const length = headers['content-length'];
  const expected = blob.size - at + skipBytes;
  if (length !== undefined && Number(length) !== expected)
    throw refused(otherSize(place, blob, at - skipBytes + Number(length)));
  return { body, skipBytes };
}

/** Whether an exchange ended in a way after which asking again helps, and was not asked again often enough already. */
export function isCut(error: unknown): boolean {
  if (!(error instanceof SameError) || error.code !== 'SAME1801') return false;
  const { retry, why } = error.details;
  return retry === true || (retry === undefined && (why === 'cut' || why === 'slow'));
}

function otherSize(place: RepositoryPlace, blob: Descriptor, got: number | string): SameError {
  return otherBytes(place, `${blob.digest} of ${blob.size} bytes`, `${got} bytes`);
}
