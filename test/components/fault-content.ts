import { createHash, randomUUID } from 'node:crypto';
import type { Descriptor, OciManifest } from '../../src/bundle/oci.ts';

/** A manifest as it was sent. */
export interface StoredManifest {
  bytes: Buffer;
  mediaType: string;
  /** What its JSON says, where it is JSON. */
  parsed: Partial<OciManifest>;
}

/** An upload that was begun. */
export interface Upload {
  id: string;
  repository: string;
  bytes: Buffer;
}

/** One repository's content, by digest and tag. */
export interface StoredRepository {
  blobs: Map<string, Buffer>;
  manifests: Map<string, StoredManifest>;
  /** Tag → digest. */
  tags: Map<string, string>;
}

/** What the server holds: tests look into it, and put there what a registry could hold. */
export interface RegistryContent {
  repositories: Map<string, StoredRepository>;
  uploads: Map<string, Upload>;
  repository(name: string): StoredRepository;
  /** Puts a blob there. */
  blob(repository: string, bytes: Buffer | string, mediaType?: string): Descriptor;
  /** Puts a manifest there, of any bytes. */
  manifest(
    repository: string,
    content: object | Buffer,
    options?: { tag?: string; mediaType?: string },
  ): Descriptor;
  begin(repository: string): Upload;
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** The digest of bytes. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** A registry that holds nothing. */
export function emptyContent(): RegistryContent {
  const repositories = new Map<string, StoredRepository>();
  const uploads = new Map<string, Upload>();
  const repository = (name: string): StoredRepository => {
    const known = repositories.get(name) ?? { blobs: new Map(), manifests: new Map(), tags: new Map() };
    repositories.set(name, known);
    return known;
  };
  return {
    repositories,
    uploads,
    repository,
    blob(name, content, mediaType = 'application/octet-stream') {
      const bytes = Buffer.from(content);
      const digest = digestOf(bytes);
      repository(name).blobs.set(digest, bytes);
      return { mediaType, digest, size: bytes.length };
    },
    manifest(name, content, { tag, mediaType = MANIFEST } = {}) {
      const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
      const digest = digestOf(bytes);
      repository(name).manifests.set(digest, { bytes, mediaType, parsed: parsed(bytes) });
      if (tag !== undefined) repository(name).tags.set(tag, digest);
      return { mediaType, digest, size: bytes.length };
    },
    begin(name) {
      const upload = { id: randomUUID(), repository: name, bytes: Buffer.alloc(0) };
      uploads.set(upload.id, upload);
      return upload;
    },
  };
}

function parsed(bytes: Buffer): Partial<OciManifest> {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return {};
  }
}
