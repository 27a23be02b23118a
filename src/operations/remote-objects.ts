import { isDerivedFrom } from '../bundle/ancestry.ts';
import type { LayerWatch } from '../bundle/coming-layers.ts';
import { type Descriptor, type Limits, MEDIA, type OciManifest } from '../bundle/oci.ts';
import { parseProgramConfig, parseProgramManifest } from '../bundle/program-config.ts';
import { parseReferrer, REFERRERS, type Referrer } from '../bundle/referrer.ts';
import { isProblem, overLimit } from '../bundle/refusal.ts';
import { parseRunRecord } from '../bundle/run-artifact.ts';
import { tap } from '../bundle/tap.ts';
import type { BlobId, Downloads, TrustedContentStore } from '../content/content-store.ts';
import { inParallel } from '../content/graph-copy.ts';
import { SameError } from '../errors/same-error.ts';
import { isSha256 } from '../program/digest.ts';
import type { Reference } from '../program/reference.ts';
import type { Program } from '../program/schema.ts';
import { highestVersion, tagOf } from '../program/version.ts';
import type { Repository } from '../registry/registry.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { versionsIn } from './registry-tags.ts';
import { artifactTypeOf, brokenObject, highestOf, refuseOtherThings, shortType } from './remote-refusal.ts';

/** Shorter blobs are sooner fetched anew than found again. */
const RESUMED_BYTES = 4 * 2 ** 20;

/** A program of a registry, as far as its documents say what it is. */
export interface RemoteProgram {
  self: Descriptor;
  manifest: OciManifest;
  program: Program;
}

/** Manifests and configs are held in memory until all are known: together they may have so many times a document's limit. */
const MOST_DOCUMENTS = 64;

/** Something that refers to a program of a registry. */
export type RemoteReferrer = { self: Descriptor } & Referrer;

/** An object that a registry has beside a program and this version does not carry. */
export interface LeftObject {
  artifactType: string;
  digest: string;
}

/**
 * Reads the objects of a repository: what a program is, and what refers to it. Their manifests and configs go into a
 * store; layers stay where they are.
 */
export class RemoteObjects {
  readonly #repository: Repository;
  readonly #store: TrustedContentStore;
  readonly #limits: Limits;
  /** Told of each blob that was fetched. */
  readonly #fetched: (blob: Descriptor) => void;
  readonly #downloaded: { path: string; id: BlobId }[] = [];
  readonly left: LeftObject[] = [];
  #objects = 0;
  #documentBytes = 0;

  constructor(
    repository: Repository,
    store: TrustedContentStore,
    limits: Limits,
    fetched: (blob: Descriptor) => void = () => {},
  ) {
    this.#repository = repository;
    this.#store = store;
    this.#limits = limits;
    this.#fetched = fetched;
  }

  /** The program that a reference leads to: by its digest, else by its version's tag, else by the highest version's. */
  async root(reference: Reference): Promise<RemoteProgram> {
    const version = reference.version ?? (reference.digest ? undefined : await this.#highest());
    const target = reference.digest ?? tagOf(version!);
    const label = `${this.#repository.label}${reference.digest ? '@' : ':'}${reference.digest ?? version}`;
    const found = await this.#repository.manifest(target, this.#limits.jsonBytes);
    if (!found) throw await this.#nothing(label);
    return this.#program(found.bytes, label);
  }

  /** The program that another was made from, as far as it is in the repository. */
  async ancestorOf({ program, self }: RemoteProgram): Promise<RemoteProgram | undefined> {
    const from = program.metadata.derivedFrom;
    // A config is held to its same.yaml later: until then what it says may be anything.
    if (!isSha256(from?.digest)) return undefined;
    const found = await this.#repository.manifest(from!.digest, this.#limits.jsonBytes);
    if (!found) return undefined;
    this.#count(1);
    const ancestor = await this.#program(found.bytes, `${this.#repository.label}@${from!.digest}`);
    const isSo = isDerivedFrom({ program }, { program: ancestor.program, digest: ancestor.self.digest });
    return isSo && ancestor.self.digest !== self.digest ? ancestor : undefined;
  }

  /**
   * What refers to an object, of the kinds that travel; others are noted and left.
   * @param options.runs whether runs are looked at: where none is wanted, none can be in the way
   */
  async referrersOf(subject: string, { runs = true } = {}): Promise<RemoteReferrer[]> {
    const found: RemoteReferrer[] = [];
    const listed = await this.#repository.referrers(subject);
    this.#count(listed.length);
    await inParallel(listed, async (descriptor) => {
      if (!runs && descriptor.artifactType === MEDIA.run) return;
      const got = await this.#referrer(subject, descriptor, runs);
      if (got) found.push(got);
    });
    return found;
  }

  /** The record of a run, fetched. @throws SAME1302, SAME1304 */
  async runRecord({ self, manifest, subject }: RemoteReferrer): Promise<RunRecord> {
    const [layer] = manifest.layers;
    const label = `run ${self.digest}`;
    if (!layer || layer.size > this.#limits.jsonBytes)
      throw overLimit('jsonBytes', `the record of ${label} has ${layer?.size ?? 0} bytes`, self.digest);
    this.#weigh(layer.size);
    await this.take(layer);
    return parseRunRecord(
      await this.#store.read(layer.digest, this.#limits.jsonBytes),
      subject.digest,
      label,
    );
  }

  async referrersOfAll(objects: readonly RemoteReferrer[]): Promise<RemoteReferrer[]> {
    const found: RemoteReferrer[] = [];
    await inParallel(objects, async ({ self }) => {
      found.push(...(await this.referrersOf(self.digest)));
    });
    return found;
  }

  /**
   * Fetches a blob unless it is here, whole. What is long goes on where an earlier fetching of it ended, and lies with the
   * downloads until {@link RemoteObjects.settle}: an end that comes before leaves it for the next fetching.
   * @param options.watch shown the bytes of what is fetched; not told of what is here
   */
  async take(
    blob: Descriptor,
    { downloads, watch }: { downloads?: Downloads | undefined; watch?: LayerWatch | undefined } = {},
  ): Promise<void> {
    const id = { digest: blob.digest, sizeBytes: blob.size };
    if (await this.#store.holds(id)) return;
    if (downloads && blob.size >= RESUMED_BYTES) {
      const path = await this.#naming(() =>
        downloads.complete(
          id,
          (startBytes) => this.#repository.stream(blob, startBytes, { checked: false }),
          watch,
        ),
      );
      this.#downloaded.push({ path, id });
    } else {
      watch?.begin();
      const chunks = this.#repository.stream(blob);
      await this.#store.ingest(watch ? tap(chunks, (chunk) => watch.feed(chunk)) : chunks, id);
    }
    watch?.end();
    this.#fetched(blob);
  }

  /** Puts what was downloaded into the store. */
  async settle(): Promise<void> {
    for (const { path, id } of this.#downloaded.splice(0)) await this.#store.adopt(path, id);
  }

  /** Says of wrong bytes whose they are. */
  async #naming<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof SameError) || error.code !== 'SAME1301') throw error;
      const hint = 'nothing of it was stored; try again, or get it from another registry';
      throw new SameError(
        error.findings.map((finding) => ({
          ...finding,
          message: `reading from ${this.#repository.label}: ${finding.message}`,
          hint,
        })),
        { cause: error },
      );
    }
  }

  async #program(bytes: Buffer, label: string): Promise<RemoteProgram> {
    refuseOtherThings(bytes, label);
    const manifest = parseProgramManifest(bytes, label);
    const { digest, sizeBytes } = await this.#store.write(bytes);
    const { config } = manifest;
    if (config.size > this.#limits.jsonBytes)
      throw overLimit('jsonBytes', `the config of ${label} has ${config.size} bytes`, config.digest);
    this.#weigh(bytes.length + config.size);
    await this.take(config);
    const { manifest: program } = parseProgramConfig(
      await this.#store.read(config.digest, this.#limits.jsonBytes),
      manifest,
      `config of ${label}`,
    );
    const self = { mediaType: MEDIA.ociManifest, artifactType: MEDIA.program, digest, size: sizeBytes };
    return { self, manifest, program: program as unknown as Program };
  }

  async #referrer(
    subject: string,
    { digest }: Descriptor,
    runs: boolean,
  ): Promise<RemoteReferrer | undefined> {
    const found = await this.#repository.manifest(digest, this.#limits.jsonBytes);
    // Listed and not there: a list may outlive what it lists.
    if (!found) return undefined;
    const artifactType = artifactTypeOf(found.bytes);
    if (!runs && artifactType === MEDIA.run) return undefined;
    this.#weigh(found.bytes.length);
    const isOurs = REFERRERS.some((type) => type.artifactType === artifactType);
    const label = `${this.#repository.label}@${digest}`;
    let referrer: Referrer | undefined;
    try {
      referrer = isOurs ? parseReferrer(found.bytes, label) : undefined;
    } catch (error) {
      // Signers have forms of their own, which this version does not carry.
      if (!isProblem(error) || artifactType !== MEDIA.signature) throw brokenObject(error, artifactType);
    }
    if (!referrer) {
      this.left.push({ artifactType: shortType(artifactType ?? found.mediaType), digest });
      return undefined;
    }
    if (referrer.subject.digest !== subject) {
      throw brokenObject(
        new SameError({
          code: 'SAME1302',
          message: `${label} is listed as belonging to ${subject}, and says that it belongs to ${referrer.subject.digest}`,
          place: digest,
        }),
        artifactType,
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
      message: `there is no ${label}${versions.length > 0 ? `; versions: ${highestOf(versions)}` : ''}`,
      place: label,
      hint:
        versions.length > 0
          ? `see: same list tags ${this.#repository.label}`
          : 'look for a mistyped host, namespace or name; a private one may need: same login HOST',
      clause: 'SAME-REG-014',
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

  /** @throws SAME1304 its manifests and configs are longer than a reader takes */
  #weigh(bytes: number): void {
    this.#documentBytes += bytes;
    const mostBytes = MOST_DOCUMENTS * this.#limits.jsonBytes;
    if (this.#documentBytes <= mostBytes) return;
    throw overLimit(
      'jsonBytes',
      `${this.#repository.label}: the documents of what belongs to it have more than ${mostBytes} bytes`,
    );
  }
}
