import type { ContentStore } from '../content/content-store.ts';
import { SameError } from '../errors/same-error.ts';
import type { Origin } from '../sources/source.ts';
import { type Descriptor, MEDIA } from './oci.ts';
import { storeDocument, storeEmptyConfig, storeManifest, subjectOf } from './oci-manifest.ts';
import { openReferrer, parseRecord } from './referrer.ts';

/**
 * Stores where a program came from as an OCI artifact that refers to it; never part of the program's identity.
 * @returns the descriptor of the origin's manifest.
 */
export async function originArtifact(
  origin: Origin,
  subject: Descriptor,
  store: ContentStore,
): Promise<Descriptor> {
  const { repository, revision } = origin;
  const record = { apiVersion: 'same/v1', kind: 'Origin', origin };
  const annotations = {
    ...(repository === undefined ? {} : { 'org.opencontainers.image.source': repository }),
    ...(revision === undefined ? {} : { 'org.opencontainers.image.revision': revision }),
  };
  return storeManifest(
    {
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      artifactType: MEDIA.origin,
      config: await storeEmptyConfig(store),
      layers: [await storeDocument(record, MEDIA.originRecord, store)],
      subject: subjectOf(subject),
      annotations,
    },
    store,
  );
}

/** Opens a stored origin. @throws SAME1305, SAME1301 · SAME1302 it is not an origin */
export async function openOrigin(digest: string, store: ContentStore): Promise<Origin> {
  const { recordBytes } = await openReferrer(digest, MEDIA.origin, store);
  return parseOriginRecord(recordBytes, `origin ${digest}`);
}

/** Reads an origin record. @throws SAME1302 */
export function parseOriginRecord(bytes: Uint8Array, label: string): Origin {
  const { origin } = parseRecord(bytes, 'Origin', label);
  const kind = (origin as { kind?: unknown } | undefined)?.kind;
  if (typeof kind !== 'string') throw new SameError({ code: 'SAME1302', message: `${label} has no origin` });
  return origin as unknown as Origin;
}
