import type { BundleBlobs } from './bundle-blobs.ts';
import type { BundleFile } from './bundle-files.ts';
import type { ProgramInside } from './bundle-programs.ts';
import { REPRODUCING_BYTES, ROOT_COPIES, ROOT_COPY_BYTES, ROOT_DOCUMENTS } from './layout.ts';
import { layerOf } from './program-config.ts';

/** The copies at the root of a bundle, for people (spec SAME-BND-022). */
export class RootCopies {
  readonly #blobs: BundleBlobs;
  readonly #copies = new Map<string, Buffer>();

  constructor(blobs: BundleBlobs) {
    this.#blobs = blobs;
  }

  /** Takes one that comes by: its place among the others and its bytes. */
  async take(file: BundleFile): Promise<void> {
    const { path, executable, sizeBytes } = file;
    const rank = ROOT_COPIES.indexOf(path);
    if (rank < 0) return this.#blobs.refuse('SAME-BND-022', path, `${path} has no place in a bundle`);
    if ([...this.#copies.keys()].some((before) => ROOT_COPIES.indexOf(before) > rank))
      this.#blobs.refuse('SAME-BND-019', path, `${path} is out of order`);
    if (executable) this.#blobs.refuse('SAME-BND-022', path, `${path} is executable`);
    const copied = sizeBytes <= ROOT_COPY_BYTES || path === 'same.lock' || path === 'same.yaml';
    if (copied && sizeBytes <= Math.max(this.#blobs.limits.jsonBytes, this.#blobs.limits.yamlBytes)) {
      const bytes = await this.#blobs.bytesOf(file);
      if (bytes) this.#copies.set(path, bytes);
    } else this.#copies.set(path, Buffer.alloc(0));
  }

  /** Compares root copies with what they are copies of; what that is, is not known where a layer was not read. */
  async check(
    first: ProgramInside | undefined,
    documents: ReadonlyMap<string, Buffer> | undefined,
  ): Promise<void> {
    const originals = new Map<string, Buffer | undefined>([['REPRODUCING.md', REPRODUCING_BYTES]]);
    if (documents) for (const name of ROOT_DOCUMENTS) originals.set(name, documents.get(name));
    for (const [name, kind] of [
      ['same.yaml', 'manifest'],
      ['same.lock', 'lock'],
    ] as const) {
      const layer = first && layerOf(first.manifest, kind);
      if (first && !layer) originals.set(name, undefined);
      if (!layer || !this.#blobs.isWhole(layer.digest)) continue;
      originals.set(
        name,
        await this.#blobs.store.read(
          layer.digest,
          this.#blobs.limits.jsonBytes + this.#blobs.limits.yamlBytes,
        ),
      );
    }
    for (const [name, original] of originals) {
      const copy = this.#copies.get(name);
      const fault =
        !copy && original && !this.#blobs.files.broken
          ? 'is missing at the root'
          : copy && !original
            ? 'is a copy of nothing in the program'
            : copy && original && !copy.equals(original)
              ? "at the root differs from the program's"
              : undefined;
      if (fault) this.#blobs.refuse('SAME-BND-022', name, `${name} ${fault}`);
    }
  }
}
