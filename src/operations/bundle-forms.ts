import {
  type BundleContents,
  type BundleDigests,
  writeBundle,
  writeBundleDirectory,
} from '../bundle/archive.ts';
import type { ContentStore } from '../content/content-store.ts';
import type { Ports } from './ports.ts';

/** The forms of a bundle (spec SAME-BND-043), and how the names of their files end. */
export const BUNDLE_FORMS = { tgz: '.tgz', 'oci-tar': '.tar', 'oci-dir': '.oci' } as const;
/** One of them. */
export type BundleForm = keyof typeof BUNDLE_FORMS;

/**
 * Up to this length of an archive the digest of the file is told without being asked for. It says nothing about content,
 * and for a long file it is as much work as all the rest of hashing; `same show FILE` tells it of any.
 */
export const FILE_DIGEST_BYTES = 64 * 2 ** 20;

/**
 * Writes a bundle in one of its forms, whole or not at all.
 * @param target.replace whether a directory that is there gives way
 * @returns its digests, and where a directory lies that could not be removed
 */
export async function writeForm(
  ports: Ports,
  contents: BundleContents,
  content: ContentStore,
  { path, form, replace }: { path: string; form: BundleForm; replace: boolean },
): Promise<{ digests: BundleDigests; aside?: string | undefined }> {
  let digests: BundleDigests | undefined;
  let aside: string | undefined;
  if (form === 'oci-dir') {
    const fill = async (directory: string) => {
      digests = await writeBundleDirectory(contents, content, (file) => ports.files.place(directory, file));
    };
    aside = await ports.files.makeDirectory(path, fill, { replace });
  } else {
    const options = {
      gzip: form === 'tgz',
      fileDigestUpTo: FILE_DIGEST_BYTES,
      onDigests: (all: BundleDigests) => (digests = all),
    };
    await ports.files.writeStream(path, writeBundle(contents, content, options), ports.cancel);
  }
  return { digests: digests!, aside };
}

/** `NAME:VERSION.tgz`, or `NAME-VERSION.tgz` where a colon would be in the way; other forms end otherwise. */
export function fileName(
  name: string,
  version: string,
  { form, portable }: { form: BundleForm; portable: boolean },
): string {
  return `${name.replaceAll('/', '-')}${portable ? '-' : ':'}${version}${BUNDLE_FORMS[form]}`;
}
