import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { BlobId, ContentStore } from './content-store.ts';
import { mismatch, missing, tooLarge } from './digest.ts';

/** A content store in memory, for tests and for looking into small bundles. */
export function openMemoryContentStore(): ContentStore {
  const blobs = new Map<string, Buffer>();
  const get = (digest: string): Buffer => {
    const bytes = blobs.get(digest);
    if (!bytes) throw missing(digest);
    const got = digestOf(bytes);
    if (got !== digest) throw mismatch(digest, got);
    return bytes;
  };
  const put = (bytes: Buffer, expected?: BlobId): BlobId => {
    const id = { digest: digestOf(bytes), sizeBytes: bytes.length };
    if (expected && (expected.digest !== id.digest || expected.sizeBytes !== id.sizeBytes)) {
      throw mismatch(`${expected.digest} of ${expected.sizeBytes} bytes`, `${id.digest} of ${id.sizeBytes}`);
    }
    blobs.set(id.digest, bytes);
    return id;
  };
  return {
    has: async (digest) => blobs.has(digest),
    size: async (digest) => blobs.get(digest)?.length,
    async read(digest, limitBytes = 4 * 2 ** 20) {
      const bytes = get(digest);
      if (bytes.length > limitBytes) throw tooLarge(digest, bytes.length, limitBytes);
      return Buffer.from(bytes);
    },
    stream: async (digest) => Readable.from([Buffer.from(get(digest))], { objectMode: false }),
    write: async (bytes) => put(Buffer.from(bytes)),
    async ingest(chunks, expected) {
      const pieces: Uint8Array[] = [];
      let sizeBytes = 0;
      for await (const chunk of chunks) {
        sizeBytes += chunk.length;
        if (expected && sizeBytes > expected.sizeBytes) {
          throw mismatch(`${expected.digest} of ${expected.sizeBytes} bytes`, 'more bytes');
        }
        // A source may use its memory again.
        pieces.push(Uint8Array.from(chunk));
      }
      return put(Buffer.concat(pieces), expected);
    },
  };
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
