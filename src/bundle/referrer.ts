import type { ContentStore } from '../content/content-store.ts';
import { SameError } from '../errors/same-error.ts';
import type { JsonObject } from '../program/json.ts';
import { parseCanonical } from './canonical-json.ts';
import { type Descriptor, EMPTY_CONFIG, MEDIA, type OciManifest } from './oci.ts';
import { parseManifest, sameTarget } from './oci-manifest.ts';
import { otherType } from './program-config.ts';

/** What may refer to a program, in the order of a bundle's index. */
export type ReferrerKind = 'run' | 'origin';

/** Artifact and record types of each kind. */
export const REFERRERS: { kind: ReferrerKind; artifactType: string; recordType: string }[] = [
  { kind: 'run', artifactType: MEDIA.run, recordType: MEDIA.runRecord },
  { kind: 'origin', artifactType: MEDIA.origin, recordType: MEDIA.originRecord },
];

/**
 * Reads the OCI manifest of a referrer: empty config, one record, a subject.
 * @throws SAME1302 not a referrer · SAME1307 of a later version
 */
export function parseReferrer(
  bytes: Uint8Array,
  label: string,
): { kind: ReferrerKind; manifest: OciManifest; record: Descriptor; subject: Descriptor } {
  const manifest = parseManifest(bytes, label);
  const type = REFERRERS.find(({ artifactType }) => artifactType === manifest.artifactType);
  if (!type) throw otherType(label, manifest.artifactType, 'runs and origins');
  const [record, ...more] = manifest.layers;
  const fault = !sameTarget(manifest.config, EMPTY_CONFIG)
    ? 'has a config, which it may not'
    : !record || more.length > 0 || record.mediaType !== type.recordType
      ? `has other layers than one ${type.recordType}`
      : !manifest.subject
        ? 'has no subject'
        : undefined;
  if (fault) throw new SameError({ code: 'SAME1302', message: `${label} ${fault}` });
  return { kind: type.kind, manifest, record: record!, subject: manifest.subject! };
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
  return { recordBytes: await store.read(record.digest), subject };
}

/** Reads a canonical record of `same/v1` of one kind. @throws SAME1302, SAME1307 */
export function parseRecord(bytes: Uint8Array, kind: string, label: string): JsonObject {
  const value = parseCanonical(bytes, label);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SameError({ code: 'SAME1302', message: `${label} is not an object` });
  }
  if (value.apiVersion !== 'same/v1' || value.kind !== kind) {
    throw otherType(label, `${String(value.apiVersion)} ${String(value.kind)}`, `same/v1 ${kind}`);
  }
  return value;
}
