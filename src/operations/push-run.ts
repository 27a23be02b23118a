import { objectsOf, openGraph } from '../bundle/graph.ts';
import { openProgram } from '../bundle/program-artifact.ts';
import { runArtifact } from '../bundle/run-artifact.ts';
import type { ContentStore } from '../content/content-store.ts';
import { type CopyTally, copyGraph } from '../content/graph-copy.ts';
import { SameError, throwFindings } from '../errors/same-error.ts';
import { tagOf } from '../program/version.ts';
import type { RegistryAccess } from '../registry/registry.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { recordFindings } from './check-record.ts';
import { rememberedRegistry } from './find-program.ts';
import { nodesOf, repositorySink, storeSource } from './graph-ends.ts';
import type { Ports } from './ports.ts';
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
  const { record, own } = await findStoredRun(ports, options.run);
  const { name, version, digest: subject } = record.program;
  refuseUnfinished(record);
  const pin = ports.pins.versions(name).find(({ digest }) => digest === subject);
  const { address } = await parsePushTarget(
    ports,
    options.target,
    { name, version },
    pin && rememberedRegistry(ports, pin),
  );
  using temporary = ports.files.scratch();
  const content = ports.stageContent(temporary.path);
  const program = await programOf(ports, record, content);
  throwFindings(await recordFindings(ports, { record, own }, program.program.metadata));
  const stored = (await storedRuns(ports, subject)).find((run) => run.record.id === record.id);
  const digest = stored && !own ? stored.digest : (await runArtifact(record, program, content)).digest;
  const referrers = [digest, ...(await recordsOf(ports, [digest]))];
  const graph = await openGraph({ program: subject, referrers }, content);
  const objects = objectsOf(graph);
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
    const found = await linkReferrers(repository, objects);
    const isTagged = (await repository.resolve(tagOf(version)))?.digest === subject;
    return {
      id: record.id,
      program: `${name}:${version}`,
      reference: isTagged ? `${repository.label}:${version}` : `${repository.label}@${subject}`,
      digest,
      referrers: found!,
      tally,
    };
  } finally {
    repository.close();
  }
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
