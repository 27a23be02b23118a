import { type GraphObject, objectsOf, openGraph, type StoredReferrer } from '../bundle/graph.ts';
import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import { RUN_ID } from '../bundle/run-artifact.ts';
import type { ContentStore } from '../content/content-store.ts';
import { SameError, throwFindings } from '../errors/same-error.ts';
import type { RegistryAccess } from '../registry/registry.ts';
import { collectData } from './collect-data.ts';
import { findProgram, rememberedRegistry } from './find-program.ts';
import { storeSource } from './graph-ends.ts';
import type { Ports } from './ports.ts';
import { contentsOf, dataOf, runFindings } from './program-contents.ts';
import { mountable, type Published, publishGraph } from './publish-graph.ts';
import { parsePushTarget } from './registry-address.ts';
import { type HistoryChoice, type KnownRun, selectRuns } from './select-runs.ts';

/** What push did. */
export interface Pushed extends Published {
  artifact: ProgramArtifact;
  /** `oci://HOST/REPOSITORY:VERSION`, and the same by digest. */
  reference: string;
  pinned: string;
  runs: string[];
  history: HistoryChoice;
  /** How many runs `all` passes over because they did not succeed, by status. */
  passedOver: Record<string, number>;
}

/** What is asked of a push. */
interface PushOptions {
  reference: string;
  target?: string | undefined;
  history?: HistoryChoice | undefined;
  withData?: { limitBytes?: number } | undefined;
  force?: boolean | undefined;
  access: RegistryAccess;
}

/** Documents that are no documents, or of other things than they were stored for. */
const NO_SENSE = /^SAME1(30[2-7]|505|612)$/;

/**
 * `same push`: a stored program with chosen runs and records goes to a registry: leaves first, manifests next, the tag last;
 * what is there is not sent again (spec SAME-REG-004 to 011).
 * @throws SAME1204 there is no such program · SAME1804 the tag leads to another digest · SAME1207, SAME1801, SAME1802,
 * SAME1806, and what export says of runs and data
 */
export async function pushProgram(ports: Ports, options: PushOptions): Promise<Pushed> {
  using directories = new DisposableStack();
  // Hashed is what is sent, and what makes no sense, so that the error is of its bytes where they are damaged.
  const plan = await planPush(ports, options, directories, 'unhashed').catch((error: unknown) => {
    if (!(error instanceof SameError && NO_SENSE.test(error.code))) throw error;
    return planPush(ports, options, directories, 'hashed');
  });
  const { artifact, pin, address, content, selection, graph, checkRuns } = plan;
  const { name, version } = artifact.program.metadata;
  const repository = await ports.openRepository(address, options.access);
  try {
    const published = await publishGraph(
      repository,
      storeSource(content, ports.content),
      { name, version },
      objectsOf(graph),
      {
        force: options.force ?? false,
        mountFrom: mountable(rememberedRegistry(ports, pin), repository),
        // A record that is there already was checked when it went; its schema takes long to load.
        check: (missing) => checkRuns(runsAmong(graph.referrers, selection.chosen, missing)),
      },
    ).catch(async (error: unknown) => {
      await refuseDamaged(ports, error, objectsOf(graph));
      throw error;
    });
    ports.pins.harden(pin.name, pin.version, repository.label);
    return {
      artifact,
      reference: `${repository.label}:${version}`,
      pinned: `${repository.label}@${artifact.digest}`,
      runs: selection.chosen.map(({ record }) => record.id),
      history: selection.history,
      passedOver: selection.passedOver,
      ...published,
    };
  } finally {
    repository.close();
  }
}

/** What travels, and where to. */
async function planPush(
  all: Ports,
  options: PushOptions,
  directories: DisposableStack,
  how: 'hashed' | 'unhashed',
) {
  const content = { value: all.content.unhashed() };
  const ports: Ports = how === 'hashed' ? all : Object.create(all, { content });
  const { artifact, pin } = await findProgram(ports, options.reference);
  const { name, version } = artifact.program.metadata;
  const remembered = rememberedRegistry(ports, pin);
  const { address } = await parsePushTarget(ports, options.target, { name, version }, remembered);
  const travelling = dataOf(artifact, options);
  // Runs become artifacts here, of a few kilobytes: in memory. Only content of data may be long.
  const aside: ContentStore =
    travelling.length > 0
      ? all.stageContent(directories.use(ports.files.scratch()).path)
      : all.lookIntoContent();
  const looked = (how === 'unhashed' && aside.unhashed?.()) || aside;
  const selection = await selectRuns(ports, looked, artifact, options.history);
  const checkRuns = async (runs: readonly KnownRun[]): Promise<void> => {
    for (const run of runs) throwFindings(await runFindings(ports, artifact, selection, run));
  };
  const { referrers, ...known } = await contentsOf(ports, looked, artifact, selection, pin.origin).catch(
    async (error: unknown) => {
      // What is wrong with a record is better said of the record.
      await checkRuns(selection.chosen);
      throw error;
    },
  );
  const data =
    travelling.length > 0
      ? [await collectData(ports, artifact, travelling, aside, options.withData ?? {})]
      : [];
  const graph = await openGraph({ ...known, referrers: [...referrers, ...data] }, looked);
  return { artifact, pin, address, content: aside, selection, graph, checkRuns };
}

/** The chosen runs whose manifests are among some digests. */
function runsAmong(
  referrers: readonly StoredReferrer[],
  chosen: readonly KnownRun[],
  digests: ReadonlySet<string>,
): KnownRun[] {
  const ids = referrers
    .filter(({ kind, self }) => kind === 'run' && digests.has(self.digest))
    .map(({ manifest }) => manifest.annotations?.[RUN_ID]);
  return chosen.filter(({ record }) => ids.includes(record.id));
}

/** A registry compares what it gets with its digest: when it refused, perhaps a blob here was damaged. @throws SAME1301 */
async function refuseDamaged(ports: Ports, error: unknown, objects: readonly GraphObject[]): Promise<void> {
  if (!(error instanceof SameError) || error.code !== 'SAME1806') return;
  for (const { manifest } of objects) {
    for (const { digest } of [manifest.config, ...manifest.layers]) {
      if (!(await ports.content.has(digest)) || (await ports.content.isWhole(digest))) continue;
      throw new SameError(
        {
          code: 'SAME1301',
          message: `${digest} is damaged in the home, and so the registry refused it`,
          place: ports.content.pathOf(digest),
          hint: 'remove the file, then create or import the program again',
        },
        { cause: error },
      );
    }
  }
}
