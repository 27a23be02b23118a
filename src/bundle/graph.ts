import type { ContentStore } from '../content/content-store.ts';
import { SameError } from '../errors/same-error.ts';
import { isDerivedFrom } from './ancestry.ts';
import { type Descriptor, MEDIA, type OciManifest } from './oci.ts';
import { subjectOf } from './oci-manifest.ts';
import { openProgram, type ProgramArtifact } from './program-artifact.ts';
import { parseReferrer, REFERRERS } from './referrer.ts';

/** What travels together, in a bundle or to a registry. */
export interface GraphContents {
  /** Digest of the program. */
  program: string;
  /** Earlier programs whose runs are included; those between on the `derivedFrom` chain are added. */
  ancestors?: readonly string[];
  /** Digests of runs, origins and what else refers to the program or to one of these, in any order. */
  referrers: readonly string[];
}

/** Something that refers to a program, with its descriptor. */
export type StoredReferrer = { self: Descriptor } & ReturnType<typeof parseReferrer>;

/** A program of a store with all that travels along, in the order of an index (spec SAME-BND-020). */
export interface ProgramGraph {
  program: ProgramArtifact;
  /** Nearest first. */
  ancestors: ProgramArtifact[];
  referrers: StoredReferrer[];
}

/** One of its objects, with what it refers to. */
export interface GraphObject {
  self: Descriptor;
  manifest: OciManifest;
  subject?: Descriptor;
}

/**
 * Opens what travels together.
 * @throws SAME1305 something is not in the store · SAME1301 damaged · SAME1302 a referrer of another program
 */
export async function openGraph(contents: GraphContents, store: ContentStore): Promise<ProgramGraph> {
  const program = await openProgram(contents.program, store);
  const ancestors = await chainTo(program, contents.ancestors ?? [], store);
  const referrers = await openReferrers(contents.referrers, [program, ...ancestors], store);
  return { program, ancestors, referrers };
}

/** The ancestors from nearest to farthest, with all between, by following `derivedFrom`. */
async function chainTo(
  program: ProgramArtifact,
  wanted: readonly string[],
  store: ContentStore,
): Promise<ProgramArtifact[]> {
  const missing = new Set(wanted);
  const chain: ProgramArtifact[] = [];
  let last = program;
  while (missing.size > 0 && last.program.metadata.derivedFrom) {
    const ancestor = await openProgram(last.program.metadata.derivedFrom.digest, store);
    if (!isDerivedFrom(last, ancestor)) break;
    missing.delete(ancestor.digest);
    chain.push(ancestor);
    last = ancestor;
  }
  const [stranger] = missing;
  if (stranger === undefined) return chain;
  throw new SameError({
    code: 'SAME1302',
    message: `${stranger} is no ancestor of ${program.digest}: no derivedFrom leads to it`,
  });
}

async function openReferrers(
  digests: readonly string[],
  programs: readonly ProgramArtifact[],
  store: ContentStore,
): Promise<StoredReferrer[]> {
  const opened: StoredReferrer[] = [];
  // A signature may be of a run or of a verification.
  const inside = new Set([...programs.map(({ digest }) => digest), ...digests]);
  for (const digest of [...new Set(digests)].sort()) {
    const bytes = await store.read(digest);
    const referrer = parseReferrer(bytes, `referrer ${digest}`);
    if (!inside.has(referrer.subject.digest)) {
      throw new SameError({
        code: 'SAME1302',
        message: `${digest} is a ${referrer.kind} of ${referrer.subject.digest}, which is not in this bundle`,
      });
    }
    const { artifactType } = referrer.manifest;
    opened.push({
      self: { mediaType: MEDIA.ociManifest, artifactType, digest, size: bytes.length },
      ...referrer,
    });
  }
  const rank = ({ kind }: StoredReferrer) => REFERRERS.findIndex((type) => type.kind === kind);
  return opened.sort((a, b) => rank(a) - rank(b));
}

/** The objects of a graph: programs, nearest first, then what refers to them. */
export function objectsOf({ program, ancestors, referrers }: ProgramGraph): [GraphObject, ...GraphObject[]] {
  const object = (artifact: ProgramArtifact): GraphObject => ({
    self: subjectOf(artifact),
    manifest: artifact.manifest,
  });
  return [object(program), ...ancestors.map(object), ...referrers];
}
