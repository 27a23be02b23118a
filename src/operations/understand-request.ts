import { openOrigin } from '../bundle/origin-artifact.ts';
import { openProgram, type ProgramArtifact } from '../bundle/program-artifact.ts';
import type { ContentStore } from '../content/content-store.ts';
import { SameError, throwFindings } from '../errors/same-error.ts';
import type { Origin } from '../sources/source.ts';
import { findProgram } from './find-program.ts';
import { packTree } from './pack-source.ts';
import type { Ports } from './ports.ts';
import type { RunRequest } from './prepare-run.ts';
import { type ResumedRun, resumedRun } from './resume-run.ts';

/** A program that was found, and what is asked of it. */
export interface Understood {
  /** With every word where it belongs. */
  request: RunRequest;
  artifact: ProgramArtifact;
  origin?: Origin;
  pinned: boolean;
  resumed?: ResumedRun;
}

/** Finds the program, reads the words by its parameters, and finds the run that is gone on with. */
export async function understand(
  ports: Ports,
  given: RunRequest,
  content: ContentStore,
): Promise<Understood> {
  const isHere = given.reference !== undefined || given.resume === undefined || given.source !== '.';
  // A run is gone on with wherever one stands.
  const found = isHere || ports.files.exists('same.yaml') ? await locate(ports, given, content) : undefined;
  const parameters = Object.keys(found?.artifact.program.parameters ?? {});
  const request = given.reread?.(parameters) ?? given;
  throwFindings(request.problems ?? []);
  if (request.resume === undefined) return { request, ...found! };
  const reference = request.reference ?? found?.artifact.program.metadata.name;
  const resumed = await resumedRun(ports, request.resume, { reference, takeOver: request.takeOver });
  const { id, program, status } = resumed.record;
  ports.progress(`going on with run ${id} of ${program.name}:${program.version} (${status})`);
  if (found && found.artifact.digest !== program.digest)
    ports.progress(
      'that is the program as it was then; it has changed since, and what it is now runs with: same run',
    );
  return { request, ...(await locateAgain(ports, resumed)), resumed };
}

async function locate(
  ports: Ports,
  request: RunRequest,
  content: ContentStore,
): Promise<{ artifact: ProgramArtifact; origin?: Origin; pinned: boolean }> {
  if (request.source !== undefined) {
    using temporary = ports.files.scratch();
    using source = await ports.openSource(request.source, {
      workDirectory: temporary.path,
      signal: ports.cancel,
    });
    if (source.kind === 'bundle') {
      throw new SameError({
        code: 'SAME1208',
        message: `${source.label} is a bundle: run -f runs a folder or a repository without storing it`,
        hint: `store it first: same import ${request.source}`,
      });
    }
    return { ...(await packTree(ports, source, content)), pinned: false };
  }
  const { artifact, pin } = await findProgram(ports, request.reference!).catch((error: unknown) => {
    if (!(error instanceof SameError) || request.meant === undefined) throw error;
    const [first, ...others] = error.findings;
    const hint = `if it is no program, it belongs to the option before it: ${request.meant}`;
    throw new SameError([{ ...first!, hint }, ...others], { cause: error });
  });
  const origin = pin.origin === undefined ? undefined : await openOrigin(pin.origin, ports.content);
  return { artifact, ...(origin ? { origin } : {}), pinned: true };
}

/** The program of a run, pinned or not, as it was then. @throws SAME1305 it is not here any more */
async function locateAgain(
  ports: Ports,
  { record }: ResumedRun,
): Promise<{ artifact: ProgramArtifact; origin?: Origin; pinned: boolean }> {
  const { name, version, digest, pinned } = record.program;
  const artifact = await openProgram(digest, ports.content);
  const pin = ports.pins.get(name, version);
  const origin =
    pin?.digest === digest && pin.origin !== undefined
      ? await openOrigin(pin.origin, ports.content)
      : undefined;
  return { artifact, ...(origin ? { origin } : {}), pinned };
}
