import { canonicalBytes, sha256 } from '../bundle/canonical-json.ts';
import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import { runArtifact } from '../bundle/run-artifact.ts';
import type { StagedContentStore } from '../content/content-store.ts';
import { SameError, throwFindings } from '../errors/same-error.ts';
import { parseReference } from '../program/reference.ts';
import type { RunElsewhere, RunTool } from '../runs/elsewhere/run-elsewhere.ts';
import { findProgram } from './find-program.ts';
import { elsewhereRecord, storeArtifacts, storeSeries } from './imported-record.ts';
import { packTree } from './pack-source.ts';
import { type Pinning, pinProgram, refuseTaken, stopIfCanceled } from './pin-program.ts';
import { nameFrom, placeholderTree } from './placeholder-program.ts';
import type { Ports } from './ports.ts';

const PINNING: Pinning = { pin: 'hard', replace: 'none' };

/** The runs that now belong to one program. */
export interface ImportedRuns {
  program: { name: string; version: string; digest: string };
  /** Whether the program was made to hold them. */
  made: boolean;
  runs: { id: string; from: string; name?: string; isNew: boolean }[];
}

/** What `same import runs` did. */
export interface RunsImport {
  programs: ImportedRuns[];
  /** Runs that were left where they are, by how their tool calls them. */
  left: { id: string; because: 'deleted' | 'not ended' }[];
  /** What was left out, and why: of these runs, or of the directory where none is named. */
  warnings: { runs: string[]; message: string }[];
}

/**
 * `same import runs`: runs that another tool kept become runs of a program, foreign and read-only (spec SAME-RUN-082 to
 * 086): all of a directory, or of a database of MLflow, or none.
 * @throws SAME1617 everything that cannot be read · SAME1205 there is no such directory or database
 */
export async function importRuns(
  ports: Ports,
  options: { from: RunTool; directory: string; name?: string; unfinished?: boolean },
): Promise<RunsImport> {
  const { from, directory, name, unfinished = false } = options;
  const kind = ports.files.kind(directory);
  if (kind !== 'directory' && (kind !== 'file' || from !== 'mlruns')) {
    throw new SameError({
      code: 'SAME1205',
      message: `there is no directory ${directory}${from === 'mlruns' ? ', and no database of MLflow' : ''}`,
      place: directory,
    });
  }
  const { runs, deleted, warnings, problems } = await ports.readRunsElsewhere(from, directory);
  throwFindings(problems);
  const known = runs.filter(({ status }) => status !== 'going' || unfinished);
  using temporary = ports.files.temporary();
  const staged = ports.stageContent(temporary.path);
  const programs: (ImportedRuns & { artifact: ProgramArtifact; digests: string[] })[] = [];
  const said = new Map<string, string[]>();
  for (const [group, members] of Map.groupBy(known, (run) => (name === undefined ? run.group : ''))) {
    const { artifact, made } = await programFor(ports, name, group, staged);
    const { name: called, version } = artifact.program.metadata;
    const stored = await storeRuns(ports, { from, runs: members, artifact, staged, said });
    programs.push({
      program: { name: called, version, digest: artifact.digest },
      made,
      artifact,
      ...stored,
    });
  }
  stopIfCanceled(ports);
  for (const { artifact, made } of programs) if (made) refuseTaken(ports, artifact, PINNING);
  await staged.keep();
  for (const { artifact, made, digests } of programs) {
    if (made) pinProgram(ports, artifact, PINNING);
    for (const digest of digests) ports.referrers.add(artifact.digest, digest);
  }
  return {
    programs: programs.map(({ program, made, runs: all }) => ({ program, made, runs: all })),
    left: [
      ...deleted.map((id) => ({ id, because: 'deleted' as const })),
      ...runs.filter((run) => !known.includes(run)).map(({ id }) => ({ id, because: 'not ended' as const })),
    ],
    warnings: [
      ...warnings.map((message) => ({ runs: [], message })),
      ...[...said].map(([message, of]) => ({ runs: of, message })),
    ],
  };
}

/** The program that was named, or one that only holds what was made elsewhere. @throws SAME1203, SAME1204 */
async function programFor(
  ports: Ports,
  asked: string | undefined,
  group: string,
  staged: StagedContentStore,
): Promise<{ artifact: ProgramArtifact; made: boolean }> {
  const { name, version, digest } = parseReference(asked ?? nameFrom(group));
  const isNamed = version !== undefined || digest !== undefined;
  if (asked !== undefined && (isNamed || ports.pins.versions(name).length > 0))
    return { artifact: (await findProgram(ports, asked)).artifact, made: false };
  using tree = placeholderTree(name);
  const { artifact } = await packTree(ports, tree, staged);
  const pin = ports.pins.get(name, artifact.program.metadata.version);
  return { artifact, made: pin?.digest !== artifact.digest };
}

/** Stores the runs that go to one program, those that others are parts of first: an id goes into what depends on it. */
async function storeRuns(
  ports: Ports,
  into: {
    from: RunTool;
    runs: readonly RunElsewhere[];
    artifact: ProgramArtifact;
    staged: StagedContentStore;
    /** Takes every warning, with the runs that it is one of. */
    said: Map<string, string[]>;
  },
): Promise<{ runs: ImportedRuns['runs']; digests: string[] }> {
  const { from, runs, artifact, staged, said } = into;
  const there = new Set(ports.referrers.list(artifact.digest));
  const ids = new Map<string, string>();
  const stored: ImportedRuns['runs'] = [];
  const digests: string[] = [];
  for (const run of parentsFirst(runs)) {
    const parent = run.parent === undefined ? undefined : ids.get(run.parent);
    const outputs = run.artifacts === undefined ? {} : await storeArtifacts(ports, run, staged);
    const series = await storeSeries(run, staged);
    const record = elsewhereRecord({ from, run, artifact, parent, outputs, series });
    record.id = ports.runIdOf(run.startedMs, sha256(canonicalBytes(record)));
    throwFindings(await ports.checkRunRecord(record, `run ${run.id}`));
    const { digest } = await runArtifact(record, artifact, staged);
    ids.set(run.id, record.id);
    for (const warning of record.warnings) {
      const of = said.get(warning);
      if (of) of.push(run.id);
      else said.set(warning, [run.id]);
    }
    digests.push(digest);
    const named = run.name === undefined ? {} : { name: run.name };
    stored.push({ id: record.id, from: run.id, ...named, isNew: !there.has(digest) });
  }
  return { runs: stored, digests };
}

function parentsFirst(runs: readonly RunElsewhere[]): RunElsewhere[] {
  const byId = new Map(runs.map((run) => [run.id, run]));
  const ordered = new Set<RunElsewhere>();
  const visit = (run: RunElsewhere, above: ReadonlySet<string>): void => {
    const parent = run.parent === undefined ? undefined : byId.get(run.parent);
    // A run that is a part of itself is one of nothing.
    if (parent && !above.has(parent.id)) visit(parent, new Set([...above, run.id]));
    ordered.add(run);
  };
  for (const run of runs) visit(run, new Set());
  return [...ordered];
}
