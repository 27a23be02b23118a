import type { ContentStore } from '../content/content-store.ts';
import { type Finding, throwFindings } from '../errors/same-error.ts';
import type { JsonObject } from '../program/json.ts';
import type { Lock } from '../program/lock.ts';
import type { Program } from '../program/schema.ts';
import type { TreeFile } from '../sources/source.ts';
import { parseCanonical } from './canonical-json.ts';
import { type TarFile, writeTar } from './canonical-tar.ts';
import { type CodeEntry, CodeLayer } from './code-layer.ts';
import { LIMIT_NAMES } from './limits.ts';
import { type Descriptor, LIMITS, type Limits, MEDIA, type OciManifest } from './oci.ts';
import { storeDocument, storeManifest } from './oci-manifest.ts';
import { checkPath, collisions, comparePaths, overPathLimit } from './portable-path.ts';
import {
  layerOf,
  type ProgramConfig,
  parseProgramConfig,
  parseProgramManifest,
  programConfig,
} from './program-config.ts';
import { overLimit } from './refusal.ts';

/** What a program is packed from. */
export interface ProgramParts {
  /** The author's `same.yaml`, byte for byte. */
  manifestBytes: Buffer;
  /** The same manifest as parsed JSON, `x-` keys kept. */
  manifestValue: JsonObject;
  program: Program;
  lock?: Lock;
  /** Everything to pack; `same.yaml` and `same.lock` at the root are layers of their own and passed over here. */
  files: readonly TreeFile[];
}

/** A program in a content store. It can be used wherever its {@link Descriptor} is asked for. */
export interface ProgramArtifact extends Descriptor {
  /** The OCI manifest; `digest` is its own. */
  manifest: OciManifest;
  /** The author's `same.yaml`. */
  manifestBytes: Buffer;
  config: ProgramConfig;
  /** The manifest as typed data. */
  program: Program;
  lock?: Lock;
  /** Digest of the code layer. */
  codeDigest: string;
  /** The packed files, sorted by UTF-8 bytes; a layer under 64 MiB is read once and kept in memory. */
  codeEntries(): Promise<CodeEntry[]>;
  /** One packed file. @throws SAME1305 there is none of this path */
  readCode(path: string): Promise<Buffer>;
  /** All packed files in order, in constant memory. */
  codeStream(): AsyncGenerator<TarFile, void, undefined>;
}

/**
 * Packs a program into the store: layers, config, then the OCI manifest. The digest depends on nothing but the parts.
 * @param options.limits raised limits, which every reader will have to raise too
 * @throws SAME1210 paths that cannot be packed and SAME1304 what is over a limit, all at once · SAME1009 a target without files
 */
export async function packProgram(
  parts: ProgramParts,
  store: ContentStore,
  options: { limits?: Partial<Limits> | undefined } = {},
): Promise<ProgramArtifact> {
  const files = parts.files
    .filter(({ path }) => path !== 'same.yaml' && path !== 'same.lock')
    .sort((a, b) => comparePaths(a.path, b.path));
  const limits = { ...LIMITS, ...options.limits };
  checkFiles(files, limits);
  const layers: Descriptor[] = [await storeFile(parts.manifestBytes, MEDIA.manifest, store)];
  if (parts.lock) layers.push(await storeDocument(parts.lock, MEDIA.lock, store));
  layers.push(await storeTar(files, MEDIA.code, store));
  const infrastructure = infrastructureFiles(parts.program, files);
  if (infrastructure.length > 0) layers.push(await storeTar(infrastructure, MEDIA.infrastructure, store));
  const config = await storeDocument(programConfig(parts.manifestValue, layers), MEDIA.programConfig, store);
  for (const blob of [...layers, config]) refuseLongDocument(blob, limits);
  const annotations = programAnnotations(parts.program);
  const manifest: OciManifest = {
    schemaVersion: 2,
    mediaType: MEDIA.ociManifest,
    artifactType: MEDIA.program,
    config,
    layers,
    annotations,
  };
  const { digest } = await storeManifest(manifest, store);
  return openProgram(digest, store);
}

/**
 * Opens a stored program, whatever limits were raised to let it in: its documents are as long as its manifest says.
 * @throws SAME1305 not in the store · SAME1301 damaged · SAME1302 not a program · SAME1307 of a later version
 */
export async function openProgram(digest: string, store: ContentStore): Promise<ProgramArtifact> {
  const bytes = await store.read(digest);
  const manifest = parseProgramManifest(bytes, `program ${digest}`);
  const configBytes = await store.read(manifest.config.digest, manifest.config.size);
  const config = parseProgramConfig(configBytes, manifest, `config of ${digest}`);
  const lockLayer = layerOf(manifest, 'lock');
  const lock =
    lockLayer &&
    (parseCanonical(await store.read(lockLayer.digest, lockLayer.size), 'same.lock') as unknown as Lock);
  const yaml = layerOf(manifest, 'manifest')!;
  const code = layerOf(manifest, 'code')!;
  const layer = new CodeLayer(code, store);
  return {
    mediaType: MEDIA.ociManifest,
    artifactType: MEDIA.program,
    digest,
    size: bytes.length,
    manifest,
    manifestBytes: await store.read(yaml.digest, yaml.size),
    config,
    // Fields named `x-…` stay in; nothing reads them, and taking them out would need the schema.
    program: config.manifest as unknown as Program,
    ...(lock ? { lock } : {}),
    codeDigest: code.digest,
    codeEntries: () => layer.entries(),
    readCode: (path) => layer.read(path),
    codeStream: () => layer.stream(),
  };
}

/** @throws SAME1210 and SAME1304: whatever a reader would refuse, all at once (spec SAME-BND-051) */
function checkFiles(files: readonly TreeFile[], limits: Limits): void {
  const findings: Finding[] = [];
  const shown = (path: string) => JSON.stringify(path).slice(1, -1);
  const refuse = (path: string, because: string) =>
    findings.push({
      code: 'SAME1210',
      message: `${shown(path)} cannot be packed: it ${because}`,
      place: shown(path),
      hint: 'rename it, or leave it out with files.exclude in same.yaml',
      clause: 'SAME-BND-051',
    });
  const tooMuch = (limit: keyof Limits, message: string, place?: string) =>
    findings.push({
      code: 'SAME1304',
      message,
      ...(place === undefined ? {} : { place }),
      hint: `leave it out with files.exclude in same.yaml, or raise the limit, as every reader will have to: --limit ${LIMIT_NAMES[limit]}=VALUE`,
      clause: 'SAME-BND-051',
    });
  for (const { path } of files) {
    const because = checkPath(path);
    const over = overPathLimit(path, limits);
    if (because) refuse(path, because);
    else if (over) tooMuch(over.limit, `${shown(path)} cannot be packed: it ${over.because}`, shown(path));
  }
  for (const { path, because } of collisions(files.map(({ path }) => path))) refuse(path, because);
  const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (files.length > limits.entries)
    tooMuch('entries', `${files.length} files are over the limit of ${limits.entries}`);
  if (totalBytes > limits.unpackedBytes)
    tooMuch('unpackedBytes', `${totalBytes} bytes of files are over the limit of ${limits.unpackedBytes}`);
  throwFindings(findings);
}

/** @throws SAME1304 a blob is a document that is longer than a reader takes (spec SAME-BND-051) */
export function refuseLongDocument({ mediaType, digest, size }: Descriptor, limits: Limits): void {
  if (mediaType.endsWith('.tar') || mediaType === MEDIA.dataset) return;
  const limit = mediaType === MEDIA.manifest ? 'yamlBytes' : 'jsonBytes';
  if (size <= limits[limit]) return;
  throw overLimit(limit, `${mediaType} has ${size} bytes, over the limit of ${limits[limit]}`, digest);
}

/** The files below the paths of `infrastructure.targets`, which have a layer of their own too. */
export function isInfrastructure(program: Program): (path: string) => boolean {
  const roots = (program.infrastructure?.targets ?? [])
    .map(({ path }) => path?.replace(/^(\.\/)+/, '').replace(/\/+$/, ''))
    .filter((path) => path !== undefined);
  return (path) =>
    roots.some((root) => root === '' || root === '.' || path === root || path.startsWith(`${root}/`));
}

function infrastructureFiles(program: Program, files: readonly TreeFile[]): TreeFile[] {
  const isIn = isInfrastructure(program);
  return files.filter(({ path }) => isIn(path));
}

async function storeFile(bytes: Buffer, mediaType: string, store: ContentStore): Promise<Descriptor> {
  const { digest, sizeBytes } = await store.write(bytes);
  return { mediaType, digest, size: sizeBytes };
}

async function storeTar(
  files: readonly TreeFile[],
  mediaType: string,
  store: ContentStore,
): Promise<Descriptor> {
  const { digest, sizeBytes } = await store.ingest(writeTar(files));
  return { mediaType, digest, size: sizeBytes };
}

/** The annotations of a program (spec SAME-BND-016). */
export function programAnnotations({ metadata }: Program): Record<string, string> {
  const { title, description, version, license, authors, paper } = metadata;
  const documentation =
    paper?.url ??
    (paper?.doi
      ? `https://doi.org/${paper.doi}`
      : paper?.arxiv
        ? `https://arxiv.org/abs/${paper.arxiv}`
        : undefined);
  const texts = {
    title,
    description,
    version,
    licenses: license,
    authors: authors?.map(({ name }) => name).join(', '),
    documentation,
  };
  return Object.fromEntries(
    Object.entries(texts)
      .filter((entry): entry is [string, string] => entry[1] !== undefined)
      .map(([key, text]) => [`org.opencontainers.image.${key}`, text]),
  );
}
