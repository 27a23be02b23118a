import type { ContentStore } from '../content/content-store.ts';
import { SameError } from '../errors/same-error.ts';
import { isSha256 } from '../program/digest.ts';
import { canonicalBytes, parseCanonical } from './canonical-json.ts';
import { type Descriptor, EMPTY_CONFIG, LIMITS, MEDIA, type OciIndex, type OciManifest } from './oci.ts';
import { refusal } from './refusal.ts';

/** Stores a manifest in canonical form. @returns the descriptor that points at it. @throws SAME1304 over 4 MiB */
export async function storeManifest(manifest: OciManifest, store: ContentStore): Promise<Descriptor> {
  const bytes = canonicalBytes(manifest);
  if (bytes.length > LIMITS.jsonBytes) {
    throw new SameError({
      code: 'SAME1304',
      message: `an OCI manifest of ${bytes.length} bytes is over the 4 MiB limit`,
    });
  }
  const { digest, sizeBytes } = await store.write(bytes);
  return { mediaType: MEDIA.ociManifest, artifactType: manifest.artifactType, digest, size: sizeBytes };
}

/** Reads an OCI manifest in canonical form. @throws SAME1302 not canonical, or not a manifest */
export function parseManifest(bytes: Uint8Array, label: string): OciManifest {
  const value = parseCanonical(bytes, label);
  const wrong = manifestFault(value);
  if (wrong) throw refusal('SAME-BND-040', `${label} ${wrong}`);
  return value as unknown as OciManifest;
}

/**
 * Insists that a manifest and its descriptors have exactly the members of their kind (SAME-BND-040).
 * @param kind.annotatedLayers whether layers have annotations
 * @throws SAME1302
 */
export function checkMembers(
  { config, layers, subject, annotations }: OciManifest,
  kind: { label: string; subject: boolean; annotated: boolean; annotatedLayers?: boolean },
): void {
  const bare = ['mediaType', 'digest', 'size'];
  const fault =
    (subject !== undefined) !== kind.subject
      ? kind.subject
        ? 'has no subject'
        : 'has a subject, which it may not'
      : (annotations !== undefined) !== kind.annotated
        ? `has ${annotations ? '' : 'no '}annotations`
        : !hasExactly(config, bare)
          ? 'has other members in the descriptor of its config than it may'
          : !layers.every((layer) =>
                hasExactly(layer, kind.annotatedLayers ? [...bare, 'annotations'] : bare),
              )
            ? 'has other members in the descriptor of a layer than it may'
            : subject && !hasExactly(subject, [...bare, 'artifactType'])
              ? 'has other members in the descriptor of its subject than it may'
              : undefined;
  if (fault) throw refusal('SAME-BND-040', `${kind.label} ${fault}`);
}

/** Reads `index.json` of a bundle; what may stand in it in which order is not looked at. @throws SAME1302 */
export function parseIndex(bytes: Uint8Array): OciIndex {
  const value = parseCanonical(bytes, 'index.json');
  const ok =
    isObject(value) &&
    hasExactly(value, ['schemaVersion', 'mediaType', 'manifests']) &&
    value.schemaVersion === 2 &&
    value.mediaType === MEDIA.ociIndex &&
    Array.isArray(value.manifests) &&
    value.manifests.length > 0;
  if (!ok) throw refusal('SAME-BND-020', 'index.json is not an OCI index of artifacts');
  const { manifests } = value as unknown as OciIndex;
  if (
    !manifests.every(
      (item) => isDescriptor(item) && item.mediaType === MEDIA.ociManifest && item.artifactType,
    )
  )
    throw refusal('SAME-BND-021', 'index.json has an entry that is no descriptor of an artifact');
  return value as unknown as OciIndex;
}

function manifestFault(value: unknown): string | undefined {
  if (!isObject(value)) return 'is not an object';
  const known = ['schemaVersion', 'mediaType', 'artifactType', 'config', 'layers', 'subject', 'annotations'];
  if (!hasOnly(value, known)) return 'has an unknown field';
  if (value.schemaVersion !== 2 || value.mediaType !== MEDIA.ociManifest)
    return 'is not an OCI image manifest';
  if (typeof value.artifactType !== 'string') return 'has no artifactType';
  if (!isDescriptor(value.config)) return 'has a config that is not a descriptor';
  if (!Array.isArray(value.layers) || !value.layers.every(isDescriptor))
    return 'has a layer that is not a descriptor';
  if (value.subject !== undefined && !isDescriptor(value.subject))
    return 'has a subject that is not a descriptor';
  if (value.annotations !== undefined && !isTexts(value.annotations))
    return 'has an annotation that is not text';
  return undefined;
}

function isDescriptor(value: unknown): value is Descriptor {
  return (
    isObject(value) &&
    hasOnly(value, ['mediaType', 'digest', 'size', 'artifactType', 'annotations']) &&
    typeof value.mediaType === 'string' &&
    isSha256(value.digest) &&
    Number.isSafeInteger(value.size) &&
    (value.size as number) >= 0 &&
    (value.artifactType === undefined || typeof value.artifactType === 'string') &&
    (value.annotations === undefined || isTexts(value.annotations))
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasExactly(value: object, members: string[]): boolean {
  return (
    Object.keys(value).length === members.length && members.every((member) => Object.hasOwn(value, member))
  );
}

function hasOnly(value: Record<string, unknown>, known: string[]): boolean {
  return Object.keys(value).every((key) => known.includes(key));
}

function isTexts(value: unknown): boolean {
  return isObject(value) && Object.values(value).every((text) => typeof text === 'string');
}

/** The bare pointer of a descriptor, or of an artifact that carries one: what `subject` holds. */
export function subjectOf({ mediaType, artifactType, digest, size }: Descriptor): Descriptor {
  return { mediaType, ...(artifactType === undefined ? {} : { artifactType }), digest, size };
}

/** Whether two descriptors point at the same bytes as the same thing. */
export function sameTarget(a: Descriptor, b: Descriptor): boolean {
  return a.digest === b.digest && a.size === b.size && a.mediaType === b.mediaType;
}

/** Stores `{}`, the config of artifacts that have none. */
export async function storeEmptyConfig(store: ContentStore): Promise<Descriptor> {
  await store.write(Buffer.from('{}'));
  return EMPTY_CONFIG;
}

/** Stores a JSON document in canonical form as a layer; how long it may be is for who packs or writes it to say. */
export async function storeDocument(
  value: unknown,
  mediaType: string,
  store: ContentStore,
): Promise<Descriptor> {
  const { digest, sizeBytes } = await store.write(canonicalBytes(value));
  return { mediaType, digest, size: sizeBytes };
}
