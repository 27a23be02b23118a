import { LIMITS, MEDIA } from '../bundle/oci.ts';
import { parseProgramConfig, parseProgramManifest } from '../bundle/program-config.ts';
import { isProblem } from '../bundle/refusal.ts';
import { SameError } from '../errors/same-error.ts';
import { foldName } from '../program/name.ts';
import {
  compareInLists,
  compareVersions,
  isReferrersTag,
  isVersion,
  tagOf,
  versionOfTag,
} from '../program/version.ts';
import type { Repository } from '../registry/registry.ts';

/** The versions that a repository's tags say, lowest first, and the tags that say none. */
export async function versionsIn(repository: Repository): Promise<{ versions: string[]; others: string[] }> {
  const tags = (await repository.tags()).filter((tag) => !isReferrersTag(tag));
  const versions = tags.map(versionOfTag).filter(isVersion);
  const others = tags.filter((tag) => !isVersion(versionOfTag(tag)));
  return { versions: versions.sort(compareInLists), others };
}

/**
 * Refuses to move a tag, and to put a program beside one that is spelt otherwise.
 * @param options.before where the tag led when it was looked at last
 * @returns where the tag leads: to the program, to another digest when it is to be moved by force, or undefined when
 * there is no such tag
 * @throws SAME1804, SAME1207
 */
export async function refuseOtherTag(
  repository: Repository,
  { name, version, digest }: { name: string; version: string; digest: string },
  options: { force: boolean; before?: string | undefined },
): Promise<string | undefined> {
  const there = (await repository.resolve(tagOf(version)))?.digest;
  if (there === digest) return there;
  if (!('before' in options)) await refuseOtherSpelling(repository, name, version);
  if (there === undefined) return undefined;
  const isExpected = !('before' in options) || options.before === there;
  if (options.force && isExpected) return there;
  throw new SameError(
    {
      code: 'SAME1804',
      message: `${repository.label}:${version} leads to ${there} already, not to ${digest}${isExpected ? '' : ': somebody pushed it meanwhile'}`,
      place: `${repository.label}:${version}`,
      hint: `give the change another version: same commit ${name}:${version} --as VERSION; or move the tag with --force`,
    },
    { details: { there, wanted: digest } },
  );
}

/** @throws SAME1207 a version of equal order, or the name, is spelt otherwise there (spec SAME-REF-002, SAME-REF-004) */
async function refuseOtherSpelling(repository: Repository, name: string, version: string): Promise<void> {
  const versions = await versionsThere(repository);
  const other = versions.find(
    (there) =>
      there !== version && (compareVersions(there, version) === 0 || foldName(there) === foldName(version)),
  );
  const refused = (what: string, hint: string) =>
    new SameError({
      code: 'SAME1207',
      message: `${repository.label} ${what}`,
      place: repository.label,
      hint,
    });
  if (other !== undefined) {
    throw refused(
      `has the version ${other}, which differs only in spelling from ${version}`,
      `use ${other}, or the next version`,
    );
  }
  const last = versions.at(-1);
  const named = last === undefined ? undefined : await nameOf(repository, last);
  if (named === undefined || named === name) return;
  throw refused(
    `holds the program ${named}, whose name ${foldName(named) === foldName(name) ? 'differs only in spelling from' : 'is not'} ${name}`,
    'push into another namespace: same push NAME:VERSION oci://HOST/NAMESPACE',
  );
}

async function versionsThere(repository: Repository): Promise<string[]> {
  try {
    return (await versionsIn(repository)).versions;
  } catch (error) {
    if (error instanceof SameError && error.code === 'SAME1803') return [];
    throw error;
  }
}

/** The name of the program that a version's tag leads to; undefined when it leads to no program. */
async function nameOf(repository: Repository, version: string): Promise<string | undefined> {
  const found = await repository.manifest(tagOf(version));
  if (found?.mediaType !== MEDIA.ociManifest) return undefined;
  try {
    const label = `${repository.label}:${version}`;
    const manifest = parseProgramManifest(found.bytes, label);
    if (manifest.config.size > LIMITS.jsonBytes) return undefined;
    const chunks: Uint8Array[] = [];
    for await (const chunk of repository.stream(manifest.config)) chunks.push(chunk);
    const config = parseProgramConfig(Buffer.concat(chunks), manifest, label);
    return (config.manifest.metadata as { name: string }).name;
  } catch (error) {
    // What is there is no program that this version reads, and so none of another spelling.
    if (isProblem(error)) return undefined;
    throw error;
  }
}
