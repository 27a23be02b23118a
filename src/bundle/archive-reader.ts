import type { ContentStore, TrustedContentStore } from '../content/content-store.ts';
import type { Finding } from '../errors/same-error.ts';
import { ArchiveFiles } from './archive-files.ts';
import { type BundleInput, isDirectory } from './bundle-files.ts';
import { BundleReader, type BundleRules, type ReadBundle } from './bundle-reader.ts';
import { DirectoryFiles } from './directory-files.ts';
import { type Descriptor, LIMITS, MEDIA } from './oci.ts';
import { parseIndex } from './oci-manifest.ts';
import { openProgram, type ProgramArtifact } from './program-artifact.ts';
import { isProblem, type Report, refusal, stopAtFirst } from './refusal.ts';
import { StoredBundle } from './stored-bundle.ts';

export type { BundleInput } from './bundle-files.ts';
export type { BundleRules, ReadBundle } from './bundle-reader.ts';

/**
 * Reads a bundle (the bytes of a file, or a directory) once and in constant memory. Blobs go into the store as they
 * pass; only when this returns has everything been checked, so the caller pins and links after that.
 * @throws SAME1301 · SAME1302 · SAME1303 · SAME1304 · SAME1306 · SAME1307 and whatever the rules find
 */
export async function readBundle(
  input: BundleInput,
  store: ContentStore,
  rules: BundleRules,
): Promise<ReadBundle> {
  return (await read(input, store, rules, stopAtFirst))!;
}

/**
 * Looks for everything that is wrong with a bundle (SAME-BND-048).
 * @returns every finding, and the bundle when there is none
 */
export async function checkBundle(
  input: BundleInput,
  store: ContentStore,
  rules: BundleRules,
): Promise<{ findings: Finding[]; bundle?: ReadBundle }> {
  const findings: Finding[] = [];
  const report: Report = (problem) => findings.push(...problem.findings);
  try {
    const bundle = await read(input, store, rules, report);
    return bundle && findings.length === 0 ? { findings, bundle } : { findings };
  } catch (error) {
    if (!isProblem(error)) throw error;
    return { findings: [...findings, ...error.findings] };
  }
}

/**
 * Holds a stored program and what refers to it to what a bundle is held to.
 * @param entries the program, then its referrers in the order of an index
 * @param damaged blobs that are known to be damaged, of which nothing more is said
 * @param scratch where documents are put while they are looked at
 */
export async function checkStored(
  store: ContentStore,
  entries: readonly Descriptor[],
  damaged: ReadonlySet<string>,
  scratch: ContentStore,
  rules: BundleRules,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const files = new StoredBundle(store, entries, damaged);
  const report: Report = (problem) => findings.push(...problem.findings);
  await new BundleReader(files, scratch, { ...rules, isStored: true }, report).read();
  return findings;
}

/**
 * {@link checkStored}, which throws the first problem; for what was put into a store, whose digests are not compared again.
 * @param store where the documents are read from too
 */
export async function readStored(
  store: TrustedContentStore,
  entries: readonly Descriptor[],
  rules: BundleRules,
): Promise<Omit<ReadBundle, 'digests'>> {
  const files = new StoredBundle(store, entries, new Set(), (digest) => store.reread(digest));
  const reader = new BundleReader(files, inPlace(store), { ...rules, isStored: true }, stopAtFirst);
  const { digests: _, ...bundle } = (await reader.read())!;
  return bundle;
}

/** A store that what is put into it is in already. */
function inPlace(store: ContentStore): ContentStore {
  return {
    has: (digest) => store.has(digest),
    size: (digest) => store.size(digest),
    read: (digest, limitBytes) => store.read(digest, limitBytes),
    stream: (digest) => store.stream(digest),
    write: (bytes) => store.write(bytes),
    async ingest(chunks, expected) {
      for await (const _ of chunks);
      return expected!;
    },
  };
}

/** {@link readBundle} into a store of the caller's choice, usually a temporary one, with the program opened. */
export async function peekBundle(
  input: BundleInput,
  store: ContentStore,
  rules: BundleRules,
): Promise<ReadBundle & { artifact: ProgramArtifact }> {
  const bundle = await readBundle(input, store, rules);
  return { ...bundle, artifact: await openProgram(bundle.program, store) };
}

/**
 * The program that a bundle says it holds, from its first two files; nothing else is read or checked.
 * @throws SAME1302, SAME1306 it is no bundle
 */
export async function peekProgram(input: BundleInput): Promise<string> {
  const files = open(input, undefined, {}, stopAtFirst);
  try {
    await files.first('oci-layout');
    const index = await files.first('index.json');
    if (!index) throw refusal('SAME-BND-019', 'bundle: there is no index.json');
    const chunks: Uint8Array[] = [];
    for await (const chunk of index.sizeBytes > LIMITS.jsonBytes ? [] : index.body) chunks.push(chunk);
    const [first] = parseIndex(Buffer.concat(chunks)).manifests;
    if (first!.artifactType !== MEDIA.program)
      throw refusal('SAME-BND-020', 'bundle: index.json does not begin with a program');
    return first!.digest;
  } finally {
    await files.close();
  }
}

async function read(input: BundleInput, store: ContentStore, rules: BundleRules, report: Report) {
  const files = open(input, store, rules, report);
  try {
    return await new BundleReader(files, store, rules, report).read();
  } finally {
    await files.close();
  }
}

function open(
  input: BundleInput,
  store: ContentStore | undefined,
  rules: Partial<BundleRules>,
  report: Report,
) {
  const options = { limits: { ...LIMITS, ...rules.limits }, report };
  return isDirectory(input) ? new DirectoryFiles(input, options) : new ArchiveFiles(input, store, options);
}
