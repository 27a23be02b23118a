import type { ContentStore } from '../content/content-store.ts';
import type { Origin } from '../sources/source.ts';
import { type Descriptor, MEDIA } from './oci.ts';
import { storeDocument, storeEmptyConfig, storeManifest, subjectOf } from './oci-manifest.ts';
import { openReferrer, parseRecord } from './referrer.ts';
import { refusal } from './refusal.ts';

/**
 * Stores where a program came from as an OCI artifact that refers to it; never part of the program's identity.
 * @returns the descriptor of the origin's manifest.
 */
export async function originArtifact(
  origin: Origin,
  subject: Descriptor,
  store: ContentStore,
): Promise<Descriptor> {
  const record = { apiVersion: 'same/v1', kind: 'Origin', origin };
  return storeManifest(
    {
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      artifactType: MEDIA.origin,
      config: await storeEmptyConfig(store),
      layers: [await storeDocument(record, MEDIA.originRecord, store)],
      subject: subjectOf(subject),
      annotations: originAnnotations(origin),
    },
    store,
  );
}

/** Opens a stored origin. @throws SAME1305, SAME1301 · SAME1302 it is not an origin */
export async function openOrigin(digest: string, store: ContentStore): Promise<Origin> {
  const { recordBytes } = await openReferrer(digest, MEDIA.origin, store);
  return parseOriginRecord(recordBytes, `origin ${digest}`);
}

/** The annotations that an origin gives its artifact (SAME-BND-041). */
export function originAnnotations({ repository, revision }: Origin): Record<string, string> {
  return {
    ...(repository === undefined ? {} : { 'org.opencontainers.image.source': repository }),
    ...(revision === undefined ? {} : { 'org.opencontainers.image.revision': revision }),
  };
}

const KINDS: unknown[] = ['directory', 'git', 'https', 'bundle'];
const TEXTS = ['repository', 'revision', 'ref', 'path', 'diff'];

/** Reads an origin record (SAME-BND-053). @throws SAME1302 */
export function parseOriginRecord(bytes: Uint8Array, label: string): Origin {
  const { apiVersion: _, kind: __, origin, ...others } = parseRecord(bytes, 'Origin', label);
  const members = Object.entries(typeof origin === 'object' && origin !== null ? origin : {});
  const isOrigin = members.every(([name, value]) =>
    name === 'kind'
      ? KINDS.includes(value)
      : name === 'dirty'
        ? typeof value === 'boolean'
        : TEXTS.includes(name) && typeof value === 'string',
  );
  if (!isOrigin || !members.some(([name]) => name === 'kind') || Object.keys(others).length > 0)
    throw refusal('SAME-BND-053', `${label} has no origin, or one with other members than an origin has`);
  return origin as unknown as Origin;
}
