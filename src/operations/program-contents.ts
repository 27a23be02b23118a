import type { GraphContents } from '../bundle/graph.ts';
import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import { runArtifact } from '../bundle/run-artifact.ts';
import type { ContentStore } from '../content/content-store.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import type { RemoteData } from '../program/remote-data.ts';
import { recordFindings } from './check-record.ts';
import { travellingData } from './collect-data.ts';
import type { Ports } from './ports.ts';
import type { KnownRun, Selection } from './select-runs.ts';
import { recordsOf } from './stored-records.ts';

/** The data whose content travels with a program. @throws SAME1902 it was asked for and there is none */
export function dataOf(artifact: ProgramArtifact, { withData }: { withData?: object }): RemoteData[] {
  const travelling = travellingData(artifact, withData !== undefined);
  if (!withData || travelling.length > 0) return travelling;
  throw new SameError({
    code: 'SAME1902',
    message: '--with-data has nothing to do: the program declares no data elsewhere that may travel',
    place: '--with-data',
    hint: 'leave it out: data in the program’s own files travels anyway',
  });
}

/** What import would refuse of a run that was chosen. */
export async function runFindings(
  ports: Ports,
  artifact: ProgramArtifact,
  { ancestors }: Selection,
  { record, stored }: KnownRun,
): Promise<Finding[]> {
  const subject = [artifact, ...ancestors].find(({ digest }) => digest === record.program.digest)!;
  return recordFindings(ports, { record, own: stored === undefined }, subject.program.metadata);
}

/**
 * What travels with a program, in a bundle or to a registry: the program, chosen runs, the ancestors they belong to, its origin, and what others
 * said of any of these.
 */
export async function contentsOf(
  ports: Ports,
  content: ContentStore,
  artifact: ProgramArtifact,
  { ancestors, chosen }: Selection,
  origin: string | undefined,
): Promise<GraphContents> {
  const subjects = new Map([artifact, ...ancestors].map((program) => [program.digest, program]));
  const referrers: string[] = origin === undefined ? [] : [origin];
  for (const { record, stored } of chosen) {
    const subject = subjects.get(record.program.digest)!;
    referrers.push(stored ?? (await runArtifact(record, subject, content)).digest);
  }
  const told = new Set(chosen.map(({ record }) => record.program.digest));
  const last = ancestors.findLastIndex(({ digest }) => told.has(digest));
  const included = ancestors.slice(0, last + 1).map(({ digest }) => digest);
  const runs = origin === undefined ? referrers : referrers.slice(1);
  const records = await recordsOf(ports, [artifact.digest, ...included, ...runs]);
  return { program: artifact.digest, ancestors: included, referrers: [...referrers, ...records] };
}
