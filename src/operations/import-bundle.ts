import { readBundle } from '../bundle/archive.ts';
import { openProgram, type ProgramArtifact } from '../bundle/program-artifact.ts';
import { openRun } from '../bundle/run-artifact.ts';
import { SameError, throwFindings } from '../errors/same-error.ts';
import type { JsonObject } from '../program/json.ts';
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
export async function importBundle(
  ports: Ports,
  options: { file: string; label?: string },
): Promise<Imported> {
  using temporary = ports.files.temporary();
  const staged = ports.stageContent(temporary.path);
  const bundle = await readBundle(streamOfFile(ports, options.file), staged, {
    canonicalOfYaml: (bytes) => canonicalOfYaml(ports, bytes),
  });
  stopIfCanceled(ports);
  const artifact = await openProgram(bundle.program, staged);
  for (const { kind, digest } of bundle.referrers) {
    if (kind !== 'run') continue;
    const { record } = await openRun(digest, staged);
    throwFindings(await ports.checkRunRecord(record, `run ${digest}`));
  }
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
