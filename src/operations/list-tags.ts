import { SameError } from '../errors/same-error.ts';
import { formatReference } from '../program/reference.ts';
import { compareInLists, tagOf } from '../program/version.ts';
import type { RegistryAccess } from '../registry/registry.ts';
import type { Ports } from './ports.ts';
import { parseRegistryReference } from './registry-address.ts';
import { versionsIn } from './registry-tags.ts';

/** The tags of a repository. */
export interface ListedTags {
  /** `oci://HOST/REPOSITORY`. */
  repository: string;
  /** Highest version first. */
  versions: { version: string; tag: string }[];
  /** Tags that are no version, by code unit; those that list what refers to a digest are left out. */
  others: string[];
}

/**
 * `same list tags`: which versions a repository of a registry has; what they are is not looked at.
 * @param options.reference `oci://HOST/[NAMESPACE/]NAME`
 * @throws SAME1803 there is no such repository · SAME1902 a version or a digest is said · SAME1805, SAME1801, SAME1802
 */
export async function listTags(
  ports: Ports,
  options: { reference: string; access: RegistryAccess },
): Promise<ListedTags> {
  const { address, reference } = await parseRegistryReference(ports, options.reference);
  const { version, digest, ...whole } = reference;
  if (version !== undefined || digest !== undefined) {
    throw new SameError({
      code: 'SAME1902',
      message: `list tags takes a program without ${version === undefined ? 'digest' : 'version'}, got "${options.reference}"`,
      hint: `all versions: same list tags ${formatReference(whole)}`,
    });
  }
  const repository = await ports.openRepository(address, options.access);
  try {
    const { versions, others } = await versionsIn(repository);
    return {
      repository: repository.label,
      versions: versions
        .sort((a, b) => compareInLists(b, a))
        .map((version) => ({ version, tag: tagOf(version) })),
      others: others.sort(),
    };
  } finally {
    repository.close();
  }
}
