import { promisify } from 'node:util';
import {
  constants,
  crc32,
  createInflateRaw,
  createZstdDecompress,
  deflateRaw,
  deflateRawSync,
  type ZlibOptions,
} from 'node:zlib';
import { SameError } from '../errors/same-error.ts';
import type { Limits } from './oci.ts';

const deflate = promisify<Buffer, ZlibOptions, Buffer>(deflateRaw);

/** Blocks are compressed apart, so the file does not depend on how the chunks arrive. */
const BLOCK_BYTES = 2 ** 20;
const SAMPLE_BYTES = 16 * 1024;
/** Most that one stored block of deflate holds. */
const STORED_BYTES = 65_535;
/** Blocks compressed at once: node's pool has four threads. */
const AT_ONCE = 4;
/** Bytes unpacked before the ratio is looked at. */
const RATIO_FROM_BYTES = 2 ** 20;

/**
 * Gzip as the envelope of a bundle: one member, MTIME 0, no name, OS 255.
 *
 * Level 1, since deflate is the wall of export: source code packs at 155 MB a second of CPU against 42 at level 6, for a
 * file a quarter larger. What hardly shrinks (weights, images) packs at 40 at any level, so a block whose first bytes
 * gain less than a tenth is stored. So is a block that would take the file near the ratio at which readers see a bomb.
 */
export async function* gzip(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  yield Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255]);
  let crc = 0;
  let inBytes = 0;
  let outBytes = 0;
  const running: { packed: Promise<Buffer>; raw: Buffer }[] = [];
  async function finishOne(): Promise<Buffer> {
    const { packed, raw } = running.shift()!;
    let out = await packed;
    inBytes += raw.length;
    if (inBytes > RATIO_FROM_BYTES && inBytes > 500 * (outBytes + out.length)) out = stored(raw);
    outBytes += out.length;
    return out;
  }
  for await (const block of blocksOf(chunks)) {
    crc = crc32(block, crc);
    running.push({ packed: pack(block), raw: block });
    // Someone must look at each promise even when this generator is left early.
    running.at(-1)!.packed.catch(() => {});
    if (running.length >= AT_ONCE) yield await finishOne();
  }
  while (running.length > 0) yield await finishOne();
  const trailer = Buffer.alloc(10);
  // An empty final block ends the deflate stream.
  trailer.set([3, 0]);
  trailer.writeUInt32LE(crc, 2);
  trailer.writeUInt32LE(inBytes % 2 ** 32, 6);
  yield trailer;
}

async function pack(block: Buffer): Promise<Buffer> {
  const sample = block.subarray(0, SAMPLE_BYTES);
  if (deflateRawSync(sample, { level: 1 }).length > sample.length * 0.9) return stored(block);
  return deflate(block, { level: 1, finishFlush: constants.Z_SYNC_FLUSH, chunkSize: BLOCK_BYTES / 2 });
}

/** Bytes as stored blocks of deflate, which end on a byte boundary. */
function stored(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += STORED_BYTES) {
    const piece = bytes.subarray(at, at + STORED_BYTES);
    const header = Buffer.alloc(5);
    header.writeUInt16LE(piece.length, 1);
    header.writeUInt16LE(piece.length ^ 0xffff, 3);
    pieces.push(header, piece);
  }
  return Buffer.concat(pieces);
}

async function* blocksOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  let block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  let used = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const length = Math.min(BLOCK_BYTES - used, chunk.length - at);
      block.set(chunk.subarray(at, at + length), used);
      used += length;
      at += length;
      if (used < BLOCK_BYTES) continue;
      yield block;
      block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      used = 0;
    }
  }
  if (used > 0) yield block.subarray(0, used);
}

/** How the file of a bundle is packed. */
export type Envelope = 'gzip' | 'zstd' | 'tar';

/**
 * Unpacks a bundle file, gzip, zstd or plain tar by its first bytes.
 * @throws SAME1306 none of them · SAME1302 damaged, cut short, or followed by more · SAME1304 packed too tightly
 */
export async function* unpack(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  limits: Limits,
): AsyncGenerator<Buffer, void, undefined> {
  const input = new PrefixedSource(source);
  try {
    const head = await input.peek(512);
    if (head[0] === 0x1f && head[1] === 0x8b) yield* gunzip(input, limits);
    else if (head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528) yield* unzstd(input, limits);
    else if (head.length >= 512 && head.toString('latin1', 257, 262) === 'ustar') yield* input.rest();
    else {
      throw new SameError({
        code: 'SAME1306',
        message: 'the file is no bundle: neither gzip nor zstd nor tar',
        hint: 'a bundle is made with: same export -n NAME:VERSION',
      });
    }
  } finally {
    await input.close();
  }
}

async function* gunzip(input: PrefixedSource, limits: Limits): AsyncGenerator<Buffer, void, undefined> {
  await skipGzipHeader(input);
  const inflater = createInflateRaw({ chunkSize: 256 * 1024 });
  const feeder = feed(input, inflater);
  let crc = 0;
  let outBytes = 0;
  try {
    for await (const chunk of inflater as AsyncIterable<Buffer>) {
      crc = crc32(chunk, crc);
      outBytes += chunk.length;
      checkRatio(outBytes, input.takenBytes, limits);
      yield chunk;
    }
  } catch (error) {
    throw damaged(error);
  }
  const fed = await feeder;
  // What the inflater did not take: the trailer of eight bytes, which may still be partly unread.
  const after = [fed.last.subarray(fed.last.length - (fed.bytes - inflater.bytesWritten))];
  for await (const chunk of input.rest()) {
    after.push(chunk);
    if (after.reduce((sum, { length }) => sum + length, 0) > 8) break;
  }
  const trailer = Buffer.concat(after);
  if (trailer.length > 8) throw refused('the file goes on after its gzip member');
  if (trailer.length < 8) throw refused('the file is cut short');
  if (trailer.readUInt32LE(0) !== crc || trailer.readUInt32LE(4) !== outBytes % 2 ** 32) {
    throw refused('the checksum of the gzip member does not match');
  }
}

async function* unzstd(input: PrefixedSource, limits: Limits): AsyncGenerator<Buffer, void, undefined> {
  const decompressor = createZstdDecompress({ chunkSize: 256 * 1024 });
  const feeder = feed(input, decompressor);
  let outBytes = 0;
  try {
    for await (const chunk of decompressor as AsyncIterable<Buffer>) {
      outBytes += chunk.length;
      checkRatio(outBytes, input.takenBytes, limits);
      yield chunk;
    }
  } catch (error) {
    throw damaged(error);
  }
  const fed = await feeder;
  if (fed.bytes !== decompressor.bytesWritten || (await input.peek(1)).length > 0) {
    throw refused('the file goes on after its zstd frame');
  }
}

/** Gives a decompressor its input piece by piece until either has ended; errors come out of the decompressor. */
async function feed(
  input: PrefixedSource,
  stream: ReturnType<typeof createInflateRaw> | ReturnType<typeof createZstdDecompress>,
): Promise<{ bytes: number; last: Buffer }> {
  let bytes = 0;
  let last: Buffer = Buffer.alloc(0);
  try {
    for (;;) {
      if (stream.destroyed || stream.readableEnded) break;
      const chunk = await input.next();
      if (!chunk) break;
      bytes += chunk.length;
      last = chunk;
      await new Promise<void>((done) => {
        stream.once('close', done);
        stream.write(chunk, () => {
          stream.off('close', done);
          done();
        });
      });
      // The compressed stream ended inside this chunk.
      if (stream.bytesWritten < bytes) break;
    }
    stream.end();
  } catch (error) {
    stream.destroy(error as Error);
  }
  return { bytes, last };
}

async function skipGzipHeader(input: PrefixedSource): Promise<void> {
  const fixed = await input.take(10);
  const flags = fixed[3]!;
  if (fixed[2] !== 8 || (flags & 0xe0) !== 0) throw refused('the gzip header is not valid');
  if (flags & 4) await input.take((await input.take(2)).readUInt16LE(0));
  for (const flag of [8, 16]) {
    if (!(flags & flag)) continue;
    for (let length = 0; (await input.take(1))[0] !== 0; length++) {
      if (length > 4096) throw refused('the gzip header is too long');
    }
  }
  if (flags & 2) await input.take(2);
}

function checkRatio(outBytes: number, inBytes: number, { ratio }: Limits): void {
  if (outBytes <= RATIO_FROM_BYTES || outBytes <= ratio * inBytes) return;
  throw new SameError({
    code: 'SAME1304',
    message: `the file unpacks to more than ${ratio} times its size`,
  });
}

/** A source of chunks that can be looked into before it is read on. */
class PrefixedSource {
  readonly #chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #head: Buffer = Buffer.alloc(0);
  /** Bytes handed out so far. */
  takenBytes = 0;

  constructor(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.#chunks =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  /** Up to `length` bytes, which stay. */
  async peek(length: number): Promise<Buffer> {
    while (this.#head.length < length) {
      const { value, done } = await this.#chunks.next();
      if (done) break;
      this.#head = Buffer.concat([this.#head, value]);
    }
    return this.#head.subarray(0, length);
  }

  /** Exactly `length` bytes. @throws SAME1302 */
  async take(length: number): Promise<Buffer> {
    const bytes = await this.peek(length);
    if (bytes.length < length) throw refused('the file is cut short');
    this.#head = this.#head.subarray(length);
    this.takenBytes += length;
    return bytes;
  }

  /** The next chunk, or undefined at the end. */
  async next(): Promise<Buffer | undefined> {
    await this.peek(1);
    if (this.#head.length === 0) return undefined;
    return this.take(this.#head.length);
  }

  /** Lets go of the source. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  /** All that follows. */
  async *rest(): AsyncGenerator<Buffer, void, undefined> {
    for (let chunk = await this.next(); chunk; chunk = await this.next()) yield chunk;
  }
}

function damaged(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  // Only the decompressor's own complaints; the source's errors pass.
  if (!/^(Z_|ZSTD_|ERR_ZSTD)/.test(String(code))) return error;
  return refused(
    code === 'Z_BUF_ERROR' ? 'the file is cut short' : 'the compressed bytes are damaged',
    error,
  );
}

function refused(message: string, cause?: unknown): SameError {
  return new SameError({ code: 'SAME1302', message }, { cause });
}
