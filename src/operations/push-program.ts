import { openGraph, type ProgramGraph } from '../bundle/graph.ts';
import { MEDIA } from '../bundle/oci.ts';
import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import { type CopyTally, copyGraph } from '../content/graph-copy.ts';
import { throwFindings } from '../errors/same-error.ts';
import { tagOf } from '../program/version.ts';
import type { RegistryAccess, Repository } from '../registry/registry.ts';
import { collectData } from './collect-data.ts';
import { findProgram } from './find-program.ts';
import { nodesOf, repositorySink, storeSource } from './graph-ends.ts';
import type { Ports } from './ports.ts';
import { contentsOf, dataOf, runFindings } from './program-contents.ts';
import { parsePushTarget } from './registry-address.ts';
import { refuseOtherTag } from './registry-tags.ts';
import { type HistoryChoice, selectRuns } from './select-runs.ts';

/** What push did. */
export interface Pushed {
  artifact: ProgramArtifact;
  /** `oci://HOST/REPOSITORY:VERSION`, and the same by digest. */
  reference: string;
  pinned: string;
  runs: string[];
  history: HistoryChoice;
  tally: CopyTally;
  /** How what refers to the program is found there; nothing refers to it when absent. */
  referrers?: 'api' | 'tag';
  /** The digest that the tag led to before, when it was moved. */
  moved?: string;
}

/**
 * `same push`: a stored program with chosen runs and records goes to a registry: leaves first, manifests next, the tag last;
 * what is there is not sent again (spec chapter registries).
 * @throws SAME1204 there is no such program · SAME1804 the tag leads to another digest · SAME1207, SAME1801, SAME1802,
 * SAME1806, and what export says of runs and data
 */
export async function pushProgram(
  ports: Ports,
  options: {
    reference: string;
    target?: string | undefined;
    history?: HistoryChoice | undefined;
    withData?: { limitBytes?: number } | undefined;
    force?: boolean | undefined;
    access: RegistryAccess;
  },
): Promise<Pushed> {
  const { artifact, pin } = await findProgram(ports, options.reference);
  const { name, version } = artifact.program.metadata;
  const { address } = await parsePushTarget(ports, options.target, { name, version }, pin.registry);
  using temporary = ports.files.scratch();
  const content = ports.stageContent(temporary.path);
  const travelling = dataOf(artifact, options);
  const selection = await selectRuns(ports, content, artifact, options.history);
  for (const run of selection.chosen) throwFindings(await runFindings(ports, artifact, selection, run));
  const { referrers, ...known } = await contentsOf(ports, content, artifact, selection, pin.origin);
  const data =
    travelling.length > 0
      ? [await collectData(ports, artifact, travelling, content, options.withData ?? {})]
      : [];
  const graph = await openGraph({ ...known, referrers: [...referrers, ...data] }, content);
  const repository = await ports.openRepository(address, options.access);
  try {
    const moved = await refuseOtherTag(repository, artifact, { force: options.force ?? false });
    const there = moved === 'same' ? new Set([artifact.digest]) : new Set<string>();
    const mountFrom = mountable(pin.registry, repository);
    const sink = repositorySink(repository, { known: there, mountFrom });
    const tally = await copyGraph(storeSource(content), sink, nodesOf(graph));
    const found = await linkReferrers(repository, graph);
    if (moved !== 'same') {
      // Somebody else may have pushed meanwhile: the look and the writing are as near as a registry lets them be.
      await refuseOtherTag(repository, artifact, { force: options.force ?? false, before: moved });
      const bytes = await content.read(artifact.digest);
      await repository.putManifest(bytes, { mediaType: MEDIA.ociManifest, tag: tagOf(version) });
    }
    ports.pins.harden(pin.name, pin.version, repository.label);
    return {
      artifact,
      reference: `${repository.label}:${version}`,
      pinned: `${repository.label}@${artifact.digest}`,
      runs: selection.chosen.map(({ record }) => record.id),
      history: selection.history,
      tally,
      ...(found ? { referrers: found } : {}),
      ...(moved !== undefined && moved !== 'same' ? { moved } : {}),
    };
  } finally {
    repository.close();
  }
}

/** Makes sure that everything which refers to something else is found there. */
export async function linkReferrers(
  repository: Repository,
  { referrers }: Pick<ProgramGraph, 'referrers'>,
): Promise<'api' | 'tag' | undefined> {
  const bySubject = Map.groupBy(referrers, ({ subject }) => subject.digest);
  let found: 'api' | 'tag' | undefined;
  for (const [subject, group] of bySubject) {
    const listed = group.map(({ self, manifest }) => ({
      ...self,
      ...(manifest.annotations && Object.keys(manifest.annotations).length > 0
        ? { annotations: manifest.annotations }
        : {}),
    }));
    const how = await repository.listReferrers(subject, listed);
    found = found === 'tag' ? found : how;
  }
  return found;
}

/** Another repository of the same registry, where the program is already. */
function mountable(registry: string | undefined, { address }: Repository): string | undefined {
  const start = `oci://${address.host}/`;
  const from = registry?.startsWith(start) ? registry.slice(start.length) : undefined;
  return from === address.repository ? undefined : from;
}
