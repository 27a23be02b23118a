import type { ContentStore } from '../content/content-store.ts';
import type { JsonObject } from '../program/json.ts';
import { parseCanonical } from './canonical-json.ts';
import { type Descriptor, EMPTY_CONFIG, MEDIA, type OciManifest } from './oci.ts';
import { checkMembers, parseManifest, sameTarget } from './oci-manifest.ts';
import { otherDocument, otherType } from './program-config.ts';
import { refusal } from './refusal.ts';

/** What may refer to a program, in the order of a bundle's index. */
export type ReferrerKind = 'run' | 'origin' | 'data' | 'verification' | 'signature';

/** What a kind of referrer looks like. */
export interface ReferrerType {
  kind: ReferrerKind;
  artifactType: string;
  /** Media type of its layers: one, but for data. */
  recordType: string;
  /** Whether its manifest has the member `annotations`. */
  annotated: boolean;
}

/** The kinds of referrers in the order of a bundle's index. */
export const REFERRERS: ReferrerType[] = [
  { kind: 'run', artifactType: MEDIA.run, recordType: MEDIA.runRecord, annotated: true },
  { kind: 'origin', artifactType: MEDIA.origin, recordType: MEDIA.originRecord, annotated: true },
  { kind: 'data', artifactType: MEDIA.data, recordType: MEDIA.dataset, annotated: false },
  {
    kind: 'verification',
    artifactType: MEDIA.verification,
    recordType: MEDIA.verificationRecord,
    annotated: false,
  },
  { kind: 'signature', artifactType: MEDIA.signature, recordType: MEDIA.signature, annotated: false },
];

/** The manifest of something that refers to a program. */
export interface Referrer {
  kind: ReferrerKind;
  manifest: OciManifest;
  /** Its layer; of data the first one. */
  record: Descriptor;
  subject: Descriptor;
}

/**
 * Reads the OCI manifest of a referrer: empty config, its layers, a subject, and no other members (SAME-BND-040).
 * @throws SAME1302 not a referrer · SAME1307 of a later version
 */
export function parseReferrer(bytes: Uint8Array, label: string): Referrer {
  const manifest = parseManifest(bytes, label);
  const type = REFERRERS.find(({ artifactType }) => artifactType === manifest.artifactType);
  if (!type)
    throw otherType(label, manifest.artifactType, 'runs, origins, data, verifications and signatures');
  const { config, layers, subject } = manifest;
  if (config.mediaType !== MEDIA.empty) throw otherType(label, config.mediaType, MEDIA.empty);
  if (!sameTarget(config, EMPTY_CONFIG))
    throw refusal('SAME-BND-012', `${label} has an empty config of other bytes than {}`);
  for (const { mediaType } of layers) {
    if (mediaType !== type.recordType) throw otherType(label, mediaType, type.recordType);
  }
  if (layers.length === 0 || (layers.length > 1 && type.kind !== 'data'))
    throw refusal('SAME-BND-040', `${label} has ${layers.length} layers, not one ${type.recordType}`);
  const { annotated } = type;
  checkMembers(manifest, { label, annotated, subject: true, annotatedLayers: type.kind === 'data' });
  return { kind: type.kind, manifest, record: layers[0]!, subject: subject! };
}

/** Reads a stored referrer's record and subject. @throws SAME1305, SAME1301, SAME1302 */
export async function openReferrer(
  digest: string,
  artifactType: string,
  store: ContentStore,
): Promise<{ recordBytes: Buffer; subject: Descriptor }> {
  const label = `artifact ${digest}`;
  const { manifest, record, subject } = parseReferrer(await store.read(digest), label);
  if (manifest.artifactType !== artifactType) throw otherType(label, manifest.artifactType, artifactType);
  return { recordBytes: await store.read(record.digest, record.size), subject };
}

/** Reads a canonical record of `same/v1` of one kind. @throws SAME1302, SAME1307 */
export function parseRecord(bytes: Uint8Array, kind: string, label: string): JsonObject {
  const value = parseCanonical(bytes, label);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refusal('SAME-BND-038', `${label} is not an object`);
  }
  if (value.apiVersion !== 'same/v1' || value.kind !== kind) throw otherDocument(label, value, kind);
  return value;
}
