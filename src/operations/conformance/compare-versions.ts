import { type Finding, throwFindings } from '../../errors/same-error.ts';
import {
  compareVersions as compare,
  compareInLists,
  highestVersion,
  isVersion,
  tagOf,
} from '../../program/version.ts';
import type { Desk } from './desk.ts';

/** The order of two versions; or of several, with the one that a reference without a version means. */
export async function compareVersions(
  _desk: Desk,
  input: { a: string; b: string } | { versions: string[] },
): Promise<object> {
  const versions = 'versions' in input ? input.versions : [input.a, input.b];
  throwFindings(
    versions
      .filter((version) => !isVersion(version))
      .map((version): Finding => ({ code: 'SAME1202', message: `"${version}" is not a version` })),
  );
  if ('a' in input) return { order: Math.sign(compare(input.a, input.b)) };
  const sorted = versions.toSorted(compareInLists);
  return { sorted, chosen: highestVersion(versions), tags: sorted.map(tagOf) };
}
