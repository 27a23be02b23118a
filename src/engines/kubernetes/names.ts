import { sha256 } from '../../bundle/canonical-json.ts';

/** Pods of a Job have a name of their own behind its name, and 63 characters in all. */
const NAME_LENGTH = 52;
const HASH_DIGITS = 8;

/**
 * A name that Kubernetes takes (DNS-1123) for a thing of a run: the same for the same words, another one for others. What
 * is not told by it, for it has other characters or is too long, is told by a part of its digest.
 */
export function objectName(runId: string, text: string): string {
  const prefix = `same-${runId}-`;
  const plain = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  const room = NAME_LENGTH - prefix.length;
  if (plain === text && plain.length <= room) return `${prefix}${plain}`;
  const hash = sha256(text).slice('sha256:'.length, 'sha256:'.length + HASH_DIGITS);
  const cut = plain.slice(0, room - HASH_DIGITS - 1).replace(/-$/, '');
  return `${prefix}${cut === '' ? '' : `${cut}-`}${hash}`;
}
