import type { GraphObject } from '../bundle/graph.ts';
import { MEDIA } from '../bundle/oci.ts';
import { type CopyTally, copyGraph, type GraphSource } from '../content/graph-copy.ts';
import { tagOf } from '../program/version.ts';
import type { Repository } from '../registry/registry.ts';
import { nodesOf, repositorySink } from './graph-ends.ts';
import { refuseOtherTag } from './registry-tags.ts';

/** What publishing did. */
export interface Published {
  tally: CopyTally;
  /** How what refers to the program is found there; nothing refers to it when absent. */
  referrers?: 'api' | 'tag';
  /** The digest that the tag led to before, when it was moved. */
  moved?: string;
}

/**
 * Puts a program and what belongs to it into a repository: leaves first, manifests next, lists of referrers, the tag last;
 * what is there is not sent again (spec SAME-REG-005 to 011).
 * @param objects the program, its ancestors, then what refers to them
 * @throws SAME1804, SAME1207 · SAME1801, SAME1802, SAME1806
 */
export async function publishGraph(
  repository: Repository,
  source: GraphSource,
  program: { name: string; version: string },
  objects: readonly [GraphObject, ...GraphObject[]],
  options: {
    force: boolean;
    mountFrom?: string | undefined;
    /** Told the digests of manifests that are not there, before any of it is sent. */
    check?: (missing: ReadonlySet<string>) => Promise<void>;
  },
): Promise<Published> {
  const [{ self: root }] = objects;
  const wanted = { ...program, digest: root.digest };
  const { force, mountFrom, check } = options;
  const before = await refuseOtherTag(repository, wanted, { force });
  const known = new Set(before === root.digest ? [root.digest] : []);
  const tally = await copyGraph(
    source,
    repositorySink(repository, { known, mountFrom }),
    nodesOf(objects),
    check && ((missing) => check(new Set(missing.map(({ self }) => self.digest)))),
  );
  const referrers = await linkReferrers(repository, objects);
  if (before !== root.digest) {
    // Somebody else may have pushed meanwhile: looking and writing are as near as a registry lets them be.
    await refuseOtherTag(repository, wanted, { force, before });
    const bytes = await source.manifest(root);
    await repository.putManifest(bytes, { mediaType: MEDIA.ociManifest, tag: tagOf(program.version) });
  }
  return {
    tally,
    ...(referrers ? { referrers } : {}),
    ...(before !== undefined && before !== root.digest ? { moved: before } : {}),
  };
}

/** Makes sure that everything which refers to something else is found there. */
export async function linkReferrers(
  repository: Repository,
  objects: readonly GraphObject[],
): Promise<'api' | 'tag' | undefined> {
  const bySubject = Map.groupBy(
    objects.filter(({ subject }) => subject),
    ({ subject }) => subject!.digest,
  );
  let found: 'api' | 'tag' | undefined;
  for (const [subject, group] of bySubject) {
    const listed = group.map(({ self, manifest: { annotations = {} } }) => ({
      ...self,
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    }));
    const how = await repository.listReferrers(subject, listed);
    found = found === 'tag' ? found : how;
  }
  return found;
}

/** The repository of `oci://HOST/REPOSITORY`, when it is another one of the same registry. */
export function mountable(registry: string | undefined, { address }: Repository): string | undefined {
  const start = `oci://${address.host}/`;
  const from = registry?.startsWith(start) ? registry.slice(start.length) : undefined;
  return from === address.repository ? undefined : from;
}
