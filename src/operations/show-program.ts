import { type BundleDigests, peekBundle } from '../bundle/archive.ts';
import { openOrigin } from '../bundle/origin-artifact.ts';
import { openProgram, type ProgramArtifact } from '../bundle/program-artifact.ts';
import type { Pin } from '../content/content-store.ts';
import { parseReference } from '../program/reference.ts';
import type { Origin } from '../sources/source.ts';
import { exportDigests } from './export-program.ts';
import { findProgram } from './find-program.ts';
import { canonicalOfYaml, streamOfFile } from './import-bundle.ts';
import { type ListedRun, listRuns } from './list-runs.ts';
import type { Ports } from './ports.ts';

/** Everything there is to know of a program without running it. */
export interface Shown {
  artifact: ProgramArtifact;
  pin?: Pin;
  origin?: Origin;
  /** All four digests: program, index, archive, file. Of a stored program: what export would write now. */
  digests: BundleDigests;
  runs: ListedRun[];
}

/** `same show`: a stored program by reference, or a bundle file. Executes nothing. */
export async function showProgram(ports: Ports, text: string): Promise<Shown> {
  if (isBundlePath(ports, text)) {
    using temporary = ports.files.temporary();
    const content = ports.openContent(temporary.path);
    const bundle = await peekBundle(streamOfFile(ports, text), content, {
      canonicalOfYaml: (bytes) => canonicalOfYaml(ports, bytes),
    });
    const artifact = await openProgram(bundle.program, content);
    // Read what rendering needs while the temporary store is there.
    await artifact.codeEntries();
    return { artifact, digests: bundle.digests, runs: [] };
  }
  const { artifact, pin } = await findProgram(ports, text);
  const origin = pin.origin === undefined ? undefined : await openOrigin(pin.origin, ports.content);
  return {
    artifact,
    pin,
    ...(origin ? { origin } : {}),
    digests: await exportDigests(ports, artifact, pin),
    runs: await listRuns(ports, { name: text }),
  };
}

/** Whether a word is a bundle's path, and not the name of a stored program. */
export function isBundlePath(ports: Ports, text: string): boolean {
  return isPath(text) || (!isReference(text) && ports.files.exists(text));
}

function isPath(text: string): boolean {
  return /^[./]/.test(text) || /\.(tgz|tar|tar\.gz)$/.test(text);
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
