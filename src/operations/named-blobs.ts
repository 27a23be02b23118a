import { MentionReader, mentionedHex } from '../bundle/mentions.ts';
import type { BlobCollector } from '../content/content-store.ts';
import type { Ports } from './ports.ts';

/** Rooms of a home whose files name nothing that has to stay. */
const NO_NAMES = new Set(['environments', 'cache', 'work']);
const NO_NAMES_IN_CONTENT = new Set(['blobs', 'ingest', 'leaving', 'quarantine', 'referrers']);
/** Manifests and the lists of directories are shorter. */
const DOCUMENT_BYTES = 256 * 1024 * 1024;

/**
 * Which blobs are named, directly or through others, as hexadecimal digits (spec SAME-RUN-050): by any file of the home
 * that is no blob (pins, records, journals, sweeps, whatever comes to lie there later), by referrers of what is named, and
 * by blobs that are used. A text that merely mentions a digest counts too: rather one blob too many is kept.
 * @param blobs what the blobs are read by
 * @param known every blob that is there
 * @param used blobs that count as named
 */
export async function nameBlobs(
  ports: Ports,
  blobs: Pick<BlobCollector, 'document'>,
  known: ReadonlySet<string>,
  used: Iterable<string>,
): Promise<Set<string>> {
  const named = new Set<string>();
  const waiting: string[] = [];
  const name = (hex: string) => {
    if (!known.has(hex) || named.has(hex)) return;
    named.add(hex);
    waiting.push(hex);
  };
  for (const hex of used) name(hex);
  for (const path of namingFiles(ports)) for await (const hex of mentionsIn(ports, path)) name(hex);
  for (let hex = waiting.pop(); hex !== undefined; hex = waiting.pop()) {
    const digest = `sha256:${hex}`;
    for (const referrer of ports.referrers.list(digest)) name(referrer.slice('sha256:'.length));
    for (const below of mentionedHex(blobs.document(digest, DOCUMENT_BYTES))) name(below);
  }
  return named;
}

/** The files of a home that name blobs. */
function* namingFiles({ files, home }: Ports): Generator<string> {
  for (const room of files.names(home)) {
    // An index of runs holds nothing that their files do not.
    if (NO_NAMES.has(room) || room.startsWith('index-')) continue;
    const path = `${home}/${room}`;
    if (room !== 'content') yield* filesBelow(files, path);
    else {
      for (const name of files.names(path))
        if (!NO_NAMES_IN_CONTENT.has(name)) yield* filesBelow(files, `${path}/${name}`);
    }
  }
}

function* filesBelow(files: Ports['files'], path: string): Generator<string> {
  if (files.kind(path) === 'file') yield path;
  if (files.kind(path) !== 'directory') return;
  for (const entry of files.entries(path)) {
    // What steps printed names nothing, and a run that was deleted neither.
    const isOut = /(^|\/)logs\//.test(entry.path) || entry.path.startsWith('.deleted-');
    if (entry.kind === 'file' && !isOut) yield `${path}/${entry.path}`;
  }
}

async function* mentionsIn({ files }: Ports, path: string): AsyncGenerator<string> {
  const reader = new MentionReader();
  try {
    for await (const piece of files.stream(path)) yield* reader.read(piece);
  } catch (error) {
    // A journal becomes a record, a temporary file another one: what took its place is read as well, or young.
    if (files.exists(path)) throw error;
  }
  yield* reader.end();
}
