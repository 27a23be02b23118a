import { SameError } from '../errors/same-error.ts';
import { BLOCK, paddingOf, tarHeader } from './tar-header.ts';
import { type TarEntry, type TarRules, TarScanner } from './tar-scanner.ts';

export { checkPath, collisions, comparePaths } from './portable-path.ts';
export { tarHeader } from './tar-header.ts';

/** A file to write into a tar. */
export interface TarSource {
  path: string;
  executable: boolean;
  sizeBytes: number;
  chunks(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** A file read from a tar. */
export interface TarFile extends TarEntry {
  /** Its bytes, to be read (or left) before the next file is asked for. */
  body: AsyncIterable<Buffer>;
}

const BUFFER_BYTES = 256 * 1024;
/** Larger chunks pass through without a copy. */
const PASS_BYTES = 64 * 1024;
const zeros = Buffer.alloc(2 * BLOCK);

/**
 * Writes `same-tar/v1` (spec chapter bundle) in the caller's order, small pieces joined to 256 KiB.
 * @throws SAME1210 a file has more or fewer bytes than it said
 */
export async function* writeTar(
  entries: Iterable<TarSource> | AsyncIterable<TarSource>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  let used = 0;
  // Yielded memory belongs to whoever took it, so a new buffer follows each one.
  const flush = (): Buffer => {
    const full = buffer.subarray(0, used);
    buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
    used = 0;
    return full;
  };
  const put = (bytes: Uint8Array): void => {
    buffer.set(bytes, used);
    used += bytes.length;
  };
  for await (const entry of entries) {
    const header = tarHeader(entry.path, entry.executable, entry.sizeBytes);
    if (used + header.length > BUFFER_BYTES) yield flush();
    put(header);
    let written = 0;
    const chunks = entry.chunks();
    // A plain loop where it can be: awaiting each chunk of ten thousand small files costs more than copying them.
    if (Symbol.iterator in chunks) {
      for (const chunk of chunks) {
        written += chunk.length;
        if (written > entry.sizeBytes) throw resized(entry);
        if (used > 0 && used + chunk.length > BUFFER_BYTES) yield flush();
        if (chunk.length >= PASS_BYTES) {
          if (used > 0) yield flush();
          yield chunk;
        } else put(chunk);
      }
    } else {
      for await (const chunk of chunks) {
        written += chunk.length;
        if (written > entry.sizeBytes) throw resized(entry);
        if (used > 0 && used + chunk.length > BUFFER_BYTES) yield flush();
        if (chunk.length >= PASS_BYTES) {
          if (used > 0) yield flush();
          yield chunk;
        } else put(chunk);
      }
    }
    if (written !== entry.sizeBytes) throw resized(entry);
    const padding = paddingOf(entry.sizeBytes);
    if (used + padding > BUFFER_BYTES) yield flush();
    put(zeros.subarray(0, padding));
  }
  if (used + zeros.length > BUFFER_BYTES) yield flush();
  put(zeros);
  yield flush();
}

/** What is said when a file has other than its bytes. */
export function resized(entry: TarSource): SameError {
  return new SameError({
    code: 'SAME1210',
    message: `${entry.path} changed while it was packed: it is no longer ${entry.sizeBytes} bytes long`,
    place: entry.path,
    hint: 'try again when nothing writes to it',
  });
}

/**
 * Reads `same-tar/v1` strictly while it streams by.
 * @throws SAME1302 not canonical or cut short · SAME1303 refused entry · SAME1304 over a limit
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  rules: TarRules = {},
): AsyncGenerator<TarFile, void, undefined> {
  const scanner = new TarScanner(rules);
  const events = scan(source, scanner);
  let left = 0;
  async function* body(): AsyncGenerator<Buffer, void, undefined> {
    while (left > 0) {
      const { value } = await events.next();
      if (!value || value.entry) return;
      left -= value.data.length;
      yield value.data;
    }
  }
  try {
    for (;;) {
      const { value, done } = await events.next();
      if (done) return;
      if (!value.entry) continue;
      left = value.entry.sizeBytes;
      yield { ...value.entry, body: body() };
      // Whatever the reader left of this body.
      for await (const _ of body());
    }
  } finally {
    await events.return();
  }
}

async function* scan(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, scanner: TarScanner) {
  for await (const chunk of source) yield* scanner.feed(chunk);
  scanner.finish();
}

/** The files of a whole layer in memory, checked as {@link readTar} does. */
export function listTar(bytes: Buffer, rules: TarRules = {}): TarEntry[] {
  const scanner = new TarScanner(rules);
  const entries: TarEntry[] = [];
  for (const event of scanner.feed(bytes)) if (event.entry) entries.push(event.entry);
  scanner.finish();
  return entries;
}
