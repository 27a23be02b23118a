import { type Descriptor, MEDIA } from '../../src/bundle/oci.ts';
import { storeDocument, storeEmptyConfig, storeManifest, subjectOf } from '../../src/bundle/oci-manifest.ts';
import { openDiskContentStore } from '../../src/content/disk-content-store.ts';
import { openDiskReferrers } from '../../src/content/disk-referrers.ts';
import type { JsonValue } from '../../src/program/json.ts';

/**
 * Puts into a home what somebody said of an object: nothing of this version makes verifications and signatures, and all
 * of it carries them.
 */
export async function said(
  home: string,
  kind: 'verification' | 'signature',
  of: Pick<Descriptor, 'artifactType' | 'digest' | 'size'>,
  content: JsonValue,
): Promise<Descriptor> {
  const store = openDiskContentStore(`${home}/content`);
  const recordType = kind === 'signature' ? MEDIA.signature : MEDIA.verificationRecord;
  const saying = await storeManifest(
    {
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      artifactType: MEDIA[kind],
      config: await storeEmptyConfig(store),
      layers: [await storeDocument(content, recordType, store)],
      subject: subjectOf({ mediaType: MEDIA.ociManifest, ...of }),
    },
    store,
  );
  openDiskReferrers(`${home}/content`).add(of.digest, saying.digest);
  return saying;
}
