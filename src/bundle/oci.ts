/** Media types and artifact types (spec chapter bundle, section Registry mapping). */
export const MEDIA = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  empty: 'application/vnd.oci.empty.v1+json',
  program: 'application/vnd.same.program.v1+json',
  programConfig: 'application/vnd.same.program.config.v1+json',
  manifest: 'application/vnd.same.manifest.v1+yaml',
  lock: 'application/vnd.same.lock.v1+json',
  code: 'application/vnd.same.code.v1.tar',
  infrastructure: 'application/vnd.same.infrastructure.v1.tar',
  run: 'application/vnd.same.run.v1+json',
  runRecord: 'application/vnd.same.run.record.v1+json',
  origin: 'application/vnd.same.origin.v1+json',
  originRecord: 'application/vnd.same.origin.record.v1+json',
  data: 'application/vnd.same.data.v1+json',
  dataset: 'application/vnd.cncf.model.dataset.v1.raw',
  verification: 'application/vnd.same.verification.v1+json',
  verificationRecord: 'application/vnd.same.verification.record.v1+json',
  signature: 'application/vnd.dev.sigstore.bundle.v0.3+json',
} as const;

/** A pointer to a blob: what it is, its digest, its length. */
export interface Descriptor {
  mediaType: string;
  digest: string;
  /** Bytes. */
  size: number;
  artifactType?: string;
  annotations?: Record<string, string>;
}

/** An OCI image manifest, the form every object of a registry has here. */
export interface OciManifest {
  schemaVersion: 2;
  mediaType: typeof MEDIA.ociManifest;
  artifactType: string;
  config: Descriptor;
  layers: Descriptor[];
  subject?: Descriptor;
  annotations?: Record<string, string>;
}

/** `index.json` of a bundle. */
export interface OciIndex {
  schemaVersion: 2;
  mediaType: typeof MEDIA.ociIndex;
  manifests: Descriptor[];
}

/** The config `{}` of objects that have none. */
export const EMPTY_CONFIG: Descriptor = {
  mediaType: MEDIA.empty,
  digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  size: 2,
};

/** Bounds a reader keeps while it streams; a caller may raise them (spec chapter bundle, threat 4). */
export interface Limits {
  /** Unpacked bytes for each packed byte, looked at once 1 MiB is unpacked. */
  ratio: number;
  unpackedBytes: number;
  entries: number;
  pathBytes: number;
  pathSegments: number;
  paxBytes: number;
  jsonBytes: number;
  yamlBytes: number;
}

/** The limits unless a flag raises them. */
export const LIMITS: Limits = {
  ratio: 1000,
  unpackedBytes: 10 * 2 ** 30,
  entries: 100_000,
  pathBytes: 1024,
  pathSegments: 64,
  paxBytes: 64 * 1024,
  jsonBytes: 4 * 2 ** 20,
  yamlBytes: 2 ** 20,
};
