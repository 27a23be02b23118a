import { createHash } from 'node:crypto';
import type { BundleDirectory, BundleFile, BundleFiles } from './bundle-files.ts';
import type { Limits } from './oci.ts';
import { checkPath, comparePaths, overPathLimit, PathSet } from './portable-path.ts';
import { overLimit, type Report, refusal } from './refusal.ts';
import { BLOCK, paddingOf, tarHeader } from './tar-header.ts';

type Entry = { path: string; executable: boolean; sizeBytes: number };

/** Reads a bundle that is a directory, and hashes the archive that its files make (SAME-BND-043, SAME-BND-044). */
export class DirectoryFiles implements BundleFiles {
  readonly #directory: BundleDirectory;
  readonly #left = new Map<string, Entry>();
  readonly #archive = createHash('sha256');
  #sizeBytes = 2 * BLOCK;
  readonly broken = false;

  constructor(directory: BundleDirectory, options: { limits: Limits; report: Report }) {
    this.#directory = directory;
    const { limits, report } = options;
    const paths = new PathSet();
    const refused = (path: string, clause: string, because: string) =>
      report(
        refusal(clause, `bundle: path ${JSON.stringify(path)} ${because}`, { code: 'SAME1303', place: path }),
      );
    const entries = [...directory.entries()].sort((a, b) => comparePaths(a.path, b.path));
    if (!entries.some(({ path }) => path === 'oci-layout')) throw noBundle();
    let unpackedBytes = 0;
    for (const { kind, ...entry } of entries) {
      const { path } = entry;
      if (kind !== 'file') {
        refused(path, 'SAME-BND-044', kind === 'link' ? 'is a symbolic link' : 'is no regular file');
        continue;
      }
      const because = checkPath(path) ?? paths.add(path);
      const over = overPathLimit(path, limits);
      unpackedBytes += entry.sizeBytes;
      if (because) refused(path, 'SAME-BND-033', because);
      else if (over) report(overLimit(over.limit, `bundle: path ${path.slice(0, 100)}… ${over.because}`));
      else this.#left.set(path, entry);
    }
    if (entries.length > limits.entries)
      report(overLimit('entries', `bundle: has more than ${limits.entries} entries`));
    if (unpackedBytes > limits.unpackedBytes)
      report(overLimit('unpackedBytes', `bundle: unpacks to more than ${limits.unpackedBytes} bytes`));
  }

  async first(path: string): Promise<BundleFile | undefined> {
    return this.#take(path);
  }

  async *copies(): AsyncGenerator<BundleFile, void, undefined> {
    for (const path of [...this.#left.keys()]) if (!path.startsWith('blobs/')) yield this.#take(path)!;
  }

  async blob(path: string): Promise<BundleFile | undefined> {
    return this.#take(path);
  }

  async *strays(): AsyncGenerator<BundleFile, void, undefined> {
    for (const path of [...this.#left.keys()]) yield this.#take(path)!;
  }

  digests(): { archive: string; sizeBytes: number } {
    this.#archive.update(Buffer.alloc(2 * BLOCK));
    return { archive: `sha256:${this.#archive.digest('hex')}`, sizeBytes: this.#sizeBytes };
  }

  async close(): Promise<void> {}

  #take(path: string): BundleFile | undefined {
    const entry = this.#left.get(path);
    if (!entry) return undefined;
    this.#left.delete(path);
    return { ...entry, body: this.#hashed(entry) };
  }

  async *#hashed({ path, executable, sizeBytes }: Entry): AsyncGenerator<Uint8Array, void, undefined> {
    const header = tarHeader(path, executable, sizeBytes);
    const padding = paddingOf(sizeBytes);
    this.#archive.update(header);
    for await (const chunk of this.#directory.stream(path)) {
      this.#archive.update(chunk);
      yield chunk;
    }
    this.#archive.update(Buffer.alloc(padding));
    this.#sizeBytes += header.length + sizeBytes + padding;
  }
}

function noBundle() {
  return refusal('SAME-BND-036', 'not a bundle: there is no oci-layout in the directory', {
    code: 'SAME1306',
    hint: 'a folder of a program is made a program with: same create -f FOLDER',
  });
}
