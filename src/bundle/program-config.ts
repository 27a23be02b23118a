import type { SameError } from '../errors/same-error.ts';
import type { JsonObject, JsonValue } from '../program/json.ts';
import { canonicalJson, parseCanonical } from './canonical-json.ts';
import { type Descriptor, MEDIA, type OciManifest } from './oci.ts';
import { checkMembers, parseManifest } from './oci-manifest.ts';
import { refusal } from './refusal.ts';

/** What a layer of a program is. */
export type LayerKind = 'manifest' | 'lock' | 'code' | 'infrastructure';

/** The config blob of a program: its manifest in canonical form, and where each layer belongs. */
export interface ProgramConfig {
  manifest: JsonObject;
  /** In the manifest's order. `path` is a file's name; for a tar the directory it unpacks into. */
  layers: { path: string; digest: string; kind: LayerKind }[];
}

/** The fixed order of a program's layers: media type, place, and whether each program has it. */
export const PROGRAM_LAYERS: { kind: LayerKind; mediaType: string; path: string; required: boolean }[] = [
  { kind: 'manifest', mediaType: MEDIA.manifest, path: 'same.yaml', required: true },
  { kind: 'lock', mediaType: MEDIA.lock, path: 'same.lock', required: false },
  { kind: 'code', mediaType: MEDIA.code, path: '.', required: true },
  { kind: 'infrastructure', mediaType: MEDIA.infrastructure, path: '.', required: false },
];

/** The config of a program from its manifest and layers. */
export function programConfig(manifest: JsonObject, layers: readonly Descriptor[]): ProgramConfig {
  return {
    manifest,
    layers: layers.map(({ mediaType, digest }) => {
      const { path, kind } = PROGRAM_LAYERS.find((layer) => layer.mediaType === mediaType)!;
      return { path, digest, kind };
    }),
  };
}

/** The layer of one kind. */
export function layerOf(manifest: OciManifest, kind: LayerKind): Descriptor | undefined {
  const { mediaType } = PROGRAM_LAYERS.find((layer) => layer.kind === kind)!;
  return manifest.layers.find((layer) => layer.mediaType === mediaType);
}

/**
 * Reads a program's OCI manifest: artifact type, config type, layers of known types in their order.
 * @throws SAME1302 not a program · SAME1307 of a later version
 */
export function parseProgramManifest(bytes: Uint8Array, label: string): OciManifest {
  const manifest = parseManifest(bytes, label);
  const refuse = (message: string) => refusal('SAME-BND-014', `${label} ${message}`);
  if (manifest.artifactType !== MEDIA.program) throw otherType(label, manifest.artifactType, MEDIA.program);
  if (manifest.config.mediaType !== MEDIA.programConfig) {
    throw otherType(label, manifest.config.mediaType, MEDIA.programConfig);
  }
  let at = 0;
  for (const { mediaType } of manifest.layers) {
    const index = PROGRAM_LAYERS.findIndex((layer) => layer.mediaType === mediaType);
    if (index < 0) throw otherType(label, mediaType, 'a known layer');
    if (index < at) throw refuse('has its layers out of order, or one kind twice');
    at = index + 1;
  }
  for (const { kind, required } of PROGRAM_LAYERS) {
    if (required && !layerOf(manifest, kind)) throw refuse(`has no ${kind} layer`);
  }
  checkMembers(manifest, { label, subject: false, annotated: true });
  return manifest;
}

/** Reads a program's config and checks it against its OCI manifest. @throws SAME1302, SAME1307 */
export function parseProgramConfig(bytes: Uint8Array, manifest: OciManifest, label: string): ProgramConfig {
  const value = parseCanonical(bytes, label) as unknown as ProgramConfig;
  const source = value?.manifest;
  if (typeof source !== 'object' || source === null || Array.isArray(source)) {
    throw refusal('SAME-BND-014', `${label} has no manifest`);
  }
  if (isLater(source.apiVersion)) throw otherDocument(label, source, 'Program');
  const expected = programConfig(source, manifest.layers);
  // The manifest in it is itself, and may be long.
  const isExpected =
    Object.keys(value).every((name) => Object.hasOwn(expected, name)) &&
    canonicalJson(value.layers ?? null) === canonicalJson(expected.layers);
  if (!isExpected) throw refusal('SAME-BND-014', `${label} does not list the layers of its OCI manifest`);
  if (source.apiVersion !== 'same/v1' || source.kind !== 'Program')
    throw otherDocument(label, source, 'Program');
  const { name, version } = (source.metadata ?? {}) as Record<string, JsonValue>;
  if (typeof name !== 'string' || typeof version !== 'string')
    throw refusal('SAME-BND-014', `${label} has a manifest without name or version`);
  return value;
}

/** The error for a media or artifact type where another one is wanted (SAME-BND-013). */
export function otherType(label: string, got: string, known: string): SameError {
  const named = (Object.values(MEDIA) as string[]).includes(got);
  return refusal(
    'SAME-BND-013',
    `${label} is ${JSON.stringify(got)}; this version reads ${known}`,
    named ? {} : LATER,
  );
}

/** The error for a document of another version or kind than the one that is wanted (SAME-BND-036). */
export function otherDocument(
  label: string,
  { apiVersion, kind }: { apiVersion?: unknown; kind?: unknown },
  known: string,
): SameError {
  const message = `${label} is ${JSON.stringify(`${String(apiVersion)} ${String(kind)}`)}; this version reads same/v1 ${known}`;
  return refusal('SAME-BND-036', message, isLater(apiVersion) ? LATER : {});
}

/** @throws SAME1307 for a document of a later version (SAME-BND-036) */
export function refuseLater(document: { apiVersion?: unknown; kind?: unknown } | null, label: string): void {
  if (isLater(document?.apiVersion)) throw otherDocument(label, document!, 'documents');
}

const LATER = { code: 'SAME1307', hint: 'it was written by a later version of same: update' } as const;

function isLater(apiVersion: unknown): boolean {
  return typeof apiVersion === 'string' && /^same\/v/.test(apiVersion) && apiVersion !== 'same/v1';
}
