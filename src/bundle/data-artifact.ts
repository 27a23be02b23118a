import type { ContentStore } from '../content/content-store.ts';
import { type Descriptor, MEDIA } from './oci.ts';
import { storeEmptyConfig, storeManifest, subjectOf } from './oci-manifest.ts';
import { DATA_NAME } from './referrer-check.ts';

/**
 * Stores the object that carries content of data (spec SAME-BND-046).
 * @param data what is in the store already, sorted by name
 * @returns the descriptor of its manifest
 */
export async function dataArtifact(
  data: readonly { name: string; digest: string; sizeBytes: number }[],
  subject: Descriptor,
  store: ContentStore,
): Promise<Descriptor> {
  return storeManifest(
    {
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      artifactType: MEDIA.data,
      config: await storeEmptyConfig(store),
      layers: data.map(({ name, digest, sizeBytes }) => ({
        mediaType: MEDIA.dataset,
        digest,
        size: sizeBytes,
        annotations: { [DATA_NAME]: name },
      })),
      subject: subjectOf(subject),
    },
    store,
  );
}
