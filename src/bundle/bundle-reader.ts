import { createHash } from 'node:crypto';
import type { ContentStore } from '../content/content-store.ts';
import { type Finding, throwFindings } from '../errors/same-error.ts';
import type { JsonValue } from '../program/json.ts';
import type { Lock } from '../program/lock.ts';
import type { Program } from '../program/schema.ts';
import { isDerivedFrom } from './ancestry.ts';
import { type BundleFile, type BundleFiles, digestIn } from './bundle-files.ts';
import { checkIndex, checkTag } from './bundle-index.ts';
import { canonicalJson, parseCanonical, sha256 } from './canonical-json.ts';
import { type AskedLayer, askedLayers, type ComingLayers, openCheck } from './coming-layers.ts';
import type { LayerCheck } from './layer-check.ts';
import {
  type BundleDigests,
  blobPath,
  OCI_LAYOUT,
  REPRODUCING_BYTES,
  ROOT_COPIES,
  ROOT_COPY_BYTES,
  ROOT_DOCUMENTS,
} from './layout.ts';
import { type Descriptor, LIMITS, type Limits, type OciManifest } from './oci.ts';
import { parseIndex } from './oci-manifest.ts';
import { programAnnotations } from './program-artifact.ts';
import {
  layerOf,
  type ProgramConfig,
  parseProgramConfig,
  parseProgramManifest,
  refuseLater,
} from './program-config.ts';
import type { ReferrerKind } from './referrer.ts';
import { ReferrerCheck, refuseOtherType } from './referrer-check.ts';
import { isProblem, overLimit, placed, type Report, refusal } from './refusal.ts';
import { tap } from './tap.ts';

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

/** What a blob is read as. */
type Form = 'json' | 'yaml' | 'tar' | 'data';

/** One of a bundle's programs, as far as it could be read. */
interface ProgramInside {
  self: Descriptor;
  manifest: OciManifest;
  /** Checked against its `same.yaml`. */
  config?: ProgramConfig;
  lock?: Lock;
}

/**
 * Checks a bundle from its first file to its last (spec chapter bundle). What is wrong goes to `report`; where that
 * returns, reading goes on with what does not depend on it.
 */
export class BundleReader {
  readonly #files: BundleFiles;
  readonly #store: ContentStore;
  readonly #rules: BundleRules;
  readonly #limits: Limits;
  readonly #report: Report;
  readonly #seen = new Map<string, { size: number; whole: boolean; kept: boolean }>();
  readonly #copies = new Map<string, Buffer>();
  readonly #selected = new Map<string, string | undefined>();
  #keepLayers: boolean;
  #documents: Map<string, Buffer> | undefined;
  /** Whether something was not read that would have said what else belongs to the bundle. */
  #hidden = false;

  constructor(files: BundleFiles, store: ContentStore, rules: BundleRules, report: Report) {
    this.#files = files;
    this.#store = store;
    this.#rules = rules;
    this.#limits = { ...LIMITS, ...rules.limits };
    this.#report = report;
    this.#keepLayers = rules.keepLayers ?? true;
  }

  /** @returns undefined where too much was wrong; where anything was reported, the digests are of no use. */
  async read(): Promise<ReadBundle | undefined> {
    await this.#layout();
    const indexBytes = await this.#index();
    const manifests =
      indexBytes && (await this.#try('index.json', 'SAME-BND-020', () => parseIndex(indexBytes)));
    if (!indexBytes || !manifests) {
      this.#hidden = true;
      await this.#strays();
      return undefined;
    }
    const { programs, referrers } = checkIndex(manifests.manifests, this.#report);
    if (programs.length + referrers.length < manifests.manifests.length) this.#hidden = true;
    if (programs.length > 1) this.#keepLayers = true;
    for await (const file of this.#files.copies()) await this.#copy(file);
    const opened: (ProgramInside | undefined)[] = [];
    for (const self of programs) opened.push(await this.#program(self));
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
    this.#checkChain(opened);
    const [first] = opened;
    if (!this.#rules.isStored) await this.#checkCopies(first);
    if (!first?.config) return undefined;
    const { name, version } = programOf(first)!.metadata;
    if (!this.#rules.isStored) checkTag(manifests.manifests[0]!, version, this.#report);
    const program = first.self.digest;
    return {
      program,
      name,
      version,
      ancestors: programs.slice(1).map(({ digest }) => digest),
      referrers: found,
      digests: { program, index: sha256(indexBytes), ...this.#files.digests() },
    };
  }

  /** What nothing names belongs to nothing, unless what could have named it was not read: then it is only hashed. */
  async #strays(): Promise<void> {
    for await (const { path, body } of this.#files.strays()) {
      const digest = digestIn(path);
      if (!this.#hidden) this.#refuse('SAME-BND-019', path, `${path} belongs to nothing in index.json`);
      else if (digest && body) {
        const got = await this.#try(path, undefined, () => digestOf(body));
        if (got !== undefined && got !== digest) this.#wrong(path, `does not have the bytes of ${digest}`);
      }
    }
  }

  async #layout(): Promise<void> {
    const file = await this.#files.first('oci-layout');
    if (!file) return this.#missing('SAME-BND-019', 'oci-layout');
    if (file.executable) this.#refuse('SAME-BND-019', file.path, 'oci-layout is executable');
    const bytes = file.sizeBytes === OCI_LAYOUT.length ? await this.#bytesOf(file) : undefined;
    if (bytes?.equals(OCI_LAYOUT) || this.#files.broken) return;
    this.#refuse('SAME-BND-019', file.path, 'oci-layout is not that of version 1.0.0');
  }

  async #index(): Promise<Buffer | undefined> {
    const file = await this.#files.first('index.json');
    if (!file) {
      this.#missing('SAME-BND-019', 'index.json');
      return undefined;
    }
    if (file.executable) this.#refuse('SAME-BND-019', file.path, 'index.json is executable');
    if (file.sizeBytes <= this.#limits.jsonBytes) return this.#bytesOf(file);
    this.#report(overLimit('jsonBytes', `bundle: index.json has ${file.sizeBytes} bytes`, file.path));
    return undefined;
  }

  async #copy(file: BundleFile): Promise<void> {
    const { path, executable, sizeBytes } = file;
    const rank = ROOT_COPIES.indexOf(path);
    if (rank < 0) return this.#refuse('SAME-BND-022', path, `${path} has no place in a bundle`);
    if ([...this.#copies.keys()].some((before) => ROOT_COPIES.indexOf(before) > rank))
      this.#refuse('SAME-BND-019', path, `${path} is out of order`);
    if (executable) this.#refuse('SAME-BND-022', path, `${path} is executable`);
    const copied = sizeBytes <= ROOT_COPY_BYTES || path === 'same.lock' || path === 'same.yaml';
    if (copied && sizeBytes <= Math.max(this.#limits.jsonBytes, this.#limits.yamlBytes)) {
      const bytes = await this.#bytesOf(file);
      if (bytes) this.#copies.set(path, bytes);
    } else this.#copies.set(path, Buffer.alloc(0));
  }

  async #program(self: Descriptor): Promise<ProgramInside | undefined> {
    const label = `program ${self.digest}`;
    const bytes = await this.#document(self, 'json');
    const manifest =
      bytes &&
      (await this.#try(blobPath(self.digest), 'SAME-BND-014', () => {
        refuseOtherType(self, bytes);
        return parseProgramManifest(bytes, label);
      }));
    if (!manifest) {
      this.#hidden = true;
      return undefined;
    }
    const configBytes = await this.#document(manifest.config, 'json');
    const config =
      configBytes &&
      (await this.#try(blobPath(manifest.config.digest), 'SAME-BND-014', () =>
        parseProgramConfig(configBytes, manifest, `config of ${label}`),
      ));
    const yaml = await this.#document(layerOf(manifest, 'manifest')!, 'yaml');
    const value =
      config && yaml && (await this.#try('same.yaml', undefined, () => this.#rules.canonicalOfYaml(yaml)));
    const isSo = value !== undefined && canonicalJson(value) === canonicalJson(config!.manifest);
    if (value !== undefined && !isSo) {
      const message = `the config of ${label} is not the canonical form of its same.yaml`;
      this.#refuse('SAME-BND-015', blobPath(manifest.config.digest), message);
    }
    const lock = await this.#lock(manifest, label);
    const inside: ProgramInside = {
      self,
      manifest,
      ...(isSo ? { config: config! } : {}),
      ...(lock ? { lock } : {}),
    };
    await this.#layers(inside, label);
    if (isSo) {
      const expected = programAnnotations(programOf(inside)!);
      if (canonicalJson(manifest.annotations ?? {}) !== canonicalJson(expected)) {
        const message = `the annotations of ${label} are not those that its metadata gives`;
        this.#refuse('SAME-BND-040', blobPath(self.digest), message);
      }
    }
    return inside;
  }

  async #lock(manifest: OciManifest, label: string): Promise<Lock | undefined> {
    const layer = layerOf(manifest, 'lock');
    const bytes = layer && (await this.#document(layer, 'json'));
    if (!bytes) return undefined;
    return this.#try(blobPath(layer.digest), 'SAME-PRG-045', async () => {
      const lock = parseCanonical(bytes, `same.lock of ${label}`) as unknown as Lock;
      refuseLater(lock, `same.lock of ${label}`);
      const findings = (await this.#rules.lockFindings?.(bytes)) ?? [];
      throwFindings(findings);
      return lock;
    });
  }

  /** The code layer, and the infrastructure layer, which holds those of its files that are below targets' paths. */
  async #layers(inside: ProgramInside, label: string): Promise<void> {
    const { manifest } = inside;
    const program = programOf(inside);
    const [code, infrastructure] = askedLayers(manifest, program);
    const { key } = code;
    const check = this.#checkOf(code);
    const came = await this.#blob(code.blob, 'tar', check);
    if (came === 'now') {
      this.#documents ??= check.documents();
      this.#selected.set(key, check.selected());
    } else if (came === 'before' && code.select && !this.#selected.has(key)) {
      if (!check.isFinished)
        for await (const chunk of await this.#store.stream(code.blob.digest)) check.feed(chunk);
      check.finish();
      this.#selected.set(key, check.selected());
    }
    if (infrastructure) await this.#blob(infrastructure.blob, 'tar', this.#checkOf(infrastructure));
    const digest = infrastructure?.blob.digest;
    if (!program || !came || !this.#selected.has(key) || this.#selected.get(key) === digest) return;
    this.#refuse(
      'SAME-BND-015',
      blobPath(digest ?? code.blob.digest),
      `the infrastructure layer of ${label} differs from the files of its targets in the code layer`,
    );
  }

  #checkOf(layer: AskedLayer): LayerCheck {
    return this.#rules.coming?.checked(layer) ?? openCheck(layer, this.#limits);
  }

  async #referrer(self: Descriptor, check: ReferrerCheck) {
    const place = blobPath(self.digest);
    const bytes = await this.#document(self, 'json');
    const referrer = bytes && (await this.#try(place, 'SAME-BND-040', () => check.manifest(self, bytes)));
    if (!referrer) {
      this.#hidden = true;
      return undefined;
    }
    await this.#blob(referrer.manifest.config, 'json');
    for (const layer of referrer.manifest.layers) {
      if (referrer.kind === 'data') {
        await this.#blob(layer, 'data');
        continue;
      }
      const record = check.hasRead(referrer, layer) ? null : await this.#document(layer, 'json');
      if (record === undefined) continue;
      await this.#try(place, 'SAME-BND-038', async () => {
        for (const problem of await check.record(self, referrer, layer, record)) {
          this.#report(placed(problem, { place: blobPath(layer.digest) }));
        }
      });
    }
    for (const problem of referrer.problems) this.#report(placed(problem, { place }));
    return { digest: self.digest, kind: referrer.kind, subject: referrer.subject.digest };
  }

  /** A small blob's bytes, whose digest has been checked; undefined when what is wrong with it has been reported. */
  async #document(self: Descriptor, form: 'json' | 'yaml'): Promise<Buffer | undefined> {
    if (!(await this.#blob(self, form))) return undefined;
    if (this.#seen.get(self.digest)?.kept)
      return this.#store.read(self.digest, form === 'yaml' ? this.#limits.yamlBytes : this.#limits.jsonBytes);
    this.#refuse('SAME-BND-040', blobPath(self.digest), `${self.digest} is listed as two different things`);
    return undefined;
  }

  /**
   * Reads the next blob, which must be this one unless it came by before.
   * @returns `now` or `before`; undefined when it is not there or not whole, which has been reported.
   */
  async #blob(blob: Descriptor, form: Form, check?: LayerCheck): Promise<'now' | 'before' | undefined> {
    const path = blobPath(blob.digest);
    const before = this.#seen.get(blob.digest);
    if (before) {
      if (before.whole && before.size !== blob.size)
        return this.#wrong(path, `has ${before.size} bytes, not ${blob.size}`);
      return before.whole ? 'before' : undefined;
    }
    const limit = {
      json: 'jsonBytes',
      yaml: 'yamlBytes',
      tar: 'unpackedBytes',
      data: 'unpackedBytes',
    } as const;
    const over = blob.size > this.#limits[limit[form]];
    if (over) this.#report(overLimit(limit[form], `bundle: ${blob.digest} has ${blob.size} bytes`, path));
    const seen = { size: blob.size, whole: false, kept: false };
    this.#seen.set(blob.digest, seen);
    const file = await this.#files.blob(path);
    if (file === undefined) {
      this.#missing('SAME-BND-032', path);
      return undefined;
    }
    if (file === 'damaged' || over) return undefined;
    if (file.executable) this.#refuse('SAME-BND-019', path, `${path} is executable`);
    if (file.sizeBytes !== blob.size)
      return this.#wrong(path, `has ${file.sizeBytes} bytes, not ${blob.size}`);
    seen.kept = this.#keepLayers || form === 'json' || form === 'yaml';
    seen.whole = await this.#take(blob, file, seen.kept, check);
    if (!seen.whole) return undefined;
    for (const problem of check?.finish() ?? []) this.#report(placed(problem, { place: path }));
    return 'now';
  }

  /** Takes a blob's bytes and compares them with its digest. */
  async #take(blob: Descriptor, file: BundleFile, keep: boolean, check?: LayerCheck): Promise<boolean> {
    if (check?.isFinished) return true;
    const expected = { digest: blob.digest, sizeBytes: blob.size };
    const body = check ? tap(file.body, (chunk) => check.feed(chunk)) : file.body;
    try {
      if (keep) await this.#store.ingest(body, expected);
      // What a store hands out, it has compared itself.
      else if (this.#rules.isStored) for await (const _ of body);
      else if ((await digestOf(body)) !== blob.digest) {
        this.#wrong(file.path, `does not have the bytes of ${blob.digest}`);
        return false;
      }
      return true;
    } catch (error) {
      if (!isProblem(error)) throw error;
      if (error.code === 'SAME1301') this.#wrong(file.path, error.message.replace(/^SAME1301 /, ': '));
      else this.#report(placed(error, { place: file.path }));
      return false;
    }
  }

  #checkChain(programs: readonly (ProgramInside | undefined)[]): void {
    programs.slice(1).forEach((ancestor, at) => {
      const [child, parent] = [artifactOf(programs[at]), artifactOf(ancestor)];
      if (!child || !parent || isDerivedFrom(child, parent)) return;
      const message = `${parent.digest} is listed as an ancestor, but ${child.digest} is not derived from it`;
      this.#refuse('SAME-BND-027', 'index.json', message);
    });
  }

  /** Compares root copies with what they are copies of; what that is, is not known where a layer was not read. */
  async #checkCopies(first: ProgramInside | undefined): Promise<void> {
    const originals = new Map<string, Buffer | undefined>([['REPRODUCING.md', REPRODUCING_BYTES]]);
    for (const name of this.#documents ? ROOT_DOCUMENTS : []) originals.set(name, this.#documents!.get(name));
    for (const [name, kind] of [
      ['same.yaml', 'manifest'],
      ['same.lock', 'lock'],
    ] as const) {
      const layer = first && layerOf(first.manifest, kind);
      if (first && !layer) originals.set(name, undefined);
      if (!layer || !this.#seen.get(layer.digest)?.whole) continue;
      originals.set(
        name,
        await this.#store.read(layer.digest, this.#limits.jsonBytes + this.#limits.yamlBytes),
      );
    }
    for (const [name, original] of originals) {
      const copy = this.#copies.get(name);
      const fault =
        !copy && original && !this.#files.broken
          ? 'is missing at the root'
          : copy && !original
            ? 'is a copy of nothing in the program'
            : copy && original && !copy.equals(original)
              ? "at the root differs from the program's"
              : undefined;
      if (fault) this.#refuse('SAME-BND-022', name, `${name} ${fault}`);
    }
  }

  async #bytesOf(file: BundleFile): Promise<Buffer | undefined> {
    return this.#try(file.path, undefined, async () => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of file.body) chunks.push(chunk);
      return Buffer.concat(chunks);
    });
  }

  async #try<T>(
    place: string,
    clause: string | undefined,
    work: () => T | Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!isProblem(error)) throw error;
      this.#report(placed(error, { place, ...(clause === undefined ? {} : { clause }) }));
      return undefined;
    }
  }

  #missing(clause: string, path: string): void {
    if (!this.#files.broken) this.#refuse(clause, path, `there is no ${path}`);
  }

  #wrong(place: string, because: string): undefined {
    this.#report(
      refusal('SAME-BND-031', `bundle: ${place} ${because}`.replace(' : ', ': '), {
        code: 'SAME1301',
        place,
      }),
    );
    return undefined;
  }

  #refuse(clause: string, place: string, message: string): void {
    this.#report(refusal(clause, `bundle: ${message}`, { place }));
  }
}

async function digestOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunks) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

function programOf(inside: ProgramInside | undefined): Program | undefined {
  return inside?.config?.manifest as unknown as Program | undefined;
}

function artifactOf(inside: ProgramInside | undefined): { digest: string; program: Program } | undefined {
  const program = programOf(inside);
  return program && { digest: inside!.self.digest, program };
}
