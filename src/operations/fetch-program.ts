import { isDerivedFrom } from '../bundle/ancestry.ts';
import { type ReadBundle, readStored } from '../bundle/archive-reader.ts';
import { type Descriptor, LIMITS, type Limits, MEDIA, type OciManifest } from '../bundle/oci.ts';
import { subjectOf } from '../bundle/oci-manifest.ts';
import { openProgram, type ProgramArtifact } from '../bundle/program-artifact.ts';
import { parseProgramConfig, parseProgramManifest } from '../bundle/program-config.ts';
import { parseReferrer, REFERRERS, type Referrer } from '../bundle/referrer.ts';
import { isProblem, overLimit } from '../bundle/refusal.ts';
import type { ContentStore } from '../content/content-store.ts';
import { inParallel } from '../content/graph-copy.ts';
import { SameError } from '../errors/same-error.ts';
import { foldName } from '../program/name.ts';
import type { Reference } from '../program/reference.ts';
import type { Program } from '../program/schema.ts';
import { highestVersion, tagOf } from '../program/version.ts';
import type { Repository } from '../registry/registry.ts';
import { bundleRules } from './import-bundle.ts';
import type { Ports } from './ports.ts';
import { versionsIn } from './registry-tags.ts';
import { chooseRuns, type RemoteRun } from './remote-history.ts';
import type { HistoryChoice } from './select-runs.ts';

/** A program of a registry, fetched into a store and checked as a bundle is. */
export interface FetchedProgram {
  bundle: Omit<ReadBundle, 'digests'>;
  artifact: ProgramArtifact;
  /** Blobs that were fetched, and their bytes; what was here already is none of them. */
  fetched: { blobs: number; sizeBytes: number };
  /** Objects that refer to it and were left there, since this version does not know their kind: type and digest. */
  left: { artifactType: string; digest: string }[];
}

/** How a program is fetched. */
export interface FetchOptions {
  /** Which runs come along (default: all that are there). */
  history?: HistoryChoice | undefined;
  limits?: Partial<Limits> | undefined;
  /** Told which program it is before anything large is fetched: what it throws ends the fetching. */
  refuse?: (program: { name: string; version: string; digest: string }) => void;
}

type Found = { self: Descriptor } & Referrer;

/**
 * Fetches what a reference leads to in a registry, with what refers to it, into a store. Every blob is compared with its
 * digest as it comes; then all of it is held to what a bundle is held to (spec chapter registries). Nothing is executed.
 * @param store where to; blobs that it has are not fetched
 * @throws SAME1803 nothing is there · SAME1204 it is another program or version · SAME1306 it is no program · SAME1608 ·
 * SAME1301…1307 · SAME1801, SAME1802
 */
export async function fetchProgram(
  ports: Ports,
  repository: Repository,
  reference: Reference,
  store: ContentStore,
  options: FetchOptions = {},
): Promise<FetchedProgram> {
  const limits = { ...LIMITS, ...options.limits };
  const fetching = new Fetching(repository, store, limits);
  const root = await fetching.root(reference);
  const { name, version } = root.program.metadata;
  refuseOtherName(repository, reference, { name, version, digest: root.self.digest });
  options.refuse?.({ name, version, digest: root.self.digest });
  const programs = [root];
  const referrers = await fetching.referrersOf(root.self.digest);
  if (options.history !== 'none') {
    for (let last = root; ; ) {
      const ancestor = await fetching.ancestorOf(last);
      if (!ancestor) break;
      programs.push(ancestor);
      referrers.push(...(await fetching.referrersOf(ancestor.self.digest)));
      last = ancestor;
    }
  }
  const own = referrers.filter(({ subject }) => subject.digest === root.self.digest);
  const runs = referrers.filter(({ kind }) => kind === 'run');
  const chosen = new Set(
    chooseRuns(
      runs.map(remoteRun),
      programs.map(({ self }) => self.digest),
      options.history ?? 'all',
    ),
  );
  const told = new Set(
    runs.filter(({ self }) => chosen.has(self.digest)).map(({ subject }) => subject.digest),
  );
  const included = programs.slice(0, 1 + programs.findLastIndex(({ self }) => told.has(self.digest)));
  if (included.length === 0) included.push(root);
  const inside = new Set(included.map(({ self }) => self.digest));
  const kept = [
    ...runs.filter(({ self }) => chosen.has(self.digest)),
    ...own.filter(({ kind }) => kind === 'origin' || kind === 'data'),
    ...referrers.filter(
      ({ kind, subject }) => (kind === 'verification' || kind === 'signature') && inside.has(subject.digest),
    ),
  ];
  // What is said of a run or of a verification is signed too.
  const second = await fetching.referrersOfAll(
    kept.filter(({ kind }) => kind !== 'signature' && kind !== 'data' && kind !== 'origin'),
  );
  kept.push(...second.filter(({ kind }) => kind === 'signature'));
  await fetching.blobs([
    ...included.map(({ manifest }) => manifest),
    ...kept.map(({ manifest }) => manifest),
  ]);
  const entries = [...included.map(({ self }) => subjectOf(self)), ...inOrder(kept).map(({ self }) => self)];
  const bundle = await readStored(store, entries, {
    ...bundleRules(ports, options.limits),
    keepLayers: false,
  });
  return {
    bundle,
    artifact: await openProgram(bundle.program, store),
    fetched: fetching.fetched,
    left: fetching.left,
  };
}

interface FetchedManifest {
  self: Descriptor;
  manifest: OciManifest;
  program: Program;
}

/** One fetching: what came so far, and what was left. */
class Fetching {
  readonly #repository: Repository;
  readonly #store: ContentStore;
  readonly #limits: Limits;
  readonly fetched = { blobs: 0, sizeBytes: 0 };
  readonly left: FetchedProgram['left'] = [];
  #objects = 0;

  constructor(repository: Repository, store: ContentStore, limits: Limits) {
    this.#repository = repository;
    this.#store = store;
    this.#limits = limits;
  }

  /** The program that a reference leads to: by its digest, else by its version's tag, else by the highest version's. */
  async root(reference: Reference): Promise<FetchedManifest> {
    const version = reference.version ?? (reference.digest ? undefined : await this.#highest());
    const target = reference.digest ?? tagOf(version!);
    const label = `${this.#repository.label}${reference.digest ? '@' : ':'}${reference.digest ?? version}`;
    this.#repository;
    const found = await this.#repository.manifest(target, this.#limits.jsonBytes);
    if (!found) throw await this.#nothing(label);
    return this.#program(found.bytes, label);
  }

  /** The program that another was made from, as far as it is in the repository. */
  async ancestorOf({ program, self }: FetchedManifest): Promise<FetchedManifest | undefined> {
    const from = program.metadata.derivedFrom;
    if (!from) return undefined;
    const found = await this.#repository.manifest(from.digest, this.#limits.jsonBytes);
    if (!found) return undefined;
    const ancestor = await this.#program(found.bytes, `${this.#repository.label}@${from.digest}`);
    const isSo = isDerivedFrom({ program }, { program: ancestor.program, digest: ancestor.self.digest });
    return isSo && ancestor.self.digest !== self.digest ? ancestor : undefined;
  }

  /** What refers to an object, of the kinds that travel; others are noted and left. */
  async referrersOf(subject: string): Promise<Found[]> {
    const found: Found[] = [];
    const listed = await this.#repository.referrers(subject);
    this.#count(listed.length);
    await inParallel(listed, async (descriptor) => {
      const got = await this.#referrer(subject, descriptor);
      if (got) found.push(got);
    });
    return found;
  }

  async referrersOfAll(objects: readonly Found[]): Promise<Found[]> {
    const found: Found[] = [];
    await inParallel(objects, async ({ self }) => {
      found.push(...(await this.referrersOf(self.digest)));
    });
    return found;
  }

  /** Fetches what manifests name and is not here. @throws SAME1304 it is more than the limit, before any of it comes */
  async blobs(manifests: readonly OciManifest[]): Promise<void> {
    const wanted = new Map<string, Descriptor>();
    for (const { config, layers } of manifests)
      for (const blob of [config, ...layers]) wanted.set(blob.digest, blob);
    const totalBytes = [...wanted.values()].reduce((sum, { size }) => sum + size, 0);
    if (totalBytes > this.#limits.unpackedBytes) {
      throw overLimit(
        'unpackedBytes',
        `${this.#repository.label}: what is to be fetched has ${totalBytes} bytes, over the limit of ${this.#limits.unpackedBytes}`,
      );
    }
    await inParallel([...wanted.values()], (blob) => this.#take(blob));
  }

  async #take(blob: Descriptor): Promise<void> {
    if ((await this.#store.size(blob.digest)) === blob.size) return;
    await this.#store.ingest(this.#repository.stream(blob), { digest: blob.digest, sizeBytes: blob.size });
    this.fetched.blobs++;
    this.fetched.sizeBytes += blob.size;
  }

  async #program(bytes: Buffer, label: string): Promise<FetchedManifest> {
    refuseOtherThings(bytes, label);
    const manifest = parseProgramManifest(bytes, label);
    const { digest, sizeBytes } = await this.#store.write(bytes);
    const { config } = manifest;
    if (config.size > this.#limits.jsonBytes)
      throw overLimit('jsonBytes', `the config of ${label} has ${config.size} bytes`, config.digest);
    await this.#take(config);
    const { manifest: program } = parseProgramConfig(
      await this.#store.read(config.digest, this.#limits.jsonBytes),
      manifest,
      `config of ${label}`,
    );
    const self = { mediaType: MEDIA.ociManifest, artifactType: MEDIA.program, digest, size: sizeBytes };
    return { self, manifest, program: program as unknown as Program };
  }

  async #referrer(subject: string, { digest }: Descriptor): Promise<Found | undefined> {
    const found = await this.#repository.manifest(digest, this.#limits.jsonBytes);
    // Listed and not there: a list may outlive what it lists.
    if (!found) return undefined;
    const artifactType = artifactTypeOf(found.bytes);
    const isOurs = REFERRERS.some((type) => type.artifactType === artifactType);
    const label = `${this.#repository.label}@${digest}`;
    let referrer: Referrer | undefined;
    try {
      referrer = isOurs ? parseReferrer(found.bytes, label) : undefined;
    } catch (error) {
      // Signers have forms of their own, which this version does not carry.
      if (!isProblem(error) || artifactType !== MEDIA.signature) throw brokenObject(error);
    }
    if (!referrer) {
      this.left.push({ artifactType: artifactType ?? found.mediaType, digest });
      return undefined;
    }
    if (referrer.subject.digest !== subject) {
      throw brokenObject(
        new SameError({
          code: 'SAME1302',
          message: `${label} is listed as belonging to ${subject}, and says that it belongs to ${referrer.subject.digest}`,
          place: digest,
        }),
      );
    }
    const { sizeBytes } = await this.#store.write(found.bytes);
    const self = {
      mediaType: MEDIA.ociManifest,
      artifactType: referrer.manifest.artifactType,
      digest,
      size: sizeBytes,
    };
    return { self, ...referrer };
  }

  async #highest(): Promise<string> {
    const { versions } = await versionsIn(this.#repository);
    const highest = highestVersion(versions);
    if (highest !== undefined) return highest;
    throw await this.#nothing(this.#repository.label);
  }

  async #nothing(label: string): Promise<SameError> {
    let versions: string[] = [];
    try {
      ({ versions } = await versionsIn(this.#repository));
    } catch (error) {
      if (!(error instanceof SameError) || error.code === 'SAME1903') throw error;
    }
    return new SameError({
      code: 'SAME1803',
      message: `there is no ${label}${versions.length > 0 ? `; versions: ${versions.join(', ')}` : ''}`,
      place: label,
      hint:
        versions.length > 0
          ? `see: same list tags ${this.#repository.label}`
          : 'look for a mistyped host, namespace or name; a private one may need: same login HOST',
    });
  }

  /** @throws SAME1304 there are more objects than a reader takes */
  #count(objects: number): void {
    this.#objects += objects;
    if (this.#objects <= this.#limits.entries) return;
    throw overLimit(
      'entries',
      `${this.#repository.label}: more than ${this.#limits.entries} objects belong to it`,
    );
  }
}

/** @throws SAME1204 the program is not the one that was asked for (spec SAME-REF-010) */
function refuseOtherName(
  repository: Repository,
  { name, version }: Reference,
  got: { name: string; version: string; digest: string },
): void {
  // The last segments of a repository are the name; how its authors spell it, only the program says.
  const isName = `/${repository.address.repository}`.endsWith(`/${foldName(got.name)}`);
  if (isName && (version === undefined || version === got.version)) return;
  throw new SameError({
    code: 'SAME1204',
    message: `${repository.label}${version === undefined ? '' : `:${version}`} leads to ${got.name}:${got.version} (${got.digest}), not to ${isName ? `${got.name}:${version}` : name}`,
    place: repository.label,
    hint: `see what is there: same list tags ${repository.label}`,
    clause: 'SAME-REF-010',
  });
}

/** @throws SAME1306 a manifest is of something that has nothing to do with programs */
function refuseOtherThings(bytes: Buffer, label: string): void {
  const artifactType = artifactTypeOf(bytes);
  if (artifactType?.startsWith('application/vnd.same.')) return;
  throw new SameError({
    code: 'SAME1306',
    message: `${label} is no program, but ${artifactType === undefined ? 'a container image or an index' : JSON.stringify(artifactType)}`,
    place: label,
    hint: 'a program is put there with: same push NAME:VERSION',
  });
}

function artifactTypeOf(bytes: Buffer): string | undefined {
  try {
    const { artifactType } = JSON.parse(bytes.toString()) as { artifactType?: unknown };
    return typeof artifactType === 'string' ? artifactType : undefined;
  } catch {
    return undefined;
  }
}

/** An object that anybody with access may have put there is no reason to do without the program. */
function brokenObject(error: unknown): unknown {
  if (!isProblem(error)) return error;
  const hint = 'without what refers to the program: --history none';
  return new SameError(
    error.findings.map((finding) => ({ hint, ...finding })),
    { cause: error.cause, details: error.details },
  );
}

function remoteRun({ self, manifest, subject }: Found): RemoteRun {
  const { 'dev.same.run.id': id = '', 'dev.same.run.status': status = '' } = manifest.annotations ?? {};
  return { digest: self.digest, program: subject.digest, id, status };
}

function inOrder(referrers: readonly Found[]): Found[] {
  const rank = ({ kind }: Found) => REFERRERS.findIndex((type) => type.kind === kind);
  return [...new Map(referrers.map((one) => [one.self.digest, one])).values()].sort(
    (a, b) => rank(a) - rank(b) || (a.self.digest < b.self.digest ? -1 : 1),
  );
}
