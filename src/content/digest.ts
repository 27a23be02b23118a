import { SameError } from '../errors/same-error.ts';
import { hexOfSha256 } from '../program/digest.ts';

/** The 64 hex digits of a digest, which are its file's name; undefined when it is no `sha256:` digest. */
export function hexIn(digest: string): string | undefined {
  return hexOfSha256(digest);
}

/** The 64 hex digits of a digest. @throws SAME1305 when it is no `sha256:` digest, so no blob can have it */
export function hexOf(digest: string): string {
  const hex = hexIn(digest);
  if (hex === undefined) {
    throw new SameError({ code: 'SAME1305', message: `${JSON.stringify(digest)} is no sha256 digest` });
  }
  return hex;
}

/** The error for a blob that is not there. */
export function missing(digest: string): SameError {
  return new SameError({ code: 'SAME1305', message: `${digest} is not in the content store`, place: digest });
}

/** The error for bytes that are not what their digest or size says. */
export function mismatch(expected: string, got: string): SameError {
  return new SameError({ code: 'SAME1301', message: `expected ${expected}, got ${got}`, place: expected });
}

/** The error for a blob too large to be read at once. */
export function tooLarge(digest: string, sizeBytes: number, limitBytes: number): SameError {
  return new SameError({
    code: 'SAME1304',
    message: `${digest} has ${sizeBytes} bytes, over the limit of ${limitBytes}`,
    place: digest,
  });
}
