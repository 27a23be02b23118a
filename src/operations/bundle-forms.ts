import {
  type BundleContents,
  type BundleDigests,
  writeBundle,
  writeBundleDirectory,
} from '../bundle/archive.ts';
import type { ContentStore } from '../content/content-store.ts';
import { SameError } from '../errors/same-error.ts';
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

/** The latest second that has four digits of a year. */
const LAST_SECOND = 253_402_300_799;

/** `SOURCE_DATE_EPOCH`, in seconds, for whatever writes a bundle. @throws SAME1902 (spec SAME-BND-045) */
export function sourceDate({ variables }: Ports): number | undefined {
  const text = variables.SOURCE_DATE_EPOCH;
  if (text === undefined) return undefined;
  if (/^[0-9]+$/.test(text) && Number(text) <= LAST_SECOND) return Number(text);
  throw new SameError({
    code: 'SAME1902',
    message: `SOURCE_DATE_EPOCH is ${JSON.stringify(text)}, not a number of seconds from 0 to ${LAST_SECOND}`,
    place: 'SOURCE_DATE_EPOCH',
    hint: 'set it to a number of seconds since 1970, or unset it',
    clause: 'SAME-BND-045',
  });
}
