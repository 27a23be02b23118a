import type { Descriptor } from '../bundle/oci.ts';

/** Where a program is, or is to be, in a registry. */
export interface RegistryAddress {
  /** `HOST[:PORT]`, as it stands in a reference. */
  host: string;
  /** The repository: namespace and name in lower case, joined by `/` (spec SAME-REF-012). */
  repository: string;
}

/** How a user wants a registry to be reached, for one call. */
export interface RegistryAccess {
  /** Plain HTTP instead of HTTPS. */
  plainHttp?: boolean;
  /** A PEM file with certificates of authorities that are trusted for this call, beside the usual ones. */
  caFile?: string;
  /** A login for this call, which goes before every stored one. */
  login?: Login;
}

/** What a registry is told of who asks. */
export type Login =
  | { username: string; password: string }
  /** A token that stands for a login, to be changed for access tokens by oauth2. */
  | { identityToken: string }
  /** A token to be sent as it is. */
  | { registryToken: string };

/** How a blob came to be in a repository. */
export type Placed = 'there' | 'mounted' | 'uploaded';

/** Bytes of a blob from an offset on; may be asked for again, after a cut. */
export type OpenBlob = (startBytes: number) => AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;

/**
 * One repository of an OCI registry (OCI distribution specification 1.1; spec chapter registries). Whatever comes out has
 * been compared with its size and digest; what a server does wrong is an error that names side, host and digest.
 * All methods may throw SAME1801 (cannot be reached, or answers wrongly), SAME1802 (login), SAME1806 (refused).
 */
export interface Repository {
  /** `oci://HOST/REPOSITORY`, for messages and records. */
  readonly label: string;
  readonly address: RegistryAddress;
  /**
   * What a tag or digest leads to, or undefined when nothing.
   * @returns `artifactType` is not known here
   */
  resolve(tagOrDigest: string): Promise<Descriptor | undefined>;
  /**
   * A manifest's bytes, or undefined when it is not there.
   * @param limitBytes default 4 MiB
   * @throws SAME1301 other bytes than the digest's · SAME1304
   */
  manifest(
    tagOrDigest: string,
    limitBytes?: number,
  ): Promise<{ bytes: Buffer; digest: string; mediaType: string } | undefined>;
  /** Stores a manifest under its digest, or under a tag too. Its blobs must be there. */
  putManifest(bytes: Uint8Array, options: { mediaType: string; tag?: string }): Promise<void>;
  /** Whether a blob is there. */
  hasBlob(blob: Descriptor): Promise<boolean>;
  /**
   * A blob's bytes from an offset on; after a cut it asks for the rest. What was passed on is not compared with the digest
   * here when it begins in the middle: the caller has the beginning.
   * @param options.checked false for a caller who compares the bytes itself
   * @throws SAME1305 not there · SAME1301 after the last piece, when whole and the bytes are others
   */
  stream(blob: Descriptor, startBytes?: number, options?: { checked?: boolean }): AsyncIterable<Buffer>;
  /** Stores a blob unless it is there; tries to mount it from another repository of this registry first. */
  putBlob(blob: Descriptor, open: OpenBlob, options?: { mountFrom?: string }): Promise<Placed>;
  /** What refers to a manifest: of the referrers API and of the fallback tag, each once. */
  referrers(digest: string): Promise<Descriptor[]>;
  /**
   * Makes sure that manifests, which are stored already, are listed as referrers of `subject`.
   * @returns how they are found: by the referrers API, or by the fallback tag, which was written where one lacked
   */
  listReferrers(subject: string, referrers: readonly Descriptor[]): Promise<'api' | 'tag'>;
  /** All tags, in the registry's order. @throws SAME1803 there is no such repository */
  tags(): Promise<string[]>;
  /** Lets go of connections. */
  close(): void;
}
