import { crc32, createInflateRaw, createZstdDecompress } from 'node:zlib';
import type { SameError } from '../errors/same-error.ts';
import type { Limits } from './oci.ts';
import { overLimit, refusal } from './refusal.ts';

/** Bytes unpacked before the ratio is looked at. */
const RATIO_FROM_BYTES = 2 ** 20;

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
      throw refusal('SAME-BND-036', 'the file is no bundle: neither gzip nor zstd nor tar', {
        code: 'SAME1306',
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
  throw overLimit('ratio', `the file unpacks to more than ${ratio} times its size`);
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
      this.#head = this.#head.length === 0 ? bufferOf(value) : Buffer.concat([this.#head, value]);
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

/** The same memory as a buffer. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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
  return refusal('SAME-BND-024', message, { cause });
}
