import { constants, crc32, deflateRawSync, zstdCompressSync } from 'node:zlib';
import type { Envelope, Patch } from './archive-description.ts';
import { bytesOf } from './tar-bytes.ts';

/** A tar in its envelope. */
export function packed(tar: Buffer, envelope: Envelope): Buffer {
  if (envelope.form === 'tar') return tar;
  if (envelope.form === 'zstd') {
    return zstdCompressSync(tar, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  }
  const { level = 9, flags = 0, mtime = 0, os = 255, fields, crc, size } = envelope;
  const header = Buffer.from([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, os]);
  header.writeUInt32LE(mtime, 4);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(tar), 0);
  trailer.writeUInt32LE(tar.length, 4);
  if (crc) bytesOf(crc).copy(trailer, 0, 0, 4);
  if (size) bytesOf(size).copy(trailer, 4, 0, 4);
  return Buffer.concat([
    header,
    fields ? bytesOf(fields) : Buffer.alloc(0),
    deflateRawSync(tar, { level }),
    trailer,
  ]);
}

/** Finished bytes with changes, in their order. @throws Error there is no such byte */
export function patched(bytes: Buffer, patches: readonly Patch[] = []): Buffer {
  let result = bytes;
  for (const patch of patches) {
    if ('append' in patch) result = Buffer.concat([result, bytesOf(patch.append)]);
    else if ('truncate' in patch) result = result.subarray(0, from(patch.truncate, result));
    else {
      result = Buffer.from(result);
      const at = from(patch.at, result);
      if (at >= result.length) throw new Error(`there is no byte ${patch.at}`);
      bytesOf(patch.bytes).copy(result, at);
    }
  }
  return result;
}

function from(at: number, bytes: Buffer): number {
  return at < 0 ? bytes.length + at : at;
}
