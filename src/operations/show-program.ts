import { peekBundle } from '../bundle/archive-reader.ts';
import type { BundleDigests } from '../bundle/layout.ts';
import type { Limits } from '../bundle/oci.ts';
import { openOrigin } from '../bundle/origin-artifact.ts';
import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import { isSameRun, openRun } from '../bundle/run-artifact.ts';
import type { ContentStore, Pin } from '../content/content-store.ts';
import { SameError } from '../errors/same-error.ts';
import { parseReference } from '../program/reference.ts';
import type { RegistryAccess } from '../registry/registry.ts';
import type { RunRecord } from '../runs/run-record.ts';
import type { Origin } from '../sources/source.ts';
import { exportDigests } from './export-program.ts';
import { findProgram } from './find-program.ts';
import { bundleInput, bundleRules, isBundleDirectory } from './import-bundle.ts';
import { refuseLimits } from './limits.ts';
import { type ListedRun, listRuns } from './list-runs.ts';
import { type PeekedProgram, type PeekOptions, peekProgram } from './peek-program.ts';
import type { Ports } from './ports.ts';
import { refuseAccess } from './registry-access.ts';
import { isRegistryText } from './registry-address.ts';

/** A run of a program that is shown; its own where it ran here, with the same record. */
export interface ShownRun extends ListedRun {
  /** It did not: another run that ran here has its id. */
  isOther?: true;
}

/** Everything there is to know of a program without running it. */
export interface Shown {
  artifact: ProgramArtifact;
  pin?: Pin;
  origin?: Origin;
  /**
   * All four digests: program, index, archive, file. Of a stored program: what export would write now, or the first
   * alone.
   */
  digests: BundleDigests | Pick<BundleDigests, 'program'>;
  /** Names of data that an export would have to fetch, and for want of which nothing else of it is known. */
  lacking: string[];
  /**
   * Of a stored program: runs of this version here. Of a bundle: runs that travel along, of its ancestors too; of a
   * program in a registry the same.
   */
  runs: ShownRun[];
  /** Of a program in a registry: where it is. */
  remote?: Pick<PeekedProgram, 'pinned' | 'left'>;
}

/** `same show`: a stored program by reference, a bundle, or a program in a registry. Executes nothing. */
export async function showProgram(
  ports: Ports,
  text: string,
  limits?: Partial<Limits>,
  access: RegistryAccess = {},
): Promise<Shown> {
  if (isRegistryText(text)) return showRemote(ports, { reference: text, limits, access });
  refuseAccess(access, text);
  if (isBundlePath(ports, text)) {
    const input = bundleInput(ports, text);
    using scratch = ports.files.scratch();
    const rules = { ...bundleRules(ports, limits), keepLayers: false };
    const content = ports.openContent(scratch.path);
    const { artifact, digests, referrers } = await peekBundle(input, content, rules);
    return { artifact, digests, lacking: [], runs: await runsAmong(ports, referrers, content) };
  }
  refuseLimits(limits, text);
  const { artifact, pin } = await findProgram(ports, text);
  const origin = pin.origin === undefined ? undefined : await openOrigin(pin.origin, ports.content);
  return {
    artifact,
    pin,
    ...(origin ? { origin } : {}),
    ...(await exportDigests(ports, artifact, pin)),
    runs: await listRuns(ports, { name: `${pin.name}:${pin.version}` }),
  };
}

function showRemote(ports: Ports, options: Omit<PeekOptions, 'anew'>): Promise<Shown> {
  return peekProgram(ports, options, async ({ artifact, bundle, content, pinned, left }) => ({
    artifact,
    digests: { program: artifact.digest },
    lacking: [],
    runs: await runsAmong(ports, bundle.referrers, content),
    remote: { pinned, left },
  }));
}

/** The runs among what refers to programs, newest first (spec SAME-BND-028). */
async function runsAmong(
  ports: Ports,
  referrers: readonly { kind: string; digest: string }[],
  content: ContentStore,
): Promise<ShownRun[]> {
  const runs: ShownRun[] = [];
  for (const { kind, digest } of referrers) {
    if (kind !== 'run') continue;
    const { record } = await openRun(digest, content);
    const here = ownRecord(ports, record.id);
    const own = here !== undefined && isSameRun(here, record);
    runs.push({ record, own, ...(here && !own ? { isOther: true as const } : {}) });
  }
  return runs.sort((a, b) => (a.record.id < b.record.id ? 1 : -1));
}

/** The record of a run that ran here, by its whole id. */
function ownRecord(ports: Ports, id: string): RunRecord | undefined {
  try {
    const { record } = ports.runs.get(id);
    // A part of an id would do there.
    return record.id === id ? record : undefined;
  } catch (error) {
    if (error instanceof SameError) return undefined;
    throw error;
  }
}

/** Whether a word is a bundle's path, and not the name of a stored program. */
export function isBundlePath(ports: Ports, text: string): boolean {
  if (isPath(text)) return true;
  return isReference(text) ? isBundleDirectory(ports, text) : ports.files.exists(text);
}

function isPath(text: string): boolean {
  return /^[./]/.test(text) || /\.(tgz|tar|tar\.gz|oci)$/.test(text);
}

function isReference(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch {
    // Then it can only be a file; where there is none, looking for the program says what is wrong with the name.
    return false;
  }
}
