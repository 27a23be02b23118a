import { type GraphObject, objectsOf, openGraph } from '../bundle/graph.ts';
import { MEDIA } from '../bundle/oci.ts';
import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import { REFERRERS } from '../bundle/referrer.ts';
import { RUN_ID } from '../bundle/run-artifact.ts';
import type { ContentStore } from '../content/content-store.ts';
import type { Artifact } from '../engines/engine.ts';
import { throwFindings } from '../errors/same-error.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { prepareCommit } from './commit-program.ts';
import { baseWhenMissing, storedProgram } from './export-program.ts';
import { findProgram } from './find-program.ts';
import type { Ports } from './ports.ts';
import { contentsOf, dataOf, runFindings } from './program-contents.ts';
import { type HistoryChoice, selectRuns } from './select-runs.ts';

/** Some files, and their bytes together. */
export interface Amount {
  files: number;
  sizeBytes: number;
}

/** A run that would leave: its record, and nothing else of it. */
export interface LeavingRun {
  id: string;
  status: string;
  /** Of its record. */
  sizeBytes: number;
  /** Whether it ran here, its program, the secrets masked in it, and what of it stays, where its record is at hand. */
  own?: boolean;
  program?: string;
  masked?: string[];
  stays?: { logs: Amount; outputs: Amount };
}

/** What an export, push or copy would take along (spec SAME-BND-055). */
export interface Leaving {
  program: { name: string; version: string; digest: string };
  /** Manifests with all that they name, each once; content of data is not counted. */
  objects: number;
  sizeBytes: number;
  ancestors: number;
  runs: LeavingRun[];
  /** How many there are of each other kind: origins, verifications, signatures, data. */
  others: Record<string, number>;
  /** How many runs `--history all` passes over because they did not succeed, by status. */
  passedOver: Record<string, number>;
  /** Names of data elsewhere whose content would be fetched, if need be, and travel. */
  data: string[];
}

/** What `same export` would write, a commit that it would make first included. @throws what export says of the choice */
export async function previewExport(
  ports: Ports,
  options: { reference: string; history?: HistoryChoice | undefined; withData?: object | undefined },
): Promise<Leaving> {
  const base = baseWhenMissing(ports, options.reference);
  using temporary = ports.files.scratch();
  const content = ports.stageContent(temporary.path);
  const prepared = base && (await prepareCommit(ports, base, content));
  const { artifact, origin } = prepared ?? (await storedProgram(ports, options.reference));
  // What it looks into is gone with this function.
  return await preview(ports, content, { artifact, origin }, options);
}

/** What `same push` would send, whatever of it is there already. @throws what push says of the choice */
export async function previewPush(
  ports: Ports,
  options: { reference: string; history?: HistoryChoice | undefined; withData?: object | undefined },
): Promise<Leaving> {
  const { artifact, pin } = await findProgram(ports, options.reference);
  return preview(ports, ports.lookIntoContent(), { artifact, origin: pin.origin }, options);
}

async function preview(
  ports: Ports,
  content: ContentStore,
  { artifact, origin }: { artifact: ProgramArtifact; origin?: string | undefined },
  options: { history?: HistoryChoice | undefined; withData?: object | undefined },
): Promise<Leaving> {
  const data = dataOf(artifact, options.withData === undefined ? {} : { withData: options.withData });
  const selection = await selectRuns(ports, content, artifact, options.history);
  for (const run of selection.chosen) throwFindings(await runFindings(ports, artifact, selection, run));
  const graph = await openGraph(await contentsOf(ports, content, artifact, selection, origin), content);
  const { name, version } = artifact.program.metadata;
  const leaving = leavingOf({ name, version, digest: artifact.digest }, objectsOf(graph));
  const known = new Map(selection.chosen.map((run) => [run.record.id, run]));
  const runs = leaving.runs.map((run): LeavingRun => {
    const { record, stored } = known.get(run.id)!;
    return { ...run, ...toldOf(record, stored === undefined) };
  });
  return { ...leaving, runs, passedOver: selection.passedOver, data: data.map((one) => one.name) };
}

/** What a record tells of a run that would leave. */
export function toldOf(
  record: RunRecord,
  own: boolean,
): Pick<LeavingRun, 'own' | 'program' | 'masked' | 'stays'> {
  const { name, version } = record.program;
  return { own, program: `${name}:${version}`, masked: record.redactions, stays: staysOf(record) };
}

/** What leaves with some objects, as far as their manifests tell. */
export function leavingOf(program: Leaving['program'], objects: readonly GraphObject[]): Leaving {
  const sizes = new Map<string, number>();
  const runs: LeavingRun[] = [];
  const others: Record<string, number> = {};
  for (const { self, manifest, subject } of objects) {
    for (const { digest, size } of [self, manifest.config, ...manifest.layers]) sizes.set(digest, size);
    if (!subject) continue;
    const { artifactType, annotations = {}, layers } = manifest;
    if (artifactType === MEDIA.run) {
      const [status = '', sizeBytes = 0] = [annotations['dev.same.run.status'], layers[0]?.size];
      runs.push({ id: annotations[RUN_ID] ?? '', status, sizeBytes });
      continue;
    }
    const kind = REFERRERS.find((type) => type.artifactType === artifactType)?.kind ?? artifactType;
    others[kind] = (others[kind] ?? 0) + 1;
  }
  return {
    program,
    objects: sizes.size,
    sizeBytes: [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0),
    ancestors: objects.filter(({ subject }) => !subject).length - 1,
    runs: runs.sort((a, b) => (a.id < b.id ? 1 : -1)),
    others,
    passedOver: {},
    data: [],
  };
}

/** What a run left beside its record, each content once. */
function staysOf({ steps }: RunRecord): Required<LeavingRun>['stays'] {
  const amount = (artifacts: readonly Artifact[]): Amount => {
    const sizes = new Map(artifacts.map(({ digest, sizeBytes }) => [digest, sizeBytes]));
    return { files: sizes.size, sizeBytes: [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0) };
  };
  return {
    logs: amount(steps.flatMap(({ logs }) => (logs ? [logs.stdout, logs.stderr] : []))),
    outputs: amount(steps.flatMap(({ outputs }) => Object.values(outputs))),
  };
}
