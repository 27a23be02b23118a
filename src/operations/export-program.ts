import { type BundleDigests, writeBundle } from '../bundle/archive.ts';
import { NO_LIMITS } from '../bundle/limits.ts';
import type { Limits } from '../bundle/oci.ts';
import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import type { Pin } from '../content/content-store.ts';
import { SameError, throwFindings } from '../errors/same-error.ts';
import { parseReference } from '../program/reference.ts';
import { compareVersions } from '../program/version.ts';
import { type BundleForm, FILE_DIGEST_BYTES, fileName, sourceDate, writeForm } from './bundle-forms.ts';
import { recordFindings } from './check-record.ts';
import { collectData, storedData } from './collect-data.ts';
import { type CommitRequest, type Committed, prepareCommit } from './commit-program.ts';
import { refuseOther } from './existing-bundle.ts';
import { findProgram } from './find-program.ts';
import { refuseLimits, UNCOMPRESSED } from './limits.ts';
import type { Ports } from './ports.ts';
import { contentsOf, dataOf, runFindings } from './program-contents.ts';
import { type HistoryChoice, type Selection, selectRuns } from './select-runs.ts';

/** What export wrote. */
export interface Exported {
  artifact: ProgramArtifact;
  /** As people should type it: `./NAME:VERSION.tgz`. */
  file: string;
  form: BundleForm;
  digests: BundleDigests;
  runs: string[];
  history: HistoryChoice;
  /** How many runs `all` passes over because they did not succeed, by status. */
  passedOver: Record<string, number>;
  /** The version it made, when the asked one was not there. */
  committed?: Committed;
  /** Runs that the file held before and holds no longer; they are stored here. */
  left: string[];
  /** Names of data whose content it held before and holds no longer; it is stored here. */
  leftData: string[];
  /** Where the directory that it replaced lies now, if it could not be removed. */
  aside?: string;
}

/**
 * `same export`: a stored program as one file or directory. Equal state gives equal bytes.
 * A version that is not there is committed from the highest earlier one and its latest succeeded run here: last of all,
 * so that an export which is refused has committed nothing.
 * @throws SAME1403 when the target is something else, or holds runs or data that are nowhere else · SAME1304, SAME1608,
 * SAME1902, and of data that cannot travel what {@link collectData} says
 */
export async function exportProgram(
  ports: Ports,
  options: {
    reference: string;
    output?: string;
    form?: BundleForm;
    portable?: boolean;
    history?: HistoryChoice;
    limits?: Partial<Limits>;
    /** Whether content of data elsewhere travels that need not, and how long any may be at most. */
    withData?: { limitBytes?: number };
    force?: boolean;
  },
): Promise<Exported> {
  const { form = 'tgz', limits } = options;
  const sourceDateEpoch = sourceDate(ports);
  const base = baseWhenMissing(ports, options.reference);
  if (base?.run) throwFindings(await recordFindings(ports, { record: base.run, own: true }));
  using temporary = base ? ports.files.temporary() : ports.files.scratch();
  const content = ports.stageContent(temporary.path);
  const prepared = base && (await prepareCommit(ports, { ...base, ...(limits ? { limits } : {}) }, content));
  const { artifact, origin } = prepared ?? (await storedProgram(ports, options.reference));
  const travelling = dataOf(artifact, options);
  const { name, version } = artifact.program.metadata;
  const path = options.output ?? fileName(name, version, { form, portable: options.portable ?? false });
  const selection = await selectRuns(ports, content, artifact, options.history);
  for (const run of selection.chosen) throwFindings(await runFindings(ports, artifact, selection, run));
  const target = { path, form, force: options.force ?? false, limits };
  const { replace, isUnpacked, ...dropped } = await refuseOther(
    ports,
    target,
    artifact,
    selection,
    travelling,
  );
  if (!isUnpacked) refuseLimits(limits, path, UNCOMPRESSED, `nothing is unpacked to write ${path}`);
  const { referrers, ...known } = await contentsOf(ports, content, artifact, selection, origin);
  const data =
    travelling.length > 0
      ? [await collectData(ports, artifact, travelling, content, options.withData ?? {})]
      : [];
  const contents = {
    ...known,
    referrers: [...referrers, ...data],
    ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }),
    ...(limits ? { limits } : {}),
  };
  const { digests, aside } = await writeForm(ports, contents, content, { path, form, replace });
  await prepared?.keep();
  ports.pins.harden(name, version);
  return {
    artifact,
    file: /^[./]/.test(path) ? path : `./${path}`,
    form,
    digests,
    runs: selection.chosen.map(({ record }) => record.id),
    history: selection.history,
    passedOver: selection.passedOver,
    ...(prepared ? { committed: prepared } : {}),
    ...dropped,
    ...(aside === undefined ? {} : { aside }),
  };
}

/**
 * The digests that exporting now would give, nothing being written or fetched: of the program alone where data travels
 * whose content is not here.
 */
export async function exportDigests(
  ports: Ports,
  artifact: ProgramArtifact,
  pin: Pin,
): Promise<{ digests: BundleDigests | Pick<BundleDigests, 'program'>; lacking: string[] }> {
  // Runs become artifacts here, of a few kilobytes: in memory, since looking stores nothing.
  const content = ports.lookIntoContent();
  const sourceDateEpoch = sourceDate(ports);
  const data = await storedData(ports, artifact, content);
  if (data.lacking.length > 0) return { digests: { program: artifact.digest }, lacking: data.lacking };
  const asked = await selectRuns(ports, content, artifact, undefined);
  const selection: Selection = { ...asked, chosen: [] };
  for (const run of asked.chosen) {
    const [wrong] = await runFindings(ports, artifact, asked, run);
    if (wrong) ports.warn({ ...wrong, message: `the digests are those without a run: ${wrong.message}` });
    else selection.chosen.push(run);
  }
  const { referrers, ...known } = await contentsOf(ports, content, artifact, selection, pin.origin);
  const contents = {
    ...known,
    referrers: data.digest === undefined ? referrers : [...referrers, data.digest],
    // What limits the export had to raise is for the export to say.
    limits: NO_LIMITS,
    ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }),
  };
  let digests: BundleDigests | undefined;
  const chunks = writeBundle(contents, content, {
    gzip: true,
    fileDigestUpTo: FILE_DIGEST_BYTES,
    onDigests: (all) => (digests = all),
  });
  for await (const _ of chunks);
  return { digests: digests!, lacking: [] };
}

/** The program that is to be written, and its origin. @throws SAME1204 */
export async function storedProgram(
  ports: Ports,
  reference: string,
): Promise<{ artifact: ProgramArtifact; origin?: string | undefined }> {
  const { artifact, pin } = await findProgram(ports, reference);
  return { artifact, origin: pin.origin };
}

/** What the asked version is committed from, when only others are there. */
export function baseWhenMissing(ports: Ports, text: string): CommitRequest | undefined {
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
