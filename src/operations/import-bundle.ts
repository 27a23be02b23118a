import { type BundleInput, type BundleRules, type ReadBundle, readBundle } from '../bundle/archive-reader.ts';
import type { Limits } from '../bundle/oci.ts';
import { openProgram, type ProgramArtifact } from '../bundle/program-artifact.ts';
import { isProblem } from '../bundle/refusal.ts';
import { isSameRun, openRun } from '../bundle/run-artifact.ts';
import type { ContentStore, StagedContentStore } from '../content/content-store.ts';
import { type Finding, SameError, throwFindings } from '../errors/same-error.ts';
import type { JsonObject } from '../program/json.ts';
import { importOfDatabase, importOfOthers } from './kept-elsewhere.ts';
import { listRuns } from './list-runs.ts';
import { keepUnlessTaken, type Pinning, pinProgram, stopIfCanceled } from './pin-program.ts';
import type { Ports } from './ports.ts';
import { isRegistryText } from './registry-address.ts';

const PINNING: Pinning = { pin: 'hard', replace: 'none' };

/** What import stored. */
export interface Imported {
  artifact: ProgramArtifact;
  digests: { program: string; index: string; archive: string; file?: string };
  /** Runs of the authors that travelled along. */
  runs: number;
  ancestors: number;
}

/** `same import`: checks a bundle file whole, then stores and pins it. Nothing of it is executed. */
export async function importBundle(
  ports: Ports,
  options: { file: string; limits?: Partial<Limits> | undefined },
): Promise<Imported> {
  const input = bundleInput(ports, options.file);
  using temporary = ports.files.temporary();
  const staged = ports.stageContent(temporary.path);
  const bundle = await hintingAt(options.file, () =>
    readBundle(input, staged, bundleRules(ports, options.limits)),
  );
  stopIfCanceled(ports);
  return { ...(await storeBundle(ports, bundle, staged)), digests: bundle.digests };
}

/**
 * Makes a checked bundle part of the home: its blobs, what refers to its programs, and its pin.
 * @param bundle what was read into `staged`
 * @param from the registry it came from
 * @throws SAME1206, SAME1207 the name is taken · SAME1609 a run of its has the id of another one here
 */
export async function storeBundle(
  ports: Ports,
  bundle: Omit<ReadBundle, 'digests'>,
  staged: StagedContentStore,
  from: { registry?: string } = {},
): Promise<Omit<Imported, 'digests'>> {
  const artifact = await openProgram(bundle.program, staged);
  await refuseOtherRuns(ports, bundle, staged, from.registry);
  const origin = bundle.referrers.find(
    ({ kind, subject }) => kind === 'origin' && subject === bundle.program,
  );
  await keepUnlessTaken(ports, artifact, PINNING, staged);
  pinProgram(ports, artifact, PINNING, { origin: origin?.digest, ...from });
  for (const { subject, digest } of bundle.referrers) ports.referrers.add(subject, digest);
  return {
    artifact,
    runs: bundle.referrers.filter(({ kind }) => kind === 'run').length,
    ancestors: bundle.ancestors.length,
  };
}

/** @throws SAME1609 the id of a run in the bundle is that of another run here (SAME-BND-028) */
async function refuseOtherRuns(
  ports: Ports,
  bundle: Pick<ReadBundle, 'referrers'>,
  staged: ContentStore,
  registry: string | undefined,
): Promise<void> {
  const runs = bundle.referrers.filter(({ kind }) => kind === 'run');
  if (runs.length === 0) return;
  const here = new Map((await listRuns(ports, {})).map((run) => [run.record.id, run]));
  const findings: Finding[] = [];
  for (const { digest } of runs) {
    const { record } = await openRun(digest, staged);
    const other = here.get(record.id);
    if (!other || isSameRun(other.record, record)) continue;
    findings.push({
      code: 'SAME1609',
      message: `run ${record.id} of ${registry ?? 'the bundle'} is here already with another record, ${other.own ? 'your own' : `of ${other.record.program.name}:${other.record.program.version}`}`,
      hint:
        registry === undefined
          ? 'compare the two in another home: SAME_HOME=DIRECTORY same import FILE'
          : 'leave it out with --history none or ids of others; or compare the two in another home: SAME_HOME=DIRECTORY same pull ADDRESS',
      clause: 'SAME-BND-028',
    });
  }
  throwFindings(findings);
}

/** Reads a bundle that a user named; whatever is wrong with it and has no hint of its own gets one. */
export async function hintingAt<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!isProblem(error)) throw error;
    const hint = `get the file again, or see all problems with: same verify integrity ${file}`;
    const others = importOfDatabase(file);
    const { cause, details } = error;
    throw new SameError(
      error.findings.map((finding) => ({
        hint,
        ...finding,
        ...(others !== undefined && finding.code === 'SAME1306' ? { hint: others } : {}),
      })),
      { cause, details },
    );
  }
}

/** How a bundle is read here: what its documents are checked with, and the limits that the user raised. */
export function bundleRules(ports: Ports, limits?: Partial<Limits>): BundleRules {
  return {
    canonicalOfYaml: (bytes) => canonicalOfYaml(ports, bytes, limits?.yamlBytes),
    lockFindings: async (bytes) => (await ports.parseLock(bytes, 'same.lock', limits?.jsonBytes)).findings,
    runFindings: (record, label) => ports.checkRunRecord(record, label),
    ...(limits ? { limits } : {}),
  };
}

/**
 * The bundle that a user named: a file, or a directory with `oci-layout` (SAME-BND-044).
 * @throws SAME1205 there is nothing · SAME1306 it is neither
 */
export function bundleInput(ports: Ports, path: string): BundleInput {
  const kind = ports.files.kind(path);
  if (kind === 'file') return ports.files.stream(path);
  if (kind === undefined) {
    const hint = isRegistryText(path) ? { hint: `from a registry: same pull ${path}` } : {};
    throw new SameError({ code: 'SAME1205', message: `there is no file ${path}`, place: path, ...hint });
  }
  if (kind === 'directory' && isBundleDirectory(ports, path)) {
    return {
      entries: () => ports.files.entries(path),
      stream: (inside) => ports.files.stream(`${path}/${inside}`),
    };
  }
  const others = importOfOthers(ports, path);
  throw new SameError({
    code: 'SAME1306',
    message: `${path} is ${kind === 'directory' ? 'a directory without oci-layout' : 'not a file'}`,
    place: path,
    hint: others ?? 'a folder of a program is made a program with: same create program -f FOLDER',
    clause: 'SAME-BND-036',
  });
}

/** Whether a path is a directory that is read as a bundle. */
export function isBundleDirectory(ports: Ports, path: string): boolean {
  return ports.files.kind(path) === 'directory' && ports.files.exists(`${path}/oci-layout`);
}

/** The JSON value that a manifest's bytes say. @throws all findings when it is not valid */
export async function canonicalOfYaml(
  ports: Ports,
  bytes: Uint8Array,
  limitBytes?: number,
): Promise<JsonObject> {
  const { value, findings } = await ports.parseManifest(bytes, 'same.yaml', limitBytes);
  throwFindings(findings);
  return value!;
}
