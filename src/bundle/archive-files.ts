import { createHash } from 'node:crypto';
import type { ContentStore } from '../content/content-store.ts';
import { type BundleFile, type BundleFiles, digestIn } from './bundle-files.ts';
import { readTar, type TarFile } from './canonical-tar.ts';
import { unpack } from './compression.ts';
import type { Limits } from './oci.ts';
import { isProblem, type Report, refusal } from './refusal.ts';
import { tap } from './tap.ts';
import { BLOCK } from './tar-header.ts';

/**
 * Reads a bundle file as it streams by, once and in constant memory. A blob that comes before its turn is put into the
 * store, where there is one, until it is asked for.
 */
export class ArchiveFiles implements BundleFiles {
  readonly #files: AsyncGenerator<TarFile, void, undefined>;
  readonly #report: Report;
  readonly #store: ContentStore | undefined;
  readonly #held = new Map<
    string,
    { sizeBytes: number; executable: boolean; early: boolean; whole: boolean }
  >();
  readonly #file = createHash('sha256');
  readonly #archive = createHash('sha256');
  #sizeBytes = 0;
  #next: TarFile | undefined;
  #ended = false;
  broken = false;

  constructor(
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    store: ContentStore | undefined,
    options: { limits: Limits; report: Report },
  ) {
    this.#store = store;
    this.#report = options.report;
    const counted = tap(source, (chunk) => {
      this.#sizeBytes += chunk.length;
      this.#file.update(chunk);
    });
    const tar = tap(unpack(counted, options.limits), (chunk) => this.#archive.update(chunk));
    this.#files = readTar(startingWithLayout(tar), {
      ...options,
      sorted: false,
      label: 'bundle',
      endClause: 'SAME-BND-024',
    });
  }

  async first(path: string): Promise<BundleFile | undefined> {
    return (await this.#peek())?.path === path ? this.#take() : undefined;
  }

  async *copies(): AsyncGenerator<BundleFile, void, undefined> {
    for (let file = await this.#peek(); file && !file.path.startsWith('blobs/'); file = await this.#peek())
      yield this.#take();
  }

  async blob(path: string): Promise<BundleFile | 'damaged' | undefined> {
    const held = this.#held.get(path);
    if (held) {
      this.#held.delete(path);
      if (held.early) this.#report(misplaced(path, 'comes before its place'));
      if (!held.whole) return 'damaged';
      return { ...held, path, body: await this.#store!.stream(digestIn(path)!) };
    }
    const passed: string[] = [];
    for (let file = await this.#peek(); file; file = await this.#peek()) {
      if (file.path === path) {
        for (const early of passed) {
          const entry = this.#held.get(early);
          if (entry) entry.early = true;
        }
        return this.#take();
      }
      passed.push(file.path);
      await this.#hold(this.#take());
    }
    return undefined;
  }

  async *strays(): AsyncGenerator<{ path: string; body?: BundleFile['body'] }, void, undefined> {
    for (const path of this.#held.keys()) yield { path };
    for (let file = await this.#peek(); file; file = await this.#peek()) yield this.#take();
  }

  digests(): { archive: string; file: string; sizeBytes: number } {
    return {
      archive: `sha256:${this.#archive.digest('hex')}`,
      file: `sha256:${this.#file.digest('hex')}`,
      sizeBytes: this.#sizeBytes,
    };
  }

  async close(): Promise<void> {
    await this.#files.return();
  }

  async #hold(file: BundleFile): Promise<void> {
    const { path, sizeBytes, executable } = file;
    const digest = digestIn(path);
    if (digest === undefined || !this.#store)
      return this.#report(misplaced(path, 'has no place among the blobs'));
    let whole = false;
    try {
      await this.#store.ingest(file.body, { digest, sizeBytes });
      whole = true;
    } catch (error) {
      if (!isProblem(error)) throw error;
      this.#report(refusal('SAME-BND-031', `bundle: ${error.message}`, { code: error.code, place: path }));
    }
    this.#held.set(path, { sizeBytes, executable, early: false, whole });
  }

  #take(): BundleFile {
    const file = this.#next!;
    this.#next = undefined;
    return { ...file, body: this.#guarded(file.body) };
  }

  async #peek(): Promise<TarFile | undefined> {
    if (this.#next || this.#ended) return this.#next;
    try {
      this.#next = (await this.#files.next()).value ?? undefined;
      this.#ended = this.#next === undefined;
    } catch (error) {
      this.#ended = true;
      this.broken = true;
      if (!isProblem(error)) throw error;
      this.#report(error);
    }
    return this.#next;
  }

  async *#guarded(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
    try {
      yield* body;
    } catch (error) {
      this.#ended = true;
      this.broken = true;
      throw error;
    }
  }
}

function misplaced(path: string, because: string) {
  return refusal('SAME-BND-019', `bundle: ${path} ${because}`, { place: path });
}

/** What does not begin with the header of `oci-layout` was never a bundle (SAME-BND-036). */
async function* startingWithLayout(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (!head) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < BLOCK) continue;
    refuseOther(head);
    yield head;
    head = undefined;
  }
  if (head) refuseOther(head);
}

function refuseOther(head: Buffer): void {
  const isTar = head.length >= BLOCK && head.toString('latin1', 257, 262) === 'ustar';
  const name = isTar ? head.toString('latin1', 0, 100).split('\0', 1)[0] : undefined;
  if (name === 'oci-layout') return;
  throw refusal(
    'SAME-BND-036',
    `not a bundle: it does not begin with oci-layout${name ? ` but with ${JSON.stringify(name)}` : ''}`,
    {
      code: 'SAME1306',
      hint: 'the file may be an archive of something else; a folder of a program in one is read by: same create -f FILE',
    },
  );
}
