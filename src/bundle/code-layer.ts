import type { ContentStore } from '../content/content-store.ts';
import { SameError } from '../errors/same-error.ts';
import { listTar, readTar, type TarFile } from './canonical-tar.ts';
import { NO_LIMITS } from './limits.ts';
import type { Descriptor } from './oci.ts';
import type { TarEntry } from './tar-scanner.ts';

/** Layers below this are read once and kept. */
const IN_MEMORY_BYTES = 64 * 2 ** 20;

/** A packed file, without its bytes. */
export type CodeEntry = TarEntry;

async function* once(bytes: Buffer): AsyncGenerator<Buffer, void, undefined> {
  yield bytes;
}

/** The files of a tar layer, read lazily. */
export class CodeLayer {
  readonly #descriptor: Descriptor;
  readonly #store: ContentStore;
  #bytes: Promise<Buffer> | undefined;
  #entries: Promise<CodeEntry[]> | undefined;
  #byPath: Map<string, CodeEntry> | undefined;

  constructor(descriptor: Descriptor, store: ContentStore) {
    this.#descriptor = descriptor;
    this.#store = store;
  }

  /** All files in order. */
  entries(): Promise<CodeEntry[]> {
    this.#entries ??= this.#isSmall()
      ? this.#memory().then((bytes) => listTar(bytes, { limits: NO_LIMITS }))
      : this.#index();
    return this.#entries;
  }

  /** One file's bytes. @throws SAME1305 */
  async read(path: string): Promise<Buffer> {
    this.#byPath ??= new Map((await this.entries()).map((entry) => [entry.path, entry]));
    const entry = this.#byPath.get(path);
    if (!entry)
      throw new SameError({ code: 'SAME1305', message: `the program has no file ${path}`, place: path });
    if (this.#isSmall()) return (await this.#memory()).subarray(entry.offset, entry.offset + entry.sizeBytes);
    for await (const file of this.stream()) {
      if (file.path !== path) continue;
      const chunks: Buffer[] = [];
      for await (const chunk of file.body) chunks.push(chunk);
      return Buffer.concat(chunks);
    }
    throw new SameError({
      code: 'SAME7001',
      message: `${path} is in the index of the layer and not in the layer`,
    });
  }

  /** All files with their bytes, in constant memory. */
  async *stream(): AsyncGenerator<TarFile, void, undefined> {
    if (this.#isSmall()) {
      const bytes = await this.#memory();
      for (const entry of await this.entries()) {
        yield { ...entry, body: once(bytes.subarray(entry.offset, entry.offset + entry.sizeBytes)) };
      }
      return;
    }
    yield* readTar(await this.#store.stream(this.#descriptor.digest), { limits: NO_LIMITS });
  }

  #isSmall(): boolean {
    return this.#descriptor.size < IN_MEMORY_BYTES;
  }

  #memory(): Promise<Buffer> {
    this.#bytes ??= this.#store.read(this.#descriptor.digest, IN_MEMORY_BYTES);
    return this.#bytes;
  }

  async #index(): Promise<CodeEntry[]> {
    const entries: CodeEntry[] = [];
    for await (const { path, executable, sizeBytes, offset } of this.stream()) {
      entries.push({ path, executable, sizeBytes, offset });
    }
    return entries;
  }
}
