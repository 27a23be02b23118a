import { crc32 } from 'node:zlib';
import { closeSync, fsyncSync, openSync, readIfThere, writeFully } from '../host/files.ts';

/** Made when it is needed: many commands load this and write no journal. */
let crcTable: Int32Array | undefined;

function openCrcTable(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    return crc;
  });
}

/** Frames one journal record as a line: the event's JSON and the CRC-32 of exactly those bytes (spec SAME-RUN). */
export function frame(event: unknown): string {
  return framed(JSON.stringify(event), crcOf);
}

function framed(json: string, sum: (text: string) => string): string {
  return `{"event":${json},"crc":"${sum(json)}"}\n`;
}

/** Characters from which on loading node's own CRC-32 is paid back. */
const LONG = 48 * 1024;

function nativeCrcOf(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}

/** An append-only journal with one writer. */
export class JournalWriter {
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, 'ax', 0o644);
  }

  /** Appends events, in one write; `durable` waits until they are on the disk. */
  append(events: readonly unknown[], durable: boolean): void {
    const texts = events.map((event) => JSON.stringify(event));
    const length = texts.reduce((sum, text) => sum + text.length, 0);
    const sum = length < LONG ? crcOf : nativeCrcOf;
    writeFully(this.#fd, texts.map((text) => framed(text, sum)).join(''));
    if (durable) fsyncSync(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/**
 * Reads a journal's events. A torn last line (a crash while writing) is left out.
 * @returns damaged: the number of the first line that is wrong and not the last, counted from 1
 */
export function readJournal(path: string): { events: unknown[]; damaged?: number } {
  return parseJournal(readIfThere(path));
}

/** {@link readJournal} of its bytes; none are an empty one. */
export function parseJournal(bytes: Buffer | undefined): { events: unknown[]; damaged?: number } {
  const text = bytes?.toString('utf8') ?? '';
  const lines = text.replace(/\n$/, '').split('\n');
  const events: unknown[] = [];
  if (text === '') return { events };
  for (const [index, line] of lines.entries()) {
    const match = /^\{"event":(.*),"crc":"([0-9a-f]{8})"\}$/s.exec(line);
    if (match && crcOf(match[1]!) === match[2]) events.push(JSON.parse(match[1]!));
    else if (index < lines.length - 1) return { events, damaged: index + 1 };
  }
  return { events };
}

/** CRC-32 (ISO 3309) as hex. Node's own would load all of zlib into every run. */
function crcOf(text: string): string {
  let crc = -1;
  crcTable ??= openCrcTable();
  for (const byte of Buffer.from(text, 'utf8')) crc = (crc >>> 8) ^ crcTable[(crc ^ byte) & 0xff]!;
  return ((crc ^ -1) >>> 0).toString(16).padStart(8, '0');
}
