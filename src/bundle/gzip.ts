import { promisify } from 'node:util';
import { constants, crc32, deflateRaw, deflateRawSync, type ZlibOptions } from 'node:zlib';

const deflate = promisify<Buffer, ZlibOptions, Buffer>(deflateRaw);

/** Blocks lie on a grid of the input, so the file does not depend on how the chunks arrive. */
const BLOCK_BYTES = 2 ** 20;
/** Most that one stored block of deflate holds. */
const STORED_BYTES = 65_535;
/** Blocks compressed at once: node's pool has four threads. */
const AT_ONCE = 4;
/** Pieces of a block whose bytes are counted, and the length of each. */
const PROBES = 16;
const PROBE_BYTES = 256;
/** Bits a byte from which a block is taken for random without a trial; random bytes come out at 7.95. */
const RANDOM_BITS = 7.7;
/** Bytes of a block that are deflated on trial, and the part of them that must remain for it to be stored. */
const TRIAL_BYTES = 16 * 1024;
const TRIAL_RATIO = 0.9;
/** Half of what a reader takes for a bomb. */
const MOST_RATIO = 500;

/** One block of the grid, in the pieces in which it arrived. */
interface Block {
  pieces: Uint8Array[];
  sizeBytes: number;
}

/**
 * Gzip as the envelope of a bundle: one member, MTIME 0, no name, OS 255 (spec SAME-BND-023).
 *
 * Level 1, since deflate is the wall of export: source code packs at 155 MB a second of CPU against 42 at level 6, for a
 * file a quarter larger. What hardly shrinks (weights, images) packs at 40 at any level, so a block that looks random,
 * or whose first bytes gain less than a tenth, is stored: its bytes pass through without a copy. So is a block that
 * would take the file near the ratio at which readers see a bomb.
 *
 * Chunks must stay as they are until the generator has ended; so must what it yields.
 */
export async function* gzip(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  yield Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255]);
  let crc = 0;
  let inBytes = 0;
  let outBytes = 0;
  const running: { block: Block; deflated: Promise<Buffer> | undefined }[] = [];
  async function* finishOne(): AsyncGenerator<Uint8Array, void, undefined> {
    const { block, deflated } = running.shift()!;
    const out = await deflated;
    inBytes += block.sizeBytes;
    if (out && (inBytes <= BLOCK_BYTES || inBytes <= MOST_RATIO * (outBytes + out.length))) {
      outBytes += out.length;
      yield out;
      return;
    }
    outBytes += block.sizeBytes;
    yield* stored(block);
  }
  for await (const block of blocksOf(chunks)) {
    for (const piece of block.pieces) crc = crc32(piece, crc);
    const deflated = isDense(block) ? undefined : deflateBlock(block);
    // Someone must look at each promise even when this generator is left early.
    deflated?.catch(() => {});
    running.push({ block, deflated });
    while (running.length >= AT_ONCE || (running[0] && !running[0].deflated)) yield* finishOne();
  }
  while (running.length > 0) yield* finishOne();
  const trailer = Buffer.alloc(10);
  // An empty final block ends the deflate stream.
  trailer.set([3, 0]);
  trailer.writeUInt32LE(crc, 2);
  trailer.writeUInt32LE(inBytes % 2 ** 32, 6);
  yield trailer;
}

function deflateBlock({ pieces, sizeBytes }: Block): Promise<Buffer> {
  const whole = Buffer.concat(pieces, sizeBytes);
  return deflate(whole, { level: 1, finishFlush: constants.Z_SYNC_FLUSH, chunkSize: BLOCK_BYTES / 2 });
}

/** Whether deflate would gain too little to be worth its time. */
function isDense(block: Block): boolean {
  if (block.sizeBytes >= PROBES * PROBE_BYTES && bitsPerByte(block) >= RANDOM_BITS) return true;
  const trial = bytesAt(block, 0, TRIAL_BYTES);
  return deflateRawSync(trial, { level: 1 }).length > trial.length * TRIAL_RATIO;
}

/** Shannon's entropy of single bytes, over probes spread evenly. */
function bitsPerByte(block: Block): number {
  const counts = new Uint32Array(256);
  const stride = Math.floor(block.sizeBytes / PROBES);
  for (let probe = 0; probe < PROBES; probe++) {
    for (const byte of bytesAt(block, probe * stride, PROBE_BYTES)) counts[byte]!++;
  }
  const total = PROBES * PROBE_BYTES;
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= (count / total) * Math.log2(count / total);
  return bits;
}

/** Up to `length` bytes of a block from a place in it. */
function bytesAt({ pieces }: Block, start: number, length: number): Uint8Array {
  const found: Uint8Array[] = [];
  let at = 0;
  for (const piece of pieces) {
    const from = Math.max(start - at, 0);
    const to = Math.min(start + length - at, piece.length);
    if (from < to) found.push(piece.subarray(from, to));
    at += piece.length;
  }
  return found.length === 1 ? found[0]! : Buffer.concat(found);
}

/** A block as stored blocks of deflate, which end on a byte boundary. */
function* stored(block: Block): Generator<Uint8Array, void, undefined> {
  let left = block.sizeBytes;
  let room = 0;
  for (const piece of block.pieces) {
    for (let at = 0; at < piece.length; ) {
      if (room === 0) {
        room = Math.min(left, STORED_BYTES);
        const header = Buffer.alloc(5);
        header.writeUInt16LE(room, 1);
        header.writeUInt16LE(room ^ 0xffff, 3);
        yield header;
      }
      const part = piece.subarray(at, at + room);
      yield part;
      at += part.length;
      room -= part.length;
      left -= part.length;
    }
  }
}

async function* blocksOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Block, void, undefined> {
  let block: Block = { pieces: [], sizeBytes: 0 };
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + BLOCK_BYTES - block.sizeBytes);
      block.pieces.push(piece);
      block.sizeBytes += piece.length;
      at += piece.length;
      if (block.sizeBytes < BLOCK_BYTES) continue;
      yield block;
      block = { pieces: [], sizeBytes: 0 };
    }
  }
  if (block.sizeBytes > 0) yield block;
}
