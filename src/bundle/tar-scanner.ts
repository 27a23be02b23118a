import type { ErrorCode } from '../errors/catalogue.ts';
import { SameError } from '../errors/same-error.ts';
import { LIMITS, type Limits } from './oci.ts';
import { checkPath, comparePaths, PathSet } from './portable-path.ts';
import { BLOCK, paddingOf, readHeaderBlock, readPax, tarHeader } from './tar-header.ts';

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
}

/**
 * Reads `same-tar/v1` from chunks of any size in constant memory and refuses whatever a canonical writer would not
 * have written: each header is rebuilt from what it says and compared byte for byte (spec chapter bundle).
 */
export class TarScanner {
  readonly #sorted: boolean;
  readonly #label: string;
  readonly #limits: Limits;
  readonly #paths = new PathSet();
  #pending: Buffer = Buffer.alloc(0);
  #offset = 0;
  #body = 0;
  #padding = 0;
  #entries = 0;
  #unpackedBytes = 0;
  #last: string | undefined;
  #zeroBlocks = 0;

  constructor(rules: TarRules = {}) {
    this.#sorted = rules.sorted ?? true;
    this.#label = rules.label ?? 'tar';
    this.#limits = { ...LIMITS, ...rules.limits };
  }

  /** Takes the next bytes. @throws SAME1302 not canonical · SAME1303 refused entry · SAME1304 over a limit */
  *feed(chunk: Uint8Array): Generator<TarEvent, void, undefined> {
    let bytes = Buffer.isBuffer(chunk)
      ? chunk
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#pending.length > 0) bytes = Buffer.concat([this.#pending, bytes]);
    let at = 0;
    while (at < bytes.length) {
      if (this.#body > 0) {
        const data = bytes.subarray(at, at + Math.min(this.#body, bytes.length - at));
        this.#body -= data.length;
        at += data.length;
        this.#offset += data.length;
        yield { data };
      } else if (this.#padding > 0) {
        const length = Math.min(this.#padding, bytes.length - at);
        if (!isZero(bytes, at, length)) this.#refuse('SAME1302', 'padding is not zero');
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
    this.#pending = bytes.subarray(at);
  }

  /** Says that no bytes follow. @throws SAME1302 when the tar is cut short */
  finish(): void {
    if (this.#zeroBlocks !== 2 || this.#pending.length > 0) {
      this.#refuse('SAME1302', `is cut short after ${this.#offset} bytes`);
    }
  }

  /** @returns how long the header is and what it says, or undefined when more bytes are needed. */
  #header(bytes: Buffer): { length: number; header?: Omit<TarEntry, 'offset'> } | undefined {
    if (this.#zeroBlocks === 2) this.#refuse('SAME1302', 'has bytes after its end');
    if (bytes.length < BLOCK) return undefined;
    if (bytes[0] === 0 && isZero(bytes, 0, BLOCK)) {
      this.#zeroBlocks++;
      return { length: BLOCK };
    }
    if (this.#zeroBlocks > 0) this.#refuse('SAME1302', 'has an entry after its end');
    const first = readHeaderBlock(bytes);
    this.#checkType(first.type, first.name);
    if (first.type === '0')
      return this.#entry(first.name, first.executable, first.sizeBytes, bytes.subarray(0, BLOCK));
    if (first.sizeBytes > this.#limits.paxBytes) {
      this.#refuse('SAME1304', `has a PAX header of ${first.sizeBytes} bytes, over ${this.#limits.paxBytes}`);
    }
    const blockAt = BLOCK + first.sizeBytes + paddingOf(first.sizeBytes);
    if (bytes.length < blockAt + BLOCK) return undefined;
    const pax = readPax(bytes.subarray(BLOCK, BLOCK + first.sizeBytes));
    if (!pax) this.#refuse('SAME1302', 'has a PAX header with other records than path and size');
    const second = readHeaderBlock(bytes.subarray(blockAt, blockAt + BLOCK));
    this.#checkType(second.type, pax.path ?? second.name);
    if (second.type !== '0') this.#refuse('SAME1302', 'has two PAX headers for one entry');
    return this.#entry(
      pax.path ?? second.name,
      second.executable,
      pax.sizeBytes ?? second.sizeBytes,
      bytes.subarray(0, blockAt + BLOCK),
    );
  }

  #entry(path: string, executable: boolean, sizeBytes: number, raw: Buffer) {
    const because = checkPath(path);
    if (because) this.#refuse('SAME1303', `path ${JSON.stringify(path)} ${because}`);
    if (!tarHeader(path, executable, sizeBytes).equals(raw)) {
      this.#refuse('SAME1302', `header of ${path} is not in the form of same-tar/v1`);
    }
    if (this.#sorted && this.#last !== undefined && comparePaths(this.#last, path) > 0) {
      this.#refuse('SAME1302', `${path} comes after ${this.#last}: entries are not sorted`);
    }
    const collision = this.#paths.add(path);
    if (collision) this.#refuse('SAME1303', `path ${path} ${collision}`);
    if (++this.#entries > this.#limits.entries) {
      this.#refuse('SAME1304', `has more than ${this.#limits.entries} entries`);
    }
    this.#unpackedBytes += sizeBytes;
    if (this.#unpackedBytes > this.#limits.unpackedBytes) {
      this.#refuse('SAME1304', `unpacks to more than ${this.#limits.unpackedBytes} bytes`);
    }
    this.#last = path;
    this.#body = sizeBytes;
    this.#padding = paddingOf(sizeBytes);
    return { length: raw.length, header: { path, executable, sizeBytes } };
  }

  #checkType(type: string, name: string): void {
    if (type === '0' || type === 'x') return;
    const what = entryTypes[type] ?? 'an unknown kind of entry';
    this.#refuse('SAME1303', `${JSON.stringify(name)} is ${what}; only regular files are allowed`);
  }

  #refuse(code: ErrorCode, message: string): never {
    throw new SameError({ code, message: `${this.#label}: ${message}` });
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
