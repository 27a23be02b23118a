import type { Finding } from '../errors/same-error.ts';

/** One regular file of a source. */
export interface TreeFile {
  /** Relative, `/`-separated, NFC. */
  path: string;
  /** The owner's x bit: mode 0755, else 0644. */
  executable: boolean;
  sizeBytes: number;
  /** The bytes, in chunks; may be called more than once. */
  chunks(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** The whole file at once, for small ones. */
  bytes(): Promise<Buffer>;
}

/** The same file with something of it changed; a spread would lose what it does by methods. */
export function fileAs(file: TreeFile, changed: Partial<Pick<TreeFile, 'path' | 'chunks'>>): TreeFile {
  const { path, executable, sizeBytes } = file;
  return { path, executable, sizeBytes, chunks: () => file.chunks(), bytes: () => file.bytes(), ...changed };
}

/** Where a program came from: a record linked to it, never part of its identity. */
export interface Origin {
  kind: 'directory' | 'git' | 'https' | 'bundle';
  /** Repository or archive URL without credentials; absent for a directory outside git. */
  repository?: string;
  /** Commit, 40 hex. */
  revision?: string;
  /** The ref that was asked for or chosen, for instance `1.0`. */
  ref?: string;
  /** Directory inside the repository. */
  path?: string;
  /** True when tracked or untracked, not ignored files differ from the revision. */
  dirty?: boolean;
  /** sha256 of the diff against the revision, when dirty. */
  diff?: string;
}

/** A path that cannot be packed as it is; an error unless `files.exclude` leaves it out. */
export interface RefusedPath {
  path: string;
  finding: Finding;
}

/** A tree of files to make a program from. `selectFiles` comes before packing: it raises what is refused. */
export interface SourceTree {
  kind: 'tree';
  /** Sorted by the UTF-8 bytes of their paths. */
  files: TreeFile[];
  /** LFS pointers, submodules, links, special files, names that are not NFC. */
  refused: RefusedPath[];
  /** What the user should know, one line each: untracked files left out, for instance. */
  notices: string[];
  origin: Origin;
  /** How messages call it. */
  label: string;
  /** True when a pin made from it is soft (a directory). */
  soft: boolean;
  /** Frees temporary files; safe to call twice. */
  [Symbol.dispose](): void;
}

/** A bundle file on disk: imported, not packed. */
export interface SourceBundle {
  kind: 'bundle';
  path: string;
  origin: Origin;
  label: string;
  [Symbol.dispose](): void;
}

/** What `-f` leads to. */
export type Source = SourceTree | SourceBundle;
