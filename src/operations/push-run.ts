import { objectsOf, openGraph } from '../bundle/graph.ts';
import { openProgram } from '../bundle/program-artifact.ts';
import { runArtifact } from '../bundle/run-artifact.ts';
import type { ContentStore } from '../content/content-store.ts';
import { type CopyTally, copyGraph } from '../content/graph-copy.ts';
import { SameError, throwFindings } from '../errors/same-error.ts';
import { tagOf } from '../program/version.ts';
import type { RegistryAccess } from '../registry/registry.ts';
import type { RunRecord } from '../runs/run-record.ts';
import type { StoredRun } from '../runs/run-store.ts';
import { recordFindings } from './check-record.ts';
import { rememberedRegistry } from './find-program.ts';
import { nodesOf, repositorySink, storeSource } from './graph-ends.ts';
import type { Ports } from './ports.ts';
import { type Leaving, leavingOf, toldOf } from './preview-leaving.ts';
import { linkReferrers } from './publish-graph.ts';
import { parsePushTarget } from './registry-address.ts';
import { findStoredRun } from './show-run.ts';
import { recordsOf } from './stored-records.ts';
import { storedRuns } from './stored-runs.ts';

/** What a push of a run did. */
export interface PushedRun {
  id: string;
  /** `NAME:VERSION`. */
  program: string;
  /** `oci://HOST/REPOSITORY:VERSION` of the program, or by its digest where that tag leads to another. */
  reference: string;
  /** Digest of the run's manifest. */
  digest: string;
  referrers: 'api' | 'tag';
  tally: CopyTally;
}

/**
 * `same push run`: a finished run, with what was said of it, goes beside the program that it ran.
 * @throws SAME1608 there is no such run, or it is not over · SAME1803 the program is not there
 */
export async function pushRun(
  ports: Ports,
  options: { run: string; target?: string | undefined; access: RegistryAccess },
): Promise<PushedRun> {
  const found = await finishedRun(ports, options.run);
  const { name, version, digest: subject } = found.record.program;
  const pin = ports.pins.versions(name).find(({ digest }) => digest === subject);
  const { address } = await targetOf(ports, found.record, options.target);
  using temporary = ports.files.scratch();
  const content = ports.stageContent(temporary.path);
  const { digest, objects } = await leavingWith(ports, content, found);
  const repository = await ports.openRepository(address, options.access);
  try {
    if (!(await repository.resolve(subject))) {
      throw new SameError({
        code: 'SAME1803',
        message: `${repository.label} does not have ${name}:${version} (${subject}), which the run ran`,
        place: repository.label,
        hint: pin
          ? `push the program first: same push ${pin.name}:${pin.version} ${repository.label}`
          : 'no version here is that program: push one that was made from it, with --history all; or store what was run: same create program -f SOURCE',
        clause: 'SAME-REG-026',
      });
    }
    const sink = repositorySink(repository, { known: new Set([subject]) });
    const tally = await copyGraph(storeSource(content), sink, nodesOf(objects));
    const linked = await linkReferrers(repository, objects);
    const isTagged = (await repository.resolve(tagOf(version)))?.digest === subject;
    return {
      id: found.record.id,
      program: `${name}:${version}`,
      reference: isTagged ? `${repository.label}:${version}` : `${repository.label}@${subject}`,
      digest,
      referrers: linked!,
      tally,
    };
  } finally {
    repository.close();
  }
}

/**
 * What `same push run` would send beside the program, whatever of it is there already (spec SAME-BND-055).
 * @throws what the push says of the run, and of the address where one is given
 */
export async function previewPushRun(
  ports: Ports,
  options: { run: string; target?: string | undefined },
): Promise<Leaving> {
  const found = await finishedRun(ports, options.run);
  const { record, own } = found;
  const { name, version, digest } = record.program;
  if (options.target !== undefined) await targetOf(ports, record, options.target);
  const { objects } = await leavingWith(ports, ports.lookIntoContent(), found);
  const leaving = leavingOf(
    { name, version, digest },
    objects.filter(({ subject }) => subject !== undefined),
  );
  const runs = leaving.runs.map((run) => ({ ...run, ...toldOf(record, own) }));
  return { ...leaving, ancestors: 0, runs };
}

/** @throws SAME1608 there is no such run · SAME1609 it is not over */
async function finishedRun(ports: Ports, run: string): Promise<StoredRun> {
  const found = await findStoredRun(ports, run);
  refuseUnfinished(found.record);
  return found;
}

/** Where a run goes: as said, else where its program was last. */
async function targetOf(ports: Ports, { program }: RunRecord, target: string | undefined) {
  const pin = ports.pins.versions(program.name).find(({ digest }) => digest === program.digest);
  return parsePushTarget(ports, target, program, pin && rememberedRegistry(ports, pin));
}

/** The run as an object, and everything that goes where it goes, its program included. */
async function leavingWith(ports: Ports, content: ContentStore, { record, own }: StoredRun) {
  const subject = record.program.digest;
  const program = await programOf(ports, record, content);
  throwFindings(await recordFindings(ports, { record, own }, program.program.metadata));
  const stored = (await storedRuns(ports, subject)).find((run) => run.record.id === record.id);
  const digest = stored && !own ? stored.digest : (await runArtifact(record, program, content)).digest;
  const referrers = [digest, ...(await recordsOf(ports, [digest]))];
  return { digest, objects: objectsOf(await openGraph({ program: subject, referrers }, content)) };
}

/** @throws SAME1609 it has no record yet, or never will (SAME-RUN-016) */
function refuseUnfinished({ id, status, finishedAt }: RunRecord): void {
  if (finishedAt !== undefined && status !== 'running' && status !== 'pending') return;
  throw new SameError({
    code: 'SAME1609',
    message: `run ${id} is ${status} and has no final record`,
    place: id,
    hint: 'push a run that ended: same list runs',
  });
}

/** @throws SAME1204 it ran a tree that was never made a stored program (SAME-REF-016) */
async function programOf(ports: Ports, { id, program }: RunRecord, content: ContentStore) {
  if (await ports.content.has(program.digest)) return openProgram(program.digest, content);
  throw new SameError({
    code: 'SAME1204',
    message: `run ${id} ran ${program.name}:${program.version} (${program.digest}), which is not stored here`,
    place: id,
    hint: 'make the program and run it again: same create program -f SOURCE',
  });
}
