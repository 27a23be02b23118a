import { isDerivedFrom } from '../bundle/ancestry.ts';
import { type BundleDigests, peekBundle, writeBundle } from '../bundle/archive.ts';
import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import { openProgram } from '../bundle/program-artifact.ts';
import { runArtifact } from '../bundle/run-artifact.ts';
import type { Pin } from '../content/content-store.ts';
import { SameError } from '../errors/same-error.ts';
import { parseReference } from '../program/reference.ts';
import { compareVersions } from '../program/version.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { type Committed, commitProgram } from './commit-program.ts';
import { findProgram } from './find-program.ts';
import { canonicalOfYaml, streamOfFile } from './import-bundle.ts';
import type { Ports } from './ports.ts';
import { storedRuns } from './stored-runs.ts';

/** Which runs travel along. */
export type HistoryChoice = 'none' | 'latest' | 'all';

/** What export wrote. */
export interface Exported {
  artifact: ProgramArtifact;
  /** As people should type it: `./NAME:VERSION.tgz`. */
  file: string;
  digests: BundleDigests;
  runs: string[];
  history: HistoryChoice;
  /** The version it made, when the asked one was not there. */
  committed?: Committed;
}

/**
 * `same export`: a stored program as one file. Equal state gives equal bytes.
 * A version that is not there is committed first, from the highest earlier one and its latest succeeded run here.
 * @throws SAME1403 when the target is a file of something else
 */
export async function exportProgram(
  ports: Ports,
  options: {
    reference: string;
    output?: string;
    portable?: boolean;
    history?: HistoryChoice;
    force?: boolean;
  },
): Promise<Exported> {
  const committed = await commitWhenMissing(ports, options.reference);
  const reference = committed
    ? `${committed.artifact.program.metadata.name}:${committed.artifact.program.metadata.version}`
    : options.reference;
  const { artifact, pin } = await findProgram(ports, reference);
  const { name, version } = artifact.program.metadata;
  const file = options.output ?? fileName(name, version, options.portable ?? false);
  await refuseOther(ports, file, artifact, options.force ?? false);
  const { chunks, ...bundle } = await planBundle(ports, artifact, pin, options.history);
  let digests: BundleDigests | undefined;
  await ports.files.writeStream(
    file,
    chunks((all) => (digests = all)),
    ports.cancel,
  );
  ports.pins.harden(name, version);
  return {
    artifact,
    file: /^[./]/.test(file) ? file : `./${file}`,
    digests: digests!,
    ...bundle,
    ...(committed ? { committed } : {}),
  };
}

/** The digests that exporting now would give, nothing being written. */
export async function exportDigests(
  ports: Ports,
  artifact: ProgramArtifact,
  pin: Pin,
): Promise<BundleDigests> {
  const { chunks } = await planBundle(ports, artifact, pin, undefined);
  let digests: BundleDigests | undefined;
  for await (const _ of chunks((all) => (digests = all)));
  return digests!;
}

/** What a bundle of a program holds: the program, chosen runs, the ancestors they belong to, and its origin. */
async function planBundle(
  ports: Ports,
  artifact: ProgramArtifact,
  pin: Pin,
  asked: HistoryChoice | undefined,
): Promise<{
  history: HistoryChoice;
  runs: string[];
  chunks(onDigests: (digests: BundleDigests) => void): AsyncIterable<Uint8Array>;
}> {
  const history = asked ?? artifact.program.history?.export ?? 'latest';
  const ancestors = await ancestorsOf(ports, artifact);
  const subjects = new Map([artifact, ...ancestors].map((program) => [program.digest, program]));
  const chosen = chooseRuns(await knownRuns(ports, [...subjects.keys()]), history);
  const referrers: string[] = [];
  for (const { record, stored } of chosen) {
    const subject = subjects.get(record.program.digest)!;
    referrers.push(stored ?? (await runArtifact(record, subject, ports.content)).digest);
  }
  if (pin.origin !== undefined) referrers.push(pin.origin);
  const told = new Set(chosen.map(({ record }) => record.program.digest));
  const contents = {
    program: artifact.digest,
    ancestors: ancestors.map(({ digest }) => digest).filter((digest) => told.has(digest)),
    referrers,
  };
  return {
    history,
    runs: chosen.map(({ record }) => record.id),
    chunks: (onDigests) => writeBundle(contents, ports.content, { gzip: true, onDigests }),
  };
}

/** Commits the asked version from the highest earlier one, when only others are there. */
async function commitWhenMissing(ports: Ports, text: string): Promise<Committed | undefined> {
  const { name, version } = parseReference(text);
  const versions = ports.pins.versions(name);
  if (version === undefined || versions.length === 0) return undefined;
  if (versions.some((pin) => compareVersions(pin.version, version) === 0)) return undefined;
  const earlier = versions
    .filter((pin) => compareVersions(pin.version, version) < 0)
    .sort((a, b) => compareVersions(b.version, a.version))[0];
  const run =
    earlier &&
    ports.runs
      .list()
      .find(({ record }) => record.status === 'succeeded' && record.program.digest === earlier.digest);
  if (!earlier || !run) {
    throw new SameError({
      code: 'SAME1204',
      message: earlier
        ? `there is no ${name}:${version} here, and ${name}:${earlier.version} has no succeeded run to make it from`
        : `there is no ${name}:${version} here; versions: ${versions.map((pin) => pin.version).join(', ')}`,
      hint: earlier
        ? `run it first, or: same commit program ${name}:${earlier.version} --as ${version}`
        : `export one that is there: same export program -n ${name}:${versions[0]!.version}`,
    });
  }
  return commitProgram(ports, { reference: `${name}:${earlier.version}`, as: version, run: run.record });
}

interface KnownRun {
  record: RunRecord;
  /** Digest of its manifest, when it came along with a bundle. */
  stored?: string;
}

/** Succeeded runs of these programs, own ones and those that came along, newest first. */
async function knownRuns(ports: Ports, programs: readonly string[]): Promise<KnownRun[]> {
  const runs = new Map<string, KnownRun>();
  for (const program of programs) {
    for (const { digest, record } of await storedRuns(ports, program))
      runs.set(record.id, { record, stored: digest });
  }
  for (const { record } of ports.runs.list()) {
    if (record.status === 'succeeded' && programs.includes(record.program.digest)) {
      if (!runs.has(record.id)) runs.set(record.id, { record });
    }
  }
  return [...runs.values()].sort((a, b) => (a.record.id < b.record.id ? 1 : -1));
}

function chooseRuns(runs: readonly KnownRun[], history: HistoryChoice): KnownRun[] {
  if (history === 'none') return [];
  return history === 'latest' ? runs.slice(0, 1) : [...runs];
}

/** The programs it was committed from, as far as they are here, nearest first. */
async function ancestorsOf(ports: Ports, artifact: ProgramArtifact): Promise<ProgramArtifact[]> {
  const ancestors: ProgramArtifact[] = [];
  for (let last = artifact; last.program.metadata.derivedFrom; ) {
    const { digest } = last.program.metadata.derivedFrom;
    if (!(await ports.content.has(digest))) break;
    const ancestor = await openProgram(digest, ports.content);
    if (!isDerivedFrom(last, ancestor)) break;
    ancestors.push(ancestor);
    last = ancestor;
  }
  return ancestors;
}

/** `NAME:VERSION.tgz`, or `NAME-VERSION.tgz` where a colon would be in the way. */
export function fileName(name: string, version: string, portable: boolean): string {
  return `${name.replaceAll('/', '-')}${portable ? '-' : ':'}${version}.tgz`;
}

async function refuseOther(
  ports: Ports,
  file: string,
  artifact: ProgramArtifact,
  force: boolean,
): Promise<void> {
  if (force || !ports.files.exists(file)) return;
  const inside = await programInside(ports, file);
  if (inside === artifact.digest) return;
  throw new SameError({
    code: 'SAME1403',
    message: `${file} is there already and is ${inside ? `another program (${inside})` : 'no bundle'}`,
    place: file,
    hint: 'choose another with -o FILE, or replace it with --force',
  });
}

/** Digest of the program in a bundle file, or undefined when the file is no whole bundle. */
async function programInside(ports: Ports, file: string): Promise<string | undefined> {
  using temporary = ports.files.temporary();
  try {
    const bundle = await peekBundle(streamOfFile(ports, file), ports.openContent(temporary.path), {
      canonicalOfYaml: (bytes) => canonicalOfYaml(ports, bytes),
    });
    return bundle.program;
  } catch (error) {
    if (error instanceof SameError) return undefined;
    throw error;
  }
}
