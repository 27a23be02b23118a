import { readBundle } from '../bundle/archive-reader.ts';
import { type GraphObject, objectsOf, openGraph } from '../bundle/graph.ts';
import type { BundleDigests } from '../bundle/layout.ts';
import { LIMITS, type Limits, MEDIA } from '../bundle/oci.ts';
import { openProgram } from '../bundle/program-artifact.ts';
import { openRun } from '../bundle/run-artifact.ts';
import type { ContentStore, TrustedContentStore } from '../content/content-store.ts';
import type { GraphSource } from '../content/graph-copy.ts';
import { SameError } from '../errors/same-error.ts';
import type { RegistryAccess, Repository } from '../registry/registry.ts';
import { sourceDate, writeForm } from './bundle-forms.ts';
import { formOf, refuseDestination, refuseUseless } from './copy-destination.ts';
import { fetchProgram } from './fetch-program.ts';
import { repositorySource, storeSource } from './graph-ends.ts';
import { bundleInput, bundleRules, hintingAt } from './import-bundle.ts';
import { refuseLimits } from './limits.ts';
import type { Ports } from './ports.ts';
import { type Leaving, leavingOf } from './preview-leaving.ts';
import { mountable, type Published, publishGraph } from './publish-graph.ts';
import { isRegistryText, parsePushTarget, parseRegistryReference } from './registry-address.ts';
import { askedRuns, chooseRuns, isQuestion } from './remote-history.ts';
import { type LeftObject, RemoteObjects } from './remote-objects.ts';
import { surveyProgram } from './remote-survey.ts';
import type { HistoryChoice } from './select-runs.ts';

/** What copy did. */
export interface Copied {
  name: string;
  version: string;
  digest: string;
  /** `oci://HOST/REPOSITORY:VERSION`, or the file. */
  destination: string;
  runs: number;
  /** Objects of the source that this version does not carry. */
  left: LeftObject[];
  published?: Published;
  /** Where nothing was to be written: what would leave. */
  leaving?: Leaving;
  /** Of a file or directory that was written. */
  digests?: BundleDigests;
}

/** How a program is copied. */
export interface CopyOptions {
  /** Each `oci://…`, or a bundle's file or directory. */
  source: string;
  destination: string;
  history?: HistoryChoice | undefined;
  limits?: Partial<Limits> | undefined;
  /** Moves a tag, or replaces a file. */
  force: boolean;
  access: RegistryAccess;
  /** Only says what would be copied. */
  dryRun?: boolean | undefined;
  /** The end that alone is reached by plain HTTP; with {@link RegistryAccess.plainHttp} both are. */
  plainEnd?: 'source' | 'destination' | undefined;
}

/** A program with all that travels along, where it was found. */
interface Found {
  program: { name: string; version: string; digest: string };
  objects: [GraphObject, ...GraphObject[]];
  source: GraphSource;
  /** `oci://HOST/REPOSITORY` of one in a registry. */
  registry?: string;
  left: LeftObject[];
}

/**
 * `same copy`: a program with its runs and records goes from a registry or bundle to another, digests unchanged, and past
 * the home. What comes from a bundle or goes into one is checked whole; between registries each blob is compared with its
 * digest as it passes.
 * @throws what reading, pushing and writing say · SAME1403 the file is there
 */
export async function copyProgram(ports: Ports, options: CopyOptions): Promise<Copied> {
  const { source, destination } = options;
  refuseUseless(options);
  const toRegistry = isRegistryText(destination);
  const sourceDateEpoch = toRegistry ? undefined : sourceDate(ports);
  using scratch = ports.files.scratch();
  const store = ports.openContent(scratch.path);
  if (!toRegistry && !options.dryRun) refuseDestination(ports, destination, options.force);
  let from: Repository | undefined;
  let to: Repository | undefined;
  try {
    let found: Found;
    if (isRegistryText(source)) {
      const { address, reference } = await parseRegistryReference(ports, source);
      from = await ports.openRepository(address, accessTo('source', options));
      found = toRegistry
        ? await surveyed(from, reference, store, options)
        : await fetched(ports, from, reference, store, options);
    } else found = await readFrom(ports, store, options);
    const copied = {
      ...found.program,
      runs: found.objects.filter(({ subject, manifest }) => subject && isRun(manifest)).length,
      left: found.left,
    };
    if (options.dryRun) return { ...copied, destination, leaving: leavingOf(found.program, found.objects) };
    if (!toRegistry) {
      const digests = await writeTo(ports, found, store, { ...options, sourceDateEpoch });
      return { ...copied, destination, digests };
    }
    const target = await parsePushTarget(ports, destination, found.program);
    to = await ports.openRepository(target.address, accessTo('destination', options));
    const published = await publishGraph(to, found.source, found.program, found.objects, {
      force: options.force,
      mountFrom: mountable(found.registry, to),
    });
    return { ...copied, destination: `${to.label}:${found.program.version}`, published };
  } finally {
    from?.close();
    to?.close();
  }
}

function accessTo(end: 'source' | 'destination', { access, plainEnd }: CopyOptions): RegistryAccess {
  return plainEnd === end ? { ...access, plainHttp: true } : access;
}

/** The limits of manifests and of lists; those of layers are for whoever unpacks them. */
const SURVEYED = ['jsonBytes', 'entries'] as const;

/** A program of a registry whose layers stay there until they are copied. */
async function surveyed(
  repository: Repository,
  reference: Parameters<typeof surveyProgram>[2],
  store: TrustedContentStore,
  { history, limits }: CopyOptions,
): Promise<Found> {
  refuseLimits(limits, repository.label, SURVEYED, 'between registries no layer is looked into');
  const objects = new RemoteObjects(repository, store, { ...LIMITS, ...limits });
  const { programs, referrers } = await surveyProgram(objects, repository, reference, { history });
  const [{ self, program }] = programs;
  const { name, version } = program.metadata;
  return {
    program: { name, version, digest: self.digest },
    objects: [programs[0], ...programs.slice(1), ...referrers],
    source: repositorySource(repository),
    registry: repository.label,
    left: objects.left,
  };
}

/** A program of a registry, fetched whole. */
async function fetched(
  ports: Ports,
  repository: Repository,
  reference: Parameters<typeof fetchProgram>[2],
  store: TrustedContentStore,
  { history, limits }: CopyOptions,
): Promise<Found> {
  const { bundle, left } = await fetchProgram(ports, repository, reference, store, { history, limits });
  return { ...(await foundIn(bundle, bundle.referrers, store)), left };
}

/** A program of a bundle, with the runs that were asked for. */
async function readFrom(ports: Ports, store: ContentStore, options: CopyOptions): Promise<Found> {
  const { source, history = 'all', limits } = options;
  if (ports.files.kind(source) === undefined) {
    throw new SameError({
      code: 'SAME1205',
      message: `there is no file ${source}`,
      place: source,
      hint: 'one in a registry is written oci://HOST/NAME:VERSION; one that is stored travels with: same push, same export',
    });
  }
  const input = bundleInput(ports, source);
  const bundle = await hintingAt(source, () => readBundle(input, store, bundleRules(ports, limits)));
  const runs = await Promise.all(
    bundle.referrers
      .filter(({ kind }) => kind === 'run')
      .map(async ({ digest, subject: program }) => {
        const { record } = await openRun(digest, store);
        return { digest, program, id: record.id, status: record.status, record };
      }),
  );
  const chosen = new Set(
    isQuestion(history)
      ? await askedRuns(runs, (await openProgram(bundle.program, store)).program, history)
      : chooseRuns(runs, [bundle.program, ...bundle.ancestors], history),
  );
  const dropped = new Set(runs.filter(({ digest }) => !chosen.has(digest)).map(({ digest }) => digest));
  const kept = bundle.referrers.filter(({ digest }) => !dropped.has(digest));
  return { ...(await foundIn(bundle, kept, store)), left: [] };
}

async function foundIn(
  bundle: { program: string; name: string; version: string; ancestors: readonly string[] },
  referrers: readonly { digest: string; subject: string; kind: string }[],
  store: ContentStore,
): Promise<Omit<Found, 'left'>> {
  const { name, version, program: digest } = bundle;
  const told = new Set(referrers.filter(({ kind }) => kind === 'run').map(({ subject }) => subject));
  const ancestors = bundle.ancestors.slice(0, bundle.ancestors.findLastIndex((one) => told.has(one)) + 1);
  const inside = new Set([digest, ...ancestors]);
  // What is left out takes along what was said of it, and of that.
  for (let before = 0; before < inside.size; ) {
    before = inside.size;
    for (const referrer of referrers) if (inside.has(referrer.subject)) inside.add(referrer.digest);
  }
  const belonging = referrers.map((referrer) => referrer.digest).filter((one) => inside.has(one));
  const graph = await openGraph({ program: digest, ancestors, referrers: belonging }, store);
  return { program: { name, version, digest }, objects: objectsOf(graph), source: storeSource(store) };
}

async function writeTo(
  ports: Ports,
  { objects, program }: Found,
  store: ContentStore,
  {
    destination: path,
    limits,
    force,
    sourceDateEpoch,
  }: CopyOptions & { sourceDateEpoch: number | undefined },
): Promise<BundleDigests> {
  const contents = {
    program: program.digest,
    ancestors: objects
      .filter(({ subject }) => !subject)
      .slice(1)
      .map(({ self }) => self.digest),
    referrers: objects.filter(({ subject }) => subject).map(({ self }) => self.digest),
    ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }),
    ...(limits ? { limits } : {}),
  };
  const { digests } = await writeForm(ports, contents, store, { path, form: formOf(path), replace: force });
  return digests;
}

function isRun({ artifactType }: GraphObject['manifest']): boolean {
  return artifactType === MEDIA.run;
}
