import type { ContentStore } from '../content/content-store.ts';
import type { Finding } from '../errors/same-error.ts';
import type { JsonValue } from '../program/json.ts';
import { BundleBlobs } from './bundle-blobs.ts';
import { type BundleFiles, digestIn } from './bundle-files.ts';
import { checkIndex, checkTag } from './bundle-index.ts';
import { BundlePrograms, type ProgramInside, programOf } from './bundle-programs.ts';
import { sha256, sha256OfChunks } from './canonical-json.ts';
import type { ComingLayers } from './coming-layers.ts';
import { type BundleDigests, blobPath, OCI_LAYOUT } from './layout.ts';
import type { Descriptor, Limits } from './oci.ts';
import { parseIndex } from './oci-manifest.ts';
import type { ReferrerKind } from './referrer.ts';
import { ReferrerCheck } from './referrer-check.ts';
import { overLimit, placed, type Report } from './refusal.ts';
import { RootCopies } from './root-copies.ts';

/** A bundle that has been read, checked and put into a store; nothing points at its blobs yet. */
export interface ReadBundle {
  /** Digest of the program. */
  program: string;
  name: string;
  version: string;
  /** Nearest first. */
  ancestors: string[];
  referrers: { digest: string; kind: ReferrerKind; subject: string }[];
  digests: BundleDigests;
}

/** How a bundle is read. */
export interface BundleRules {
  /** The JSON value that a `same.yaml` says, fully checked; throws what is wrong with it. */
  canonicalOfYaml: (bytes: Buffer) => JsonValue | Promise<JsonValue>;
  /** What is wrong with a `same.lock` that is in canonical form. */
  lockFindings?: (bytes: Buffer) => Finding[] | Promise<Finding[]>;
  /** What is wrong with a run's record. */
  runFindings?: (record: unknown, label: string) => Finding[] | Promise<Finding[]>;
  limits?: Partial<Limits>;
  /** Whether layers and data are stored too, and not only what the checks need (default true). */
  keepLayers?: boolean;
  /** Whether it is no bundle but what one would be made from: without root copies and annotations of its index. */
  isStored?: boolean;
  /** Layers of what is stored that were checked before, as they came. */
  coming?: ComingLayers;
}

/**
 * Checks a bundle from its first file to its last (spec chapter bundle). What is wrong goes to `report`; where that
 * returns, reading goes on with what does not depend on it.
 */
export class BundleReader {
  readonly #rules: BundleRules;
  readonly #blobs: BundleBlobs;
  readonly #programs: BundlePrograms;
  readonly #copies: RootCopies;
  /** Whether something was not read that would have said what else belongs to the bundle. */
  #hidden = false;

  constructor(files: BundleFiles, store: ContentStore, rules: BundleRules, report: Report) {
    this.#rules = rules;
    this.#blobs = new BundleBlobs(files, store, rules, report);
    this.#programs = new BundlePrograms(this.#blobs, rules);
    this.#copies = new RootCopies(this.#blobs);
  }

  /** @returns undefined where too much was wrong; where anything was reported, the digests are of no use. */
  async read(): Promise<ReadBundle | undefined> {
    await this.#layout();
    const indexBytes = await this.#index();
    const manifests =
      indexBytes && (await this.#blobs.try('index.json', 'SAME-BND-020', () => parseIndex(indexBytes)));
    if (!indexBytes || !manifests) {
      this.#hidden = true;
      await this.#strays();
      return undefined;
    }
    const { programs, referrers } = checkIndex(manifests.manifests, this.#blobs.report);
    if (programs.length + referrers.length < manifests.manifests.length) this.#hidden = true;
    if (programs.length > 1) this.#blobs.keepLayers = true;
    for await (const file of this.#blobs.files.copies()) await this.#copies.take(file);
    const opened: (ProgramInside | undefined)[] = [];
    for (const self of programs) {
      const program = await this.#programs.open(self);
      if (!program) this.#hidden = true;
      opened.push(program);
    }
    const check = new ReferrerCheck(
      programs.map((self, at) => ({ self, program: programOf(opened[at]), lock: opened[at]?.lock })),
      referrers,
      this.#rules.runFindings,
    );
    const found: ReadBundle['referrers'] = [];
    for (const self of referrers) {
      const referrer = await this.#referrer(self, check);
      if (referrer) found.push(referrer);
    }
    await this.#strays();
    this.#programs.checkChain(opened);
    const [first] = opened;
    if (!this.#rules.isStored) await this.#copies.check(first, this.#programs.documents);
    if (!first?.config) return undefined;
    const { name, version } = programOf(first)!.metadata;
    if (!this.#rules.isStored) checkTag(manifests.manifests[0]!, version, this.#blobs.report);
    const program = first.self.digest;
    return {
      program,
      name,
      version,
      ancestors: programs.slice(1).map(({ digest }) => digest),
      referrers: found,
      digests: { program, index: sha256(indexBytes), ...this.#blobs.files.digests() },
    };
  }

  /** What nothing names belongs to nothing, unless what could have named it was not read: then it is only hashed. */
  async #strays(): Promise<void> {
    for await (const { path, body } of this.#blobs.files.strays()) {
      const digest = digestIn(path);
      if (!this.#hidden) this.#blobs.refuse('SAME-BND-019', path, `${path} belongs to nothing in index.json`);
      else if (digest && body) {
        const got = await this.#blobs.try(path, undefined, () => sha256OfChunks(body));
        if (got !== undefined && got !== digest)
          this.#blobs.wrong(path, `does not have the bytes of ${digest}`);
      }
    }
  }

  async #layout(): Promise<void> {
    const file = await this.#blobs.files.first('oci-layout');
    if (!file) return this.#blobs.missing('SAME-BND-019', 'oci-layout');
    if (file.executable) this.#blobs.refuse('SAME-BND-019', file.path, 'oci-layout is executable');
    const bytes = file.sizeBytes === OCI_LAYOUT.length ? await this.#blobs.bytesOf(file) : undefined;
    if (bytes?.equals(OCI_LAYOUT) || this.#blobs.files.broken) return;
    this.#blobs.refuse('SAME-BND-019', file.path, 'oci-layout is not that of version 1.0.0');
  }

  async #index(): Promise<Buffer | undefined> {
    const file = await this.#blobs.files.first('index.json');
    if (!file) {
      this.#blobs.missing('SAME-BND-019', 'index.json');
      return undefined;
    }
    if (file.executable) this.#blobs.refuse('SAME-BND-019', file.path, 'index.json is executable');
    if (file.sizeBytes <= this.#blobs.limits.jsonBytes) return this.#blobs.bytesOf(file);
    this.#blobs.report(overLimit('jsonBytes', `bundle: index.json has ${file.sizeBytes} bytes`, file.path));
    return undefined;
  }

  async #referrer(self: Descriptor, check: ReferrerCheck) {
    const place = blobPath(self.digest);
    const bytes = await this.#blobs.document(self, 'json');
    const referrer =
      bytes && (await this.#blobs.try(place, 'SAME-BND-040', () => check.manifest(self, bytes)));
    if (!referrer) {
      this.#hidden = true;
      return undefined;
    }
    await this.#blobs.blob(referrer.manifest.config, 'json');
    for (const layer of referrer.manifest.layers) {
      if (referrer.kind === 'data') {
        await this.#blobs.blob(layer, 'data');
        continue;
      }
      const record = check.hasRead(referrer, layer) ? null : await this.#blobs.document(layer, 'json');
      if (record === undefined) continue;
      await this.#blobs.try(place, 'SAME-BND-038', async () => {
        for (const problem of await check.record(self, referrer, layer, record)) {
          this.#blobs.report(placed(problem, { place: blobPath(layer.digest) }));
        }
      });
    }
    for (const problem of referrer.problems) this.#blobs.report(placed(problem, { place }));
    return { digest: self.digest, kind: referrer.kind, subject: referrer.subject.digest };
  }
}
