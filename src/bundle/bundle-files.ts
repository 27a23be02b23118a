/** One file of a bundle; its bytes are read (or left) before the next file is asked for. */
export interface BundleFile {
  path: string;
  executable: boolean;
  sizeBytes: number;
  body: AsyncIterable<Uint8Array>;
}

/**
 * The files of a bundle in the order in which a bundle has them, whatever form it has (spec SAME-BND-019, SAME-BND-043):
 * `oci-layout`, `index.json`, root copies, blobs.
 */
export interface BundleFiles {
  /** `oci-layout` and then `index.json`, when that is what comes next. */
  first(path: string): Promise<BundleFile | undefined>;
  /** What lies at the root beside those two. */
  copies(): AsyncIterable<BundleFile>;
  /** The blob of this path; `damaged` when it came too early and was found to have other bytes. */
  blob(path: string): Promise<BundleFile | 'damaged' | undefined>;
  /** What nobody asked for; without a body where its digest has been compared already. */
  strays(): AsyncIterable<Pick<BundleFile, 'path'> & Partial<BundleFile>>;
  /** Whether reading had to end early, so that what is not found may be there all the same. */
  readonly broken: boolean;
  /** After the last file. */
  digests(): { archive: string; file?: string; sizeBytes: number };
  /** Lets go of the source. */
  close(): Promise<void>;
}

/** A bundle in the form of a directory (spec SAME-BND-044), as a host's file system shows it. */
export interface BundleDirectory {
  /** Everything below it but directories, by `/`-separated path. */
  entries(): Iterable<{
    path: string;
    kind: 'file' | 'link' | 'other';
    executable: boolean;
    sizeBytes: number;
  }>;
  /** The bytes of one of its files. */
  stream(path: string): AsyncIterable<Uint8Array>;
}

/** What a bundle is read from: the bytes of a file (gzip, zstd or tar), or a directory. */
export type BundleInput = AsyncIterable<Uint8Array> | Iterable<Uint8Array> | BundleDirectory;

/** Whether a bundle is a directory. */
export function isDirectory(input: BundleInput): input is BundleDirectory {
  return 'entries' in input && 'stream' in input;
}

const BLOB = /^blobs\/sha256\/([0-9a-f]{64})$/;

/** The digest that a blob's path says; undefined for any other path. */
export function digestIn(path: string): string | undefined {
  const hex = BLOB.exec(path)?.[1];
  return hex && `sha256:${hex}`;
}
