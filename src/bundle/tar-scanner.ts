import type { ErrorCode } from '../errors/catalogue.ts';
import { LIMITS, type Limits } from './oci.ts';
import { checkPath, comparePaths, overPathLimit, PathSet } from './portable-path.ts';
import { overLimit, type Report, refusal, stopAtFirst } from './refusal.ts';
import {
  BLOCK,
  hasChecksum,
  headerFault,
  paddingOf,
  type RawHeader,
  readHeaderBlock,
  readPax,
  tarHeader,
} from './tar-header.ts';

/** A regular file of a tar, without its bytes. */
export interface TarEntry {
  path: string;
  executable: boolean;
  sizeBytes: number;
  /** Where its bytes start in the tar. */
  offset: number;
}

/** What a {@link TarScanner} meets, in order: an entry, then its bytes in pieces. */
export type TarEvent = { entry: TarEntry } | { entry?: undefined; data: Buffer };

/** How strict a scan is. */
export interface TarRules {
  /** Entries must be in the order of their paths' UTF-8 bytes (layers; the outer file has its own order). */
  sorted?: boolean;
  /** How messages call the tar. */
  label?: string;
  limits?: Partial<Limits>;
  /** The clause that says how it ends. */
  endClause?: string;
  /** Where problems go after which the scan can go on; by default the first one ends it. */
  report?: Report;
}

/**
 * Reads `same-tar/v1` from chunks of any size in constant memory and refuses whatever a canonical writer would not
 * have written: each header is rebuilt from what it says and compared byte for byte (spec chapter bundle).
 */
export class TarScanner {
  readonly #sorted: boolean;
  readonly #label: string;
  readonly #limits: Limits;
  readonly #endClause: string;
  readonly #report: Report;
  readonly #paths = new PathSet();
  #pending: Buffer = Buffer.alloc(0);
  #offset = 0;
  #body = 0;
  #padding = 0;
  #entries = 0;
  #unpackedBytes = 0;
  #last: string | undefined;
  #zeroBlocks = 0;
  /** Whether the entry at hand is one that was refused: its bytes are passed over. */
  #refused = false;
  #ended = false;

  constructor(rules: TarRules = {}) {
    this.#sorted = rules.sorted ?? true;
    this.#label = rules.label ?? 'tar';
    this.#limits = { ...LIMITS, ...rules.limits };
    this.#endClause = rules.endClause ?? 'SAME-BND-008';
    this.#report = rules.report ?? stopAtFirst;
  }

  /** Takes the next bytes. @throws SAME1302 not canonical · SAME1303 refused entry · SAME1304 over a limit */
  *feed(chunk: Uint8Array): Generator<TarEvent, void, undefined> {
    let bytes = Buffer.isBuffer(chunk)
      ? chunk
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#pending.length > 0) bytes = Buffer.concat([this.#pending, bytes]);
    let at = 0;
    while (at < bytes.length && !this.#ended) {
      if (this.#body > 0) {
        const data = bytes.subarray(at, at + Math.min(this.#body, bytes.length - at));
        this.#body -= data.length;
        at += data.length;
        this.#offset += data.length;
        if (!this.#refused) yield { data };
      } else if (this.#padding > 0) {
        const length = Math.min(this.#padding, bytes.length - at);
        if (!isZero(bytes, at, length)) this.#problem('SAME-BND-008', 'padding is not zero');
        this.#padding -= length;
        at += length;
        this.#offset += length;
      } else {
        const entry = this.#header(bytes.subarray(at));
        if (entry === undefined) break;
        at += entry.length;
        this.#offset += entry.length;
        if (entry.header) yield { entry: { ...entry.header, offset: this.#offset } };
      }
    }
    // A copy: the chunk may be used again for the next one.
    this.#pending = this.#ended ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
  }

  /** Says that no bytes follow. @throws SAME1302 when the tar is cut short */
  finish(): void {
    if (this.#ended || (this.#zeroBlocks === 2 && this.#pending.length === 0)) return;
    throw this.#refusal(this.#endClause, `is cut short after ${this.#offset} bytes`);
  }

  /** @returns how long the header is and what it says, or undefined when more bytes are needed. */
  #header(bytes: Buffer): { length: number; header?: Omit<TarEntry, 'offset'> } | undefined {
    if (this.#zeroBlocks === 2) return this.#end(bytes, 'has bytes after its end');
    if (bytes.length < BLOCK) return undefined;
    if (bytes[0] === 0 && isZero(bytes, 0, BLOCK)) {
      this.#zeroBlocks++;
      return { length: BLOCK };
    }
    if (this.#zeroBlocks > 0) return this.#end(bytes, 'has an entry after its end');
    const first = readHeaderBlock(bytes);
    if (first.type === '0') return this.#entry(first.name, first, bytes.subarray(0, BLOCK));
    if (first.type !== 'x') return this.#otherType(first, first.name, bytes.subarray(0, BLOCK));
    if (first.sizeBytes > this.#limits.paxBytes || !first.isSized) {
      this.#insistOnChecksum(bytes.subarray(0, BLOCK));
      if (!first.isSized) throw this.#refusal('SAME-BND-005', 'has a PAX header without a size');
      const message = `has a PAX header of ${first.sizeBytes} bytes, over ${this.#limits.paxBytes}`;
      throw overLimit('paxBytes', `${this.#label}: ${message}`);
    }
    const blockAt = BLOCK + first.sizeBytes + paddingOf(first.sizeBytes);
    if (bytes.length < blockAt + BLOCK) return undefined;
    const raw = bytes.subarray(0, blockAt + BLOCK);
    const pax = readPax(bytes.subarray(BLOCK, BLOCK + first.sizeBytes));
    const block = raw.subarray(blockAt);
    const second = readHeaderBlock(block);
    const path = pax?.path === undefined ? second.name : pax.path;
    if (second.type !== '0' && second.type !== 'x') return this.#otherType(second, path ?? '', raw);
    if (!pax || second.type === 'x') this.#insistOnChecksum(raw);
    if (!pax) throw this.#refusal('SAME-BND-006', 'has a PAX header with other records than path and size');
    if (second.type === 'x') throw this.#refusal('SAME-BND-006', 'has two PAX headers for one entry');
    return this.#entry(path, { ...second, sizeBytes: pax.sizeBytes ?? second.sizeBytes }, raw);
  }

  /** Checks in the order of SAME-BND-052. */
  #entry(path: string | null, { executable, sizeBytes, isSized }: RawHeader, raw: Buffer) {
    const length = raw.length;
    const because = path === null ? 'is not valid UTF-8' : checkPath(path);
    this.#body = sizeBytes;
    this.#padding = paddingOf(sizeBytes);
    this.#refused = false;
    if (path === null || because) {
      this.#believe(
        raw,
        this.#refusal('SAME-BND-033', `path ${JSON.stringify(path)} ${because}`, 'SAME1303'),
      );
      this.#refused = true;
      return { length };
    }
    const over = overPathLimit(path, this.#limits);
    if (over) {
      const shown = JSON.stringify(path.slice(0, 100));
      this.#believe(raw, overLimit(over.limit, `${this.#label}: path ${shown}… ${over.because}`));
      this.#refused = true;
      return { length };
    }
    const expected = tarHeader(path, executable, sizeBytes);
    const inForm = expected.equals(raw);
    if (!inForm && !isSized) {
      this.#insistOnChecksum(raw);
      throw this.#headerProblem(path, expected, raw);
    }
    if (!inForm) this.#believe(raw, this.#headerProblem(path, expected, raw));
    const inPlace = !this.#sorted || this.#last === undefined || comparePaths(this.#last, path) <= 0;
    if (inForm && !inPlace) {
      this.#problem('SAME-BND-003', `${path} comes after ${this.#last}: entries are not sorted`);
    }
    const collision = this.#paths.add(path);
    if (collision) {
      if (inForm && inPlace) this.#problem('SAME-BND-033', `path ${path} ${collision}`, 'SAME1303');
      this.#refused = true;
    }
    if (++this.#entries > this.#limits.entries) {
      throw overLimit('entries', `${this.#label}: has more than ${this.#limits.entries} entries`);
    }
    this.#unpackedBytes += sizeBytes;
    if (this.#unpackedBytes > this.#limits.unpackedBytes) {
      throw overLimit(
        'unpackedBytes',
        `${this.#label}: unpacks to more than ${this.#limits.unpackedBytes} bytes`,
      );
    }
    this.#last = path;
    return this.#refused ? { length } : { length, header: { path, executable, sizeBytes } };
  }

  #headerProblem(path: string, expected: Buffer, raw: Buffer) {
    if (expected.length !== raw.length || !expected.subarray(0, -BLOCK).equals(raw.subarray(0, -BLOCK))) {
      const what = raw.length === BLOCK ? 'needs a PAX header' : 'has another PAX header than it needs';
      return this.#refusal('SAME-BND-006', `${path} ${what}`);
    }
    const { clause, what } = headerFault(raw.subarray(-BLOCK), expected.subarray(-BLOCK), raw.length > BLOCK);
    return this.#refusal(clause, `header of ${path} is not in the form of same-tar/v1: its ${what}`);
  }

  #otherType({ type, sizeBytes }: RawHeader, name: string, raw: Buffer) {
    const what = entryTypes[type] ?? 'an unknown kind of entry';
    const message = `${JSON.stringify(name)} is ${what}; only regular files are allowed`;
    this.#believe(raw, this.#refusal('SAME-BND-033', message, 'SAME1303'));
    this.#refused = true;
    this.#body = sizeBytes;
    this.#padding = paddingOf(sizeBytes);
    return { length: raw.length };
  }

  /** Reports a problem of a header, unless it is none: then its size cannot be believed and nothing more is read. */
  #believe(raw: Buffer, problem: ReturnType<typeof refusal>): void {
    this.#insistOnChecksum(raw);
    this.#report(problem);
  }

  /** Summed only where something else is wrong: what is as it would be written has its checksum. */
  #insistOnChecksum(raw: Buffer): void {
    if (hasChecksum(raw.subarray(0, BLOCK)) && hasChecksum(raw.subarray(-BLOCK))) return;
    throw this.#refusal('SAME-BND-005', `has a header at ${this.#offset} whose checksum is wrong`);
  }

  #end(bytes: Buffer, message: string) {
    this.#problem(this.#endClause, message);
    this.#ended = true;
    return { length: bytes.length };
  }

  #problem(clause: string, message: string, code?: ErrorCode): void {
    this.#report(this.#refusal(clause, message, code));
  }

  #refusal(clause: string, message: string, code: ErrorCode = 'SAME1302') {
    return refusal(clause, `${this.#label}: ${message}`, { code });
  }
}

const entryTypes: Record<string, string> = {
  '\0': 'a file of the old tar format',
  '1': 'a hard link',
  '2': 'a symbolic link',
  '3': 'a device',
  '4': 'a device',
  '5': 'a directory',
  '6': 'a named pipe',
  '7': 'a contiguous file',
  D: 'a GNU directory dump',
  g: 'a global PAX header',
  K: 'a GNU long link',
  L: 'a GNU long name',
  M: 'a file split over volumes',
  S: 'a sparse file',
};

const zeros = Buffer.alloc(BLOCK);

function isZero(bytes: Buffer, at: number, length: number): boolean {
  return bytes.compare(zeros, 0, length, at, at + length) === 0;
}
