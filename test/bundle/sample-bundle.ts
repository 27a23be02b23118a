import { type BundleDigests, writeBundle } from '../../src/bundle/archive.ts';
import { canonicalBytes, sha256 } from '../../src/bundle/canonical-json.ts';
import { listTar, writeTar } from '../../src/bundle/canonical-tar.ts';
import { originArtifact } from '../../src/bundle/origin-artifact.ts';
import { runArtifact } from '../../src/bundle/run-artifact.ts';
import type { ContentStore } from '../../src/content/content-store.ts';
import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import { packSample, sampleRun } from './sample-program.ts';

/** What readers of sample bundles are told of manifests, which are JSON. */
export const rules = { canonicalOfYaml: (bytes: Buffer) => JSON.parse(bytes.toString()) };

/** A bundle in memory. */
export interface Written extends BundleDigests {
  bytes: Buffer;
}

/** Writes a bundle. */
export async function write(
  contents: Parameters<typeof writeBundle>[0],
  store: ContentStore,
  options = { gzip: true },
): Promise<Written> {
  const chunks: Uint8Array[] = [];
  let digests: BundleDigests | undefined;
  for await (const chunk of writeBundle(contents, store, {
    ...options,
    onDigests: (all) => (digests = all),
  })) {
    chunks.push(chunk);
  }
  return { ...digests!, bytes: Buffer.concat(chunks) };
}

/** A store with 1.0, its successor 1.1, runs of both and an origin. */
async function sampleStore() {
  const store = openMemoryContentStore();
  const old = await packSample(store);
  const derivedFrom = { name: 'Lab/speech', version: '1.0', digest: old.digest };
  const program = await packSample(store, { version: '1.1', derivedFrom });
  const referrers = [
    await originArtifact({ kind: 'git', repository: 'https://example.org/r' }, program, store),
    await runArtifact(sampleRun(program, 'run-1'), program, store),
    await runArtifact(sampleRun(program, 'run-2'), program, store),
    await runArtifact(sampleRun(old, 'run-0'), old, store),
  ].map(({ digest }) => digest);
  return { store, old, program, contents: { program: program.digest, ancestors: [old.digest], referrers } };
}

/** The sample: two programs with runs of both and an origin. */
export const sample = await sampleStore();
/** Its archive, not compressed. */
export const rawTar = (await write(sample.contents, sample.store, { gzip: false })).bytes;

/** A file of the outer archive. */
export type File = { path: string; bytes: Buffer; executable?: boolean };

/** What an archive holds. */
export function filesOf(tar: Buffer): File[] {
  return listTar(tar, { sorted: false }).map(({ path, offset, sizeBytes, executable }) => ({
    path,
    executable,
    bytes: tar.subarray(offset, offset + sizeBytes),
  }));
}

/** A file of the sample. */
export function entryOf(path: string): Buffer {
  return filesOf(rawTar).find((file) => file.path === path)!.bytes;
}

/** Files as an archive. */
export async function tarOf(files: File[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const sources = files.map(({ path, bytes, executable = false }) => ({
    path,
    executable,
    sizeBytes: bytes.length,
    chunks: () => [bytes],
  }));
  for await (const chunk of writeTar(sources)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Changes `index.json`. */
export function withIndex(
  files: File[],
  change: (index: { manifests: Record<string, unknown>[] }) => void,
): File[] {
  return files.map((file) => {
    if (file.path !== 'index.json') return file;
    const index = JSON.parse(file.bytes.toString());
    change(index);
    return { ...file, bytes: canonicalBytes(index) };
  });
}

/** Replaces the blob of one manifest and points the index at the new one. */
export function withManifest(files: File[], at: number, change: (manifest: never) => void): File[] {
  const index = JSON.parse(files.find(({ path }) => path === 'index.json')!.bytes.toString());
  const old = `blobs/sha256/${index.manifests[at].digest.slice(7)}`;
  const manifest = JSON.parse(files.find(({ path }) => path === old)!.bytes.toString());
  change(manifest as never);
  const bytes = canonicalBytes(manifest);
  const renamed = files.map((file) =>
    file.path === old ? { ...file, path: `blobs/sha256/${sha256(bytes).slice(7)}`, bytes } : file,
  );
  return withIndex(renamed, ({ manifests }) =>
    Object.assign(manifests[at]!, { digest: sha256(bytes), size: bytes.length }),
  );
}

/** The same files, two of them in each other's place. */
export const swap = (files: File[], a: number, b: number): File[] => {
  const copy = [...files];
  [copy[a], copy[b]] = [copy[b]!, copy[a]!];
  return copy;
};
/** The same without one. */
export const without = (files: File[], path: string): File[] => files.filter((file) => file.path !== path);
/** The same with another text in one. */
export const changed = (files: File[], path: string, text: string): File[] =>
  files.map((file) => (file.path === path ? { ...file, bytes: Buffer.from(text) } : file));

/** Points a run of 1.1 at 1.0, which is in the bundle as well. */
export function swapSubject(files: File[]): File[] {
  const runs = [2, 3, 4].map((at) => {
    const index = JSON.parse(entryOf('index.json').toString());
    const manifest = JSON.parse(entryOf(`blobs/sha256/${index.manifests[at].digest.slice(7)}`).toString());
    return { at, subject: manifest.subject.digest as string };
  });
  const { at } = runs.find(({ subject }) => subject === sample.program.digest)!;
  const turned = withManifest(files, at, (manifest: { subject: unknown }) => {
    const { mediaType, artifactType, digest, size } = sample.old;
    manifest.subject = { mediaType, artifactType, digest, size };
  });
  return resorted(turned);
}

/** Sorts the referrers of the index again and the blobs with them. */
function resorted(files: File[]): File[] {
  const index = JSON.parse(files.find(({ path }) => path === 'index.json')!.bytes.toString());
  const runs = index.manifests
    .slice(2, 5)
    .sort((a: { digest: string }, b: { digest: string }) => (a.digest < b.digest ? -1 : 1));
  index.manifests.splice(2, 3, ...runs);
  const byPath = new Map(files.map((file) => [file.path, file]));
  const order = new Set<string>(
    files.filter(({ path }) => !path.startsWith('blobs/')).map(({ path }) => path),
  );
  for (const { digest } of index.manifests) {
    const path = `blobs/sha256/${digest.slice(7)}`;
    const { config, layers } = JSON.parse(byPath.get(path)!.bytes.toString());
    for (const blob of [{ digest }, config, ...layers]) order.add(`blobs/sha256/${blob.digest.slice(7)}`);
  }
  byPath.set('index.json', { path: 'index.json', bytes: canonicalBytes(index) });
  return [...order].map((path) => byPath.get(path)!);
}
