import { createHash } from 'node:crypto';
import type { ContentStore } from '../content/content-store.ts';
import { SameError } from '../errors/same-error.ts';
import type { JsonValue } from '../program/json.ts';
import { tagOf } from '../program/version.ts';
import { isDerivedFrom } from './ancestry.ts';
import { canonicalJson, parseCanonical, sha256 } from './canonical-json.ts';
import { readTar, type TarFile, writeTar } from './canonical-tar.ts';
import { unpack } from './compression.ts';
import {
  type BundleDigests,
  blobPath,
  blobsOf,
  OCI_LAYOUT,
  REF_NAME,
  REPRODUCING_BYTES,
  ROOT_COPIES,
  ROOT_COPY_BYTES,
  ROOT_DOCUMENTS,
} from './layout.ts';
import { type Descriptor, LIMITS, type Limits, MEDIA, type OciManifest } from './oci.ts';
import { parseIndex, sameTarget } from './oci-manifest.ts';
import { parseOriginRecord } from './origin-artifact.ts';
import { isInfrastructure, openProgram, type ProgramArtifact } from './program-artifact.ts';
import { layerOf, otherType, parseProgramConfig, parseProgramManifest } from './program-config.ts';
import { parseReferrer, REFERRERS, type ReferrerKind } from './referrer.ts';
import { parseRunRecord } from './run-artifact.ts';
import { tap } from './tap.ts';
import { type TarEntry, TarScanner } from './tar-scanner.ts';

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
  limits?: Partial<Limits>;
}

/**
 * Reads a bundle from its file's bytes (gzip, zstd or tar), once and in constant memory. Blobs go into the store as
 * they pass; only when this returns has everything been checked, so the caller pins and links after that.
 * @throws SAME1301 · SAME1302 · SAME1303 · SAME1304 · SAME1306 · SAME1307 and whatever `canonicalOfYaml` throws
 */
export async function readBundle(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  store: ContentStore,
  rules: BundleRules,
): Promise<ReadBundle> {
  return new BundleReader(store, rules).read(source);
}

/** {@link readBundle} into a store of the caller's choice, usually a temporary one, with the program opened. */
export async function peekBundle(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  store: ContentStore,
  rules: BundleRules,
): Promise<ReadBundle & { artifact: ProgramArtifact }> {
  const bundle = await readBundle(source, store, rules);
  return { ...bundle, artifact: await openProgram(bundle.program, store) };
}

/**
 * The program that a bundle file says it holds, from its first two entries; nothing else is read or checked.
 * @throws SAME1302, SAME1306 it is no bundle
 */
export async function peekProgram(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string> {
  const files = readTar(unpack(source, LIMITS), { sorted: false, label: 'bundle' });
  try {
    await nextFile(files, 'oci-layout');
    const index = parseIndex(await bytesOf(await nextFile(files, 'index.json'), LIMITS.jsonBytes));
    return index.manifests[0]!.digest;
  } finally {
    await files.return();
  }
}

class BundleReader {
  readonly #store: ContentStore;
  readonly #rules: BundleRules;
  readonly #limits: Limits;
  readonly #copies = new Map<string, Buffer>();
  readonly #seen = new Set<string>();
  #documents: Map<string, Buffer> | undefined;

  constructor(store: ContentStore, rules: BundleRules) {
    this.#store = store;
    this.#rules = rules;
    this.#limits = { ...LIMITS, ...rules.limits };
  }

  async read(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<ReadBundle> {
    const file = createHash('sha256');
    const archive = createHash('sha256');
    let sizeBytes = 0;
    const counted = tap(source, (chunk) => {
      sizeBytes += chunk.length;
      file.update(chunk);
    });
    const tar = tap(unpack(counted, this.#limits), (chunk) => archive.update(chunk));
    const files = readTar(tar, { sorted: false, label: 'bundle', limits: this.#limits });
    try {
      const contents = await this.#files(files);
      const [program] = contents.programs;
      return {
        program: program!.self.digest,
        ...nameOf(program!.value),
        ancestors: contents.programs.slice(1).map(({ self }) => self.digest),
        referrers: contents.referrers,
        digests: {
          program: program!.self.digest,
          index: contents.index,
          archive: `sha256:${archive.digest('hex')}`,
          file: `sha256:${file.digest('hex')}`,
          sizeBytes,
        },
      };
    } finally {
      await files.return();
    }
  }

  async #files(files: AsyncGenerator<TarFile, void, undefined>) {
    const layout = await nextFile(files, 'oci-layout');
    if (!(await bytesOf(layout, 1024)).equals(OCI_LAYOUT))
      throw refused('oci-layout is not that of version 1.0.0');
    const indexBytes = await bytesOf(await nextFile(files, 'index.json'), this.#limits.jsonBytes);
    const { manifests } = parseIndex(indexBytes);
    const cut = manifests.findIndex(({ artifactType }) => artifactType !== MEDIA.program);
    const programs = manifests.slice(0, cut < 0 ? undefined : cut);
    const others = cut < 0 ? [] : manifests.slice(cut);
    if (programs.length === 0)
      throw otherType('index.json', manifests[0]!.artifactType!, 'bundles that start with a program');
    checkOrder(others);
    let file = await this.#copiesOf(files);
    const next = async (): Promise<TarFile | undefined> => {
      const current = file;
      file = undefined;
      return current ?? (await files.next()).value ?? undefined;
    };
    const opened = [];
    for (const self of programs) opened.push(await this.#program(self, next));
    const chain = opened.map(({ self }) => self);
    const referrers = [];
    for (const self of others) referrers.push(await this.#referrer(self, chain, next));
    const stray = await next();
    if (stray) throw refused(`${stray.path} belongs to nothing in index.json`);
    checkIndex(manifests, opened);
    await this.#checkCopies(opened[0]!);
    return { index: sha256(indexBytes), programs: opened, referrers };
  }

  /** Reads the root copies. @returns the first file after them. */
  async #copiesOf(files: AsyncGenerator<TarFile, void, undefined>): Promise<TarFile | undefined> {
    let rank = -1;
    for (;;) {
      const { value } = await files.next();
      if (!value || value.path.startsWith('blobs/')) return value ?? undefined;
      const at = ROOT_COPIES.indexOf(value.path);
      if (at < 0) throw refused(`${value.path} has no place in a bundle`);
      if (at <= rank) throw refused(`${value.path} is out of order`);
      rank = at;
      if (value.executable) throw refused(`${value.path} is executable`);
      this.#copies.set(value.path, await bytesOf(value, ROOT_COPY_BYTES));
    }
  }

  async #program(self: Descriptor, next: () => Promise<TarFile | undefined>) {
    const label = `program ${self.digest}`;
    const manifest = parseProgramManifest(await this.#document(self, next), label);
    const [, ...blobs] = blobsOf(self, manifest);
    for (const blob of blobs) await this.#blob(blob, next);
    const config = parseProgramConfig(
      await this.#store.read(manifest.config.digest),
      manifest,
      `config of ${label}`,
    );
    const yaml = await this.#store.read(layerOf(manifest, 'manifest')!.digest, this.#limits.yamlBytes);
    const value = await this.#rules.canonicalOfYaml(yaml);
    if (canonicalJson(value) !== canonicalJson(config.manifest)) {
      throw refused(`the config of ${label} is not the canonical form of its same.yaml`);
    }
    const lock = layerOf(manifest, 'lock');
    if (lock) parseCanonical(await this.#store.read(lock.digest), `same.lock of ${label}`);
    const artifact = await openProgram(self.digest, this.#store);
    await this.#checkInfrastructure(artifact);
    return { self, manifest, value: config.manifest, artifact };
  }

  async #referrer(self: Descriptor, chain: readonly Descriptor[], next: () => Promise<TarFile | undefined>) {
    const bytes = await this.#document(self, next);
    const { kind, manifest, record, subject } = parseReferrer(bytes, `referrer ${self.digest}`);
    if (manifest.artifactType !== self.artifactType)
      throw refused(`${self.digest} is not what index.json says`);
    if (!chain.some((program) => sameTarget(program, subject))) {
      throw refused(`${kind} ${self.digest} is of ${subject.digest}, which is not in this bundle`);
    }
    for (const blob of blobsOf(self, manifest).slice(1)) await this.#blob(blob, next);
    const label = `${kind} ${self.digest}`;
    const recordBytes = await this.#store.read(record.digest, this.#limits.jsonBytes);
    if (kind === 'run') parseRunRecord(recordBytes, subject.digest, label);
    else parseOriginRecord(recordBytes, label);
    return { digest: self.digest, kind, subject: subject.digest };
  }

  /** A small blob's bytes; its digest has been checked. */
  async #document(self: Descriptor, next: () => Promise<TarFile | undefined>): Promise<Buffer> {
    if (self.size > this.#limits.jsonBytes) throw tooLarge(self, this.#limits.jsonBytes);
    await this.#blob(self, next);
    return this.#store.read(self.digest, this.#limits.jsonBytes);
  }

  /** Stores the next blob, which must be this one unless it came by before. */
  async #blob(blob: Descriptor, next: () => Promise<TarFile | undefined>): Promise<void> {
    if (this.#seen.has(blob.digest)) {
      if ((await this.#store.size(blob.digest)) === blob.size) return;
      throw refused(`two sizes are given for ${blob.digest}`);
    }
    this.#seen.add(blob.digest);
    const limit =
      blob.mediaType === MEDIA.manifest
        ? this.#limits.yamlBytes
        : blob.mediaType.endsWith('json')
          ? this.#limits.jsonBytes
          : this.#limits.unpackedBytes;
    if (blob.size > limit) throw tooLarge(blob, limit);
    const file = await next();
    const path = blobPath(blob.digest);
    if (file?.path !== path)
      throw refused(`${path} expected, ${file ? `${file.path} found` : 'the bundle ends'}`);
    if (file.executable) throw refused(`${path} is executable`);
    if (file.sizeBytes !== blob.size) throw wrongSize(blob, file.sizeBytes);
    const isTar = blob.mediaType.endsWith('.tar');
    const check = isTar ? new LayerCheck(`layer ${blob.digest}`, this.#limits) : undefined;
    const bytes = check ? tap(file.body, (chunk) => check.feed(chunk)) : file.body;
    await this.#store.ingest(bytes, { digest: blob.digest, sizeBytes: blob.size });
    check?.finish();
    // The first code layer is the program's own; those of ancestors have no root copies.
    if (check && blob.mediaType === MEDIA.code) this.#documents ??= check.documents();
  }

  /** The infrastructure layer holds the files of the code layer below the targets' paths, and nothing else. */
  async #checkInfrastructure({ program, codeStream, manifest, digest }: ProgramArtifact): Promise<void> {
    const isIn = isInfrastructure(program);
    const expected = createHash('sha256');
    let files = 0;
    async function* selected() {
      for await (const { body, ...file } of codeStream()) {
        if (!isIn(file.path)) continue;
        files++;
        yield { ...file, chunks: () => body };
      }
    }
    const layer = layerOf(manifest, 'infrastructure');
    if (!layer && !program.infrastructure?.targets.some(({ path }) => path !== undefined)) return;
    for await (const chunk of writeTar(selected())) expected.update(chunk);
    const wanted = files === 0 ? undefined : `sha256:${expected.digest('hex')}`;
    if (layer?.digest !== wanted) {
      throw refused(
        `the infrastructure layer of ${digest} differs from the files of its targets in the code layer`,
      );
    }
  }

  async #checkCopies({
    manifest,
    artifact,
  }: {
    manifest: OciManifest;
    artifact: ProgramArtifact;
  }): Promise<void> {
    const expected = new Map<string, Buffer>([
      ...this.#documents!,
      ['REPRODUCING.md', REPRODUCING_BYTES],
      ['same.yaml', artifact.manifestBytes],
    ]);
    const lock = layerOf(manifest, 'lock');
    if (lock) expected.set('same.lock', await this.#store.read(lock.digest));
    for (const name of ROOT_COPIES) {
      const copy = this.#copies.get(name);
      const original = expected.get(name);
      if (!copy && !original) continue;
      if (!original) throw refused(`${name} is a copy of nothing in the program`);
      if (!copy) throw refused(`${name} is missing at the root`);
      if (!copy.equals(original)) throw refused(`${name} at the root differs from the program's`);
    }
  }
}

/** Scans a layer as it is stored; what it finds waits until the digest has been checked. */
class LayerCheck {
  readonly #scanner: TarScanner;
  readonly #documents = new Map<string, Buffer[]>();
  #pieces: Buffer[] | undefined;
  #found: unknown;

  constructor(label: string, limits: Limits) {
    this.#scanner = new TarScanner({ label, limits });
  }

  feed(chunk: Uint8Array): void {
    this.#try(() => {
      for (const event of this.#scanner.feed(chunk)) {
        if (event.entry) this.#pieces = this.#keep(event.entry);
        else this.#pieces?.push(event.data);
      }
    });
  }

  /** The documents met that have a root copy, complete after {@link finish}. */
  documents(): Map<string, Buffer> {
    return new Map([...this.#documents].map(([path, pieces]) => [path, Buffer.concat(pieces)]));
  }

  #keep({ path, sizeBytes }: TarEntry): Buffer[] | undefined {
    if (!ROOT_DOCUMENTS.includes(path) || sizeBytes > ROOT_COPY_BYTES) return undefined;
    const pieces: Buffer[] = [];
    this.#documents.set(path, pieces);
    return pieces;
  }

  finish(): void {
    this.#try(() => this.#scanner.finish());
    if (this.#found) throw this.#found;
  }

  #try(work: () => void): void {
    if (this.#found) return;
    try {
      work();
    } catch (error) {
      this.#found = error;
    }
  }
}

function checkOrder(others: readonly Descriptor[]): void {
  let last = '';
  for (const { artifactType, digest } of others) {
    const rank = REFERRERS.findIndex((type) => type.artifactType === artifactType);
    if (rank < 0) throw otherType('index.json', artifactType!, 'programs, runs and origins');
    const key = `${rank} ${digest}`;
    if (key <= last) throw refused('index.json does not list programs, runs and origins in order, each once');
    last = key;
  }
}

/** Tag, ancestors and the bareness of descriptors: `index.json` holds exactly what its manifests imply. */
function checkIndex(
  manifests: readonly Descriptor[],
  programs: readonly { self: Descriptor; value: unknown; artifact: ProgramArtifact }[],
): void {
  const { version } = nameOf(programs[0]!.value);
  const annotations = JSON.stringify(manifests[0]!.annotations ?? {});
  if (annotations !== JSON.stringify({ [REF_NAME]: tagOf(version) })) {
    throw refused(`index.json does not name its program ${tagOf(version)}`);
  }
  if (manifests.slice(1).some((other) => other.annotations))
    throw refused('index.json annotates more than its program');
  for (const [at, { artifact }] of programs.entries()) {
    const ancestor = programs[at + 1]?.artifact;
    if (ancestor && !isDerivedFrom(artifact, ancestor)) {
      throw refused(
        `${ancestor.digest} is listed as an ancestor, but ${artifact.digest} is not derived from it`,
      );
    }
  }
}

function nameOf(manifest: unknown): { name: string; version: string } {
  const { name, version } = (manifest as { metadata: { name: string; version: string } }).metadata;
  return { name, version };
}

async function nextFile(files: AsyncGenerator<TarFile, void, undefined>, path: string): Promise<TarFile> {
  const { value } = await files.next().catch((error: unknown) => {
    // What starts with a directory or a link was never a bundle.
    if (path === 'oci-layout' && error instanceof SameError && error.code === 'SAME1303')
      throw noBundle(path, 'an entry that no bundle has');
    throw error;
  });
  if (!value) throw refused(`there is no ${path}`);
  if (value.path === path) return value;
  throw noBundle(path, value.path);
}

function noBundle(expected: string, found: string): SameError {
  return new SameError({
    code: 'SAME1306',
    message: `not a bundle: ${expected} expected, ${found} found`,
    hint: 'the file may be an archive of something else; a folder of a program in one is read by: same create -f FILE',
  });
}

async function bytesOf(file: TarFile, limitBytes: number): Promise<Buffer> {
  if (file.sizeBytes > limitBytes) {
    throw new SameError({
      code: 'SAME1304',
      message: `${file.path} has ${file.sizeBytes} bytes, over ${limitBytes}`,
    });
  }
  const chunks: Buffer[] = [];
  for await (const chunk of file.body) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  if (bytes.length !== file.sizeBytes) throw refused(`${file.path} is cut short`);
  return bytes;
}

function refused(message: string): SameError {
  return new SameError({ code: 'SAME1302', message: `bundle: ${message}` });
}

function wrongSize({ digest, size }: Descriptor, got: number): SameError {
  return new SameError({ code: 'SAME1301', message: `bundle: ${digest} has ${got} bytes, not ${size}` });
}

function tooLarge({ digest, size }: Descriptor, limit: number): SameError {
  return new SameError({
    code: 'SAME1304',
    message: `bundle: ${digest} has ${size} bytes, over the limit of ${limit}`,
  });
}
