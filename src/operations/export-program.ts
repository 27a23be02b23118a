import { isDerivedFrom } from '../bundle/ancestry.ts';
import { type BundleContents, type BundleDigests, peekBundle, writeBundle } from '../bundle/archive.ts';
import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import { openProgram } from '../bundle/program-artifact.ts';
import { isSameRun, openRun, runArtifact } from '../bundle/run-artifact.ts';
import type { ContentStore, Pin } from '../content/content-store.ts';
import { SameError } from '../errors/same-error.ts';
import { parseReference } from '../program/reference.ts';
import { compareVersions } from '../program/version.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { type CommitRequest, type Committed, prepareCommit } from './commit-program.ts';
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
  /** Runs that the file held before and holds no longer; they are stored here. */
  left: string[];
}

/**
 * `same export`: a stored program as one file. Equal state gives equal bytes.
 * A version that is not there is committed from the highest earlier one and its latest succeeded run here: last of all,
 * so that an export which is refused has committed nothing.
 * @throws SAME1403 when the target is a file of something else, or holds runs that are nowhere else
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
  const base = baseWhenMissing(ports, options.reference);
  using temporary = base && ports.files.temporary();
  const staged = temporary && ports.stageContent(temporary.path);
  const prepared = base && (await prepareCommit(ports, base, staged!));
  const { artifact, origin } = prepared ?? (await storedProgram(ports, options.reference));
  const { name, version } = artifact.program.metadata;
  const file = options.output ?? fileName(name, version, options.portable ?? false);
  const content = staged ?? ports.content;
  const selection = await selectRuns(ports, content, artifact, options.history);
  const left = options.force ? [] : await refuseOther(ports, file, artifact, selection);
  const contents = await contentsOf(content, artifact, selection, origin);
  let digests: BundleDigests | undefined;
  await ports.files.writeStream(
    file,
    writeBundle(contents, content, { gzip: true, onDigests: (all) => (digests = all) }),
    ports.cancel,
  );
  await prepared?.keep();
  ports.pins.harden(name, version);
  return {
    artifact,
    file: /^[./]/.test(file) ? file : `./${file}`,
    digests: digests!,
    runs: selection.chosen.map(({ record }) => record.id),
    history: selection.history,
    ...(prepared ? { committed: prepared } : {}),
    left,
  };
}

/** The digests that exporting now would give, nothing being written. */
export async function exportDigests(
  ports: Ports,
  artifact: ProgramArtifact,
  pin: Pin,
): Promise<BundleDigests> {
  // Runs become artifacts here, of a few kilobytes: in memory, since looking stores nothing.
  const content = ports.lookIntoContent();
  const selection = await selectRuns(ports, content, artifact, undefined);
  const contents = await contentsOf(content, artifact, selection, pin.origin);
  let digests: BundleDigests | undefined;
  const chunks = writeBundle(contents, content, { gzip: true, onDigests: (all) => (digests = all) });
  for await (const _ of chunks);
  return digests!;
}

async function storedProgram(
  ports: Ports,
  reference: string,
): Promise<{ artifact: ProgramArtifact; origin?: string | undefined }> {
  const { artifact, pin } = await findProgram(ports, reference);
  return { artifact, origin: pin.origin };
}

/** What the asked version is committed from, when only others are there. */
function baseWhenMissing(ports: Ports, text: string): CommitRequest | undefined {
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
  return { reference: `${name}:${earlier.version}`, as: version, run: run.record };
}

interface KnownRun {
  record: RunRecord;
  /** Digest of its manifest, when it came along with a bundle. */
  stored?: string;
}

/** The runs that an export may take along, and those that it does. */
interface Selection {
  history: HistoryChoice;
  ancestors: ProgramArtifact[];
  known: KnownRun[];
  chosen: KnownRun[];
}

async function selectRuns(
  ports: Ports,
  content: ContentStore,
  artifact: ProgramArtifact,
  asked: HistoryChoice | undefined,
): Promise<Selection> {
  const history = asked ?? artifact.program.history?.export ?? 'latest';
  const ancestors = await ancestorsOf(content, artifact);
  const known = await knownRuns(ports, [artifact, ...ancestors]);
  const count = { none: 0, latest: 1, all: known.length }[history];
  return { history, ancestors, known, chosen: known.slice(0, count) };
}

/**
 * Succeeded runs of a program and its ancestors: own ones of the program, own ones of ancestors, then those that came
 * along with bundles; each newest first. A run of one's own is never passed over for one with its id that came along.
 */
async function knownRuns(ports: Ports, [program, ...ancestors]: ProgramArtifact[]): Promise<KnownRun[]> {
  const all = ports.runs.list().map(({ record }) => record);
  const ids = new Set(all.map(({ id }) => id));
  const ownOf = (digest: string): KnownRun[] =>
    all.filter((record) => record.program.digest === digest).map((record) => ({ record }));
  const foreign: KnownRun[] = [];
  for (const { digest } of [program!, ...ancestors]) {
    for (const { record, digest: stored } of await storedRuns(ports, digest)) {
      if (!ids.has(record.id)) foreign.push({ record, stored });
      ids.add(record.id);
    }
  }
  return [ownOf(program!.digest), ancestors.flatMap(({ digest }) => ownOf(digest)), foreign].flatMap((runs) =>
    runs
      .filter(({ record }) => record.status === 'succeeded')
      .sort((a, b) => (a.record.id < b.record.id ? 1 : -1)),
  );
}

/** What a bundle of a program holds: the program, chosen runs, the ancestors they belong to, and its origin. */
async function contentsOf(
  content: ContentStore,
  artifact: ProgramArtifact,
  { ancestors, chosen }: Selection,
  origin: string | undefined,
): Promise<BundleContents> {
  const subjects = new Map([artifact, ...ancestors].map((program) => [program.digest, program]));
  const referrers: string[] = origin === undefined ? [] : [origin];
  for (const { record, stored } of chosen) {
    const subject = subjects.get(record.program.digest)!;
    referrers.push(stored ?? (await runArtifact(record, subject, content)).digest);
  }
  const told = new Set(chosen.map(({ record }) => record.program.digest));
  return {
    program: artifact.digest,
    ancestors: ancestors.map(({ digest }) => digest).filter((digest) => told.has(digest)),
    referrers,
  };
}

/** The programs it was committed from, as far as they are here, nearest first. */
async function ancestorsOf(content: ContentStore, artifact: ProgramArtifact): Promise<ProgramArtifact[]> {
  const ancestors: ProgramArtifact[] = [];
  for (let last = artifact; last.program.metadata.derivedFrom; ) {
    const { digest } = last.program.metadata.derivedFrom;
    if (!(await content.has(digest))) break;
    const ancestor = await openProgram(digest, content);
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

/**
 * Refuses to write over anything but a bundle of this program whose runs are all stored here.
 * @returns the runs of the file that are there which the new one leaves out
 */
async function refuseOther(
  ports: Ports,
  file: string,
  artifact: ProgramArtifact,
  { known, chosen }: Selection,
): Promise<string[]> {
  if (!ports.files.exists(file)) return [];
  const inside = await bundleAt(ports, file);
  const refused = (what: string, hint: string) =>
    new SameError({ code: 'SAME1403', message: `${file} is there already and ${what}`, place: file, hint });
  if (inside?.program !== artifact.digest) {
    throw refused(
      `is ${inside ? `another program (${inside.program})` : 'no bundle'}`,
      'choose another with -o FILE, or replace it with --force',
    );
  }
  const lacks = (runs: KnownRun[], record: RunRecord) => !runs.some((run) => isSameRun(run.record, record));
  const lost = inside.runs.filter((record) => lacks(known, record));
  if (lost.length === 0) return inside.runs.filter((record) => lacks(chosen, record)).map(({ id }) => id);
  throw refused(
    `holds runs that are not stored here: ${lost.map(({ id }) => id).join(', ')}`,
    `keep them with: same import ${file}; or choose another file with -o FILE, or replace it with --force`,
  );
}

/** The program and the runs in a bundle file, or undefined when the file is no whole bundle. */
async function bundleAt(
  ports: Ports,
  file: string,
): Promise<{ program: string; runs: RunRecord[] } | undefined> {
  using temporary = ports.files.temporary();
  const content = ports.openContent(temporary.path);
  try {
    const { program, referrers } = await peekBundle(streamOfFile(ports, file), content, {
      canonicalOfYaml: (bytes) => canonicalOfYaml(ports, bytes),
    });
    const runs: RunRecord[] = [];
    for (const { kind, digest } of referrers) {
      if (kind === 'run') runs.push((await openRun(digest, content)).record);
    }
    return { program, runs };
  } catch (error) {
    if (error instanceof SameError && error.code !== 'SAME1903') return undefined;
    throw error;
  }
}
