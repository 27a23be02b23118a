import { peekBundle } from '../bundle/archive-reader.ts';
import type { BundleDigests } from '../bundle/layout.ts';
import type { Limits } from '../bundle/oci.ts';
import { openOrigin } from '../bundle/origin-artifact.ts';
import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import { openRun } from '../bundle/run-artifact.ts';
import type { ContentStore, Pin } from '../content/content-store.ts';
import { parseReference } from '../program/reference.ts';
import type { RegistryAccess } from '../registry/registry.ts';
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
  runs: ListedRun[];
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
    return { artifact, digests, lacking: [], runs: await runsAmong(referrers, content) };
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
    runs: await runsAmong(bundle.referrers, content),
    remote: { pinned, left },
  }));
}

/** The runs among what refers to programs, newest first. */
async function runsAmong(
  referrers: readonly { kind: string; digest: string }[],
  content: ContentStore,
): Promise<ListedRun[]> {
  const runs: ListedRun[] = [];
  for (const { kind, digest } of referrers)
    if (kind === 'run') runs.push({ record: (await openRun(digest, content)).record, own: false });
  return runs.sort((a, b) => (a.record.id < b.record.id ? 1 : -1));
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
