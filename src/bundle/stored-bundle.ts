import type { ContentStore } from '../content/content-store.ts';
import { type BundleFile, type BundleFiles, digestIn } from './bundle-files.ts';
import { canonicalBytes } from './canonical-json.ts';
import { OCI_LAYOUT } from './layout.ts';
import { type Descriptor, MEDIA, type OciIndex } from './oci.ts';

/**
 * A program of a store and what refers to it, as the files of a bundle without root copies: what is stored is held to
 * what a bundle is held to.
 */
export class StoredBundle implements BundleFiles {
  readonly #store: ContentStore;
  readonly #known: ReadonlySet<string>;
  readonly #read: (digest: string) => Promise<AsyncIterable<Uint8Array>>;
  readonly #first: Map<string, Buffer>;
  readonly broken = false;

  /**
   * @param entries the program, then what refers to it, in the order of an index
   * @param damaged digests whose blobs are known to be damaged: nothing more is said of them
   * @param read how blobs are read; the store's own way compares them with their digests
   */
  constructor(
    store: ContentStore,
    entries: readonly Descriptor[],
    damaged: ReadonlySet<string>,
    read: (digest: string) => Promise<AsyncIterable<Uint8Array>> = (digest) => store.stream(digest),
  ) {
    this.#read = read;
    this.#store = store;
    this.#known = damaged;
    const index: OciIndex = { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests: [...entries] };
    this.#first = new Map([
      ['oci-layout', OCI_LAYOUT],
      ['index.json', canonicalBytes(index)],
    ]);
  }

  async first(path: string): Promise<BundleFile | undefined> {
    const bytes = this.#first.get(path)!;
    return { path, executable: false, sizeBytes: bytes.length, body: once(bytes) };
  }

  async *copies(): AsyncGenerator<BundleFile, void, undefined> {}

  async blob(path: string): Promise<BundleFile | 'damaged' | undefined> {
    const digest = digestIn(path)!;
    if (this.#known.has(digest)) return 'damaged';
    const sizeBytes = await this.#store.size(digest);
    if (sizeBytes === undefined) return undefined;
    return { path, executable: false, sizeBytes, body: await this.#read(digest) };
  }

  async *strays(): AsyncGenerator<BundleFile, void, undefined> {}

  digests(): { archive: string; sizeBytes: number } {
    return { archive: '', sizeBytes: 0 };
  }

  async close(): Promise<void> {}
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer, void, undefined> {
  yield bytes;
}
