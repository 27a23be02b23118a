import { type ReadBundle, readBundle } from '../bundle/archive.ts';
import { openProgram, type ProgramArtifact } from '../bundle/program-artifact.ts';
import { isSameRun, openRun } from '../bundle/run-artifact.ts';
import type { ContentStore } from '../content/content-store.ts';
import { type Finding, SameError, throwFindings } from '../errors/same-error.ts';
import type { JsonObject } from '../program/json.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { listRuns } from './list-runs.ts';
import { keepUnlessTaken, type Pinning, pinProgram, stopIfCanceled } from './pin-program.ts';
import type { Ports } from './ports.ts';

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
export async function importBundle(ports: Ports, options: { file: string }): Promise<Imported> {
  using temporary = ports.files.temporary();
  const staged = ports.stageContent(temporary.path);
  const bundle = await readBundle(streamOfFile(ports, options.file), staged, {
    canonicalOfYaml: (bytes) => canonicalOfYaml(ports, bytes),
  });
  stopIfCanceled(ports);
  const artifact = await openProgram(bundle.program, staged);
  await checkRuns(ports, bundle, staged);
  const origin = bundle.referrers.find(
    ({ kind, subject }) => kind === 'origin' && subject === bundle.program,
  );
  await keepUnlessTaken(ports, artifact, PINNING, staged);
  pinProgram(ports, artifact, PINNING, origin?.digest);
  for (const { subject, digest } of bundle.referrers) ports.referrers.add(subject, digest);
  return {
    artifact,
    digests: bundle.digests,
    runs: bundle.referrers.filter(({ kind }) => kind === 'run').length,
    ancestors: bundle.ancestors.length,
  };
}

/**
 * Checks the records of the runs in a bundle, which anyone may have written.
 * @throws SAME1302 one is not a finished run of the program it belongs to · SAME1609 its id is that of another run here
 */
async function checkRuns(ports: Ports, bundle: ReadBundle, staged: ContentStore): Promise<void> {
  const runs = bundle.referrers.filter(({ kind }) => kind === 'run');
  if (runs.length === 0) return;
  const here = new Map((await listRuns(ports, {})).map((run) => [run.record.id, run]));
  const seen = new Set<string>();
  const findings: Finding[] = [];
  for (const { digest, subject } of runs) {
    const { record } = await openRun(digest, staged);
    throwFindings(await ports.checkRunRecord(record, `run ${digest}`));
    const { name, version } = (await openProgram(subject, staged)).program.metadata;
    const refuse = (message: string) =>
      findings.push({ code: 'SAME1302', message: `run ${digest} ${message}` });
    if (record.program.name !== name || record.program.version !== version) {
      refuse(`says it is of ${record.program.name}:${record.program.version}; it is of ${name}:${version}`);
    }
    if (!isFinal(record.status)) refuse(`is not over: it says ${record.status}`);
    if (seen.has(record.id)) refuse(`has the id of another run of the bundle, ${record.id}`);
    seen.add(record.id);
    const other = here.get(record.id);
    if (!other || isSameRun(other.record, record)) continue;
    findings.push({
      code: 'SAME1609',
      message: `run ${record.id} of the bundle is here already with another record, ${other.own ? 'your own' : `of ${other.record.program.name}:${other.record.program.version}`}`,
      hint: 'compare the two in another home: SAME_HOME=DIRECTORY same import FILE',
    });
  }
  throwFindings(findings);
}

function isFinal(status: RunRecord['status']): boolean {
  return status !== 'pending' && status !== 'running';
}

/** The bytes of a bundle file that a user named. @throws SAME1205 it is not there · SAME1306 it is no file */
export function streamOfFile(ports: Ports, file: string): AsyncIterable<Uint8Array> {
  const kind = ports.files.kind(file);
  if (kind === 'file') return ports.files.stream(file);
  if (kind === undefined) throw new SameError({ code: 'SAME1205', message: `there is no file ${file}` });
  throw new SameError({
    code: 'SAME1306',
    message: `${file} is not a file`,
    hint: 'a bundle is one file; a folder is made a program with: same create program -f FOLDER',
  });
}

/** The JSON value that a manifest's bytes say. @throws all findings when it is not valid */
export async function canonicalOfYaml(ports: Ports, bytes: Uint8Array): Promise<JsonObject> {
  const { value, findings } = await ports.parseManifest(bytes, 'same.yaml');
  throwFindings(findings);
  return value!;
}
