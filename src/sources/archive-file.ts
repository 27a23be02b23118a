import { PassThrough, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { SameError } from '../errors/same-error.ts';
import {
  closeSync,
  createReadStream,
  dirname,
  fromErrno,
  isErrno,
  makeDirectories,
  openSync,
  readSync,
  statSync,
  writeFully,
} from '../host/files.ts';
import type { Entry, Place } from './entry.ts';

const MAX_UNPACKED_BYTES = 10 * 1024 ** 3;
const MAX_RATIO = 1000;
/** Below this much output the ratio says nothing: an empty tar is already 100 times its gzip. */
const RATIO_FROM_BYTES = 64 * 1024 ** 2;
const MAX_ENTRIES = 100_000;
const END_MARK = Buffer.alloc(1024);

/** What a file is by its first bytes: a compression around a tar, or a bare tar; undefined for anything else. */
export type Envelope = 'gzip' | 'zstd' | 'tar';

/** The envelope of a file, by magic bytes. */
export function envelopeOf(file: string): Envelope | undefined {
  const head = Buffer.alloc(512);
  const descriptor = openSync(file, 'r');
  try {
    const length = readSync(descriptor, head, 0, head.length, 0);
    if (length >= 2 && head.readUInt16BE(0) === 0x1f8b) return 'gzip';
    if (length >= 4 && head.readUInt32LE(0) === 0xfd2fb528) return 'zstd';
    return length === 512 && head.subarray(257, 262).toString('latin1') === 'ustar' ? 'tar' : undefined;
  } finally {
    closeSync(descriptor);
  }
}

/** The name of a tar's first entry, or undefined when there is no tar in the envelope. */
export async function firstEntryName(file: string, envelope: Envelope): Promise<string | undefined> {
  let head = Buffer.alloc(0);
  try {
    await pipeline(createReadStream(file), unpacking(envelope), async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        head = Buffer.concat([head, chunk]);
        if (head.length >= 512) return;
      }
    });
  } catch (error) {
    // Stopping early ends the decompressor before its input does.
    if (head.length < 512 && !isErrno(error, 'ABORT_ERR', 'ERR_STREAM_PREMATURE_CLOSE')) return undefined;
  }
  if (head.length < 512 || head.subarray(257, 262).toString('latin1') !== 'ustar') return undefined;
  return head.subarray(0, 100).toString('utf8').replace(/\0.*$/s, '');
}

/**
 * Reads the entries of a tree archive; contents go into `spool`, a new file. Nothing is written at the archive's own paths.
 * @throws SAME1303 for a path or entry that no tree has, SAME1304 over a limit, SAME1306 when it is damaged.
 */
export async function archiveEntries(
  file: string,
  envelope: Envelope,
  spool: string,
  signal?: AbortSignal,
): Promise<Entry[]> {
  makeDirectories(dirname(spool));
  const descriptor = openSync(spool, 'wx', 0o600);
  const entries = new Map<string, Entry>();
  let [offset, failure]: [number, Error | undefined] = [0, undefined];
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry: ReadEntry) => {
      const place: Place = { file: spool, offset, sizeBytes: 0 };
      entry.on('data', (chunk: Buffer) => {
        try {
          writeFully(descriptor, chunk);
        } catch (error) {
          failure ??= fromErrno(error, 'unpacking an archive') as Error;
        }
        place.sizeBytes += chunk.length;
        offset += chunk.length;
      });
      try {
        addEntry(entry, place, entries);
      } catch (error) {
        failure ??= error as Error;
      }
      entry.resume();
    },
  });
  try {
    const limits = limiting(statSync(file).size);
    await pipeline(
      createReadStream(file),
      unpacking(envelope),
      limits,
      async (chunks: AsyncIterable<Buffer>) => {
        const ended = new Promise<void>((done, fail) => parser.on('end', done).on('error', fail));
        ended.catch(() => {});
        for await (const chunk of chunks) {
          parser.write(chunk);
          if (failure) throw failure;
        }
        parser.end();
        await ended;
        if (failure) throw failure;
      },
      { signal },
    );
  } catch (error) {
    if (error instanceof SameError) throw error;
    if (signal?.aborted) throw new SameError({ code: 'SAME1903', message: 'interrupted' }, { cause: error });
    const message = `the archive is damaged: ${(error as Error).message}`;
    throw new SameError({ code: 'SAME1306', message }, { cause: error });
  } finally {
    closeSync(descriptor);
  }
  return withoutTop([...entries.values()]);
}

function addEntry(entry: ReadEntry, place: Place, entries: Map<string, Entry>): void {
  const path = entry.path.replace(/^(\.\/)+/, '').replace(/\/+$/, '');
  if (entry.type === 'Directory' || entry.type === 'GNUDumpDir') return;
  if (path.startsWith('/') || path.split('/').some((part) => part === '..' || part === '')) {
    throw new SameError({
      code: 'SAME1303',
      message: `the archive has the path ${JSON.stringify(entry.path)}`,
    });
  }
  if (entries.has(path)) {
    throw new SameError({ code: 'SAME1303', message: `the archive has ${JSON.stringify(path)} twice` });
  }
  if (entries.size >= MAX_ENTRIES) {
    throw new SameError({ code: 'SAME1304', message: `the archive has more than ${MAX_ENTRIES} entries` });
  }
  const executable = ((entry.mode ?? 0) & 0o100) !== 0;
  switch (entry.type) {
    case 'File':
    case 'OldFile':
    case 'ContiguousFile':
      entries.set(path, { path, kind: 'file', executable, place });
      return;
    case 'SymbolicLink':
      entries.set(path, { path, kind: 'link', target: entry.linkpath ?? '' });
      return;
    case 'Link': {
      const first = entries.get((entry.linkpath ?? '').replace(/^(\.\/)+/, ''));
      if (first?.kind === 'file') entries.set(path, { ...first, path });
      else entries.set(path, { path, kind: 'special', what: 'a hard link to nothing in the archive' });
      return;
    }
    default:
      entries.set(path, { path, kind: 'special', what: `a tar entry of type ${entry.type}` });
  }
}

/** Forges put everything into one directory: it goes, when the program is in it. */
function withoutTop(entries: Entry[]): Entry[] {
  const top = entries[0]?.path.split('/')[0];
  if (top === undefined || entries.some(({ path }) => path === 'same.yaml' || !path.startsWith(`${top}/`))) {
    return entries;
  }
  return entries.map((entry) => ({ ...entry, path: entry.path.slice(top.length + 1) }));
}

function unpacking(envelope: Envelope): Transform {
  if (envelope === 'gzip') return createGunzip();
  return envelope === 'zstd' ? createZstdDecompress() : new PassThrough();
}

/** Passes a tar on, within the limits, and insists on its end mark: one cut between two files would be a smaller program. */
function limiting(compressedBytes: number): Transform {
  let [bytes, end] = [0, Buffer.alloc(0)];
  return new Transform({
    transform(chunk: Buffer, _encoding, next) {
      bytes += chunk.length;
      end = Buffer.concat([end, chunk]).subarray(-END_MARK.length);
      const bomb = bytes > RATIO_FROM_BYTES && bytes > compressedBytes * MAX_RATIO;
      if (!bomb && bytes <= MAX_UNPACKED_BYTES) return next(null, chunk);
      const why = bomb ? `more than ${MAX_RATIO} times its size` : `more than ${MAX_UNPACKED_BYTES} bytes`;
      next(new SameError({ code: 'SAME1304', message: `the archive unpacks to ${why}` }));
    },
    flush(done) {
      if (end.equals(END_MARK)) return done();
      done(
        new SameError({ code: 'SAME1306', message: 'the archive is damaged: it ends before its end mark' }),
      );
    },
  });
}
