import type { Descriptor, OciManifest } from './oci.ts';
import { REPRODUCING } from './reproducing.ts';

/** The bytes of `oci-layout`. */
export const OCI_LAYOUT = Buffer.from('{"imageLayoutVersion":"1.0.0"}');

/** Documents of the code layer that are copied to the root of a bundle when they are at most 4 MiB. */
export const ROOT_DOCUMENTS = ['CITATION.cff', 'LICENSE', 'README.md'];
/** Longest document that has a root copy. */
export const ROOT_COPY_BYTES = 4 * 2 ** 20;
/** The constant `REPRODUCING.md`. */
export const REPRODUCING_BYTES = Buffer.from(REPRODUCING);

/** Every name at the root of a bundle besides `oci-layout` and `index.json`, in the order of their bytes. */
export const ROOT_COPIES = [...ROOT_DOCUMENTS, 'REPRODUCING.md', 'same.lock', 'same.yaml'];

/** The path of a blob in a bundle. */
export function blobPath(digest: string): string {
  return `blobs/sha256/${digest.slice('sha256:'.length)}`;
}

/** The blobs of one manifest in the order of a bundle: itself, its config, its layers. */
export function blobsOf(self: Descriptor, manifest: OciManifest): Descriptor[] {
  return [self, manifest.config, ...manifest.layers];
}

/** The annotation that holds a manifest's tag. */
export const REF_NAME = 'org.opencontainers.image.ref.name';
/** The annotation of an index's first entry that holds `SOURCE_DATE_EPOCH`. */
export const CREATED = 'org.opencontainers.image.created';

/** The names of a bundle's bytes (spec chapter bundle): what is cited, this set of runs, the tar, the file. */
export interface BundleDigests {
  program: string;
  index: string;
  archive: string;
  /** Of a bundle that is one file; told where its bytes have been hashed. */
  file?: string;
  /** Length of the file, or of the archive that a directory makes. */
  sizeBytes: number;
}
