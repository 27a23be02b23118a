import { readBundle } from '../bundle/archive.ts';
import { openProgram, type ProgramArtifact } from '../bundle/program-artifact.ts';
import { throwFindings } from '../errors/same-error.ts';
import type { JsonObject } from '../program/json.ts';
import { pinProgram, stopIfCanceled } from './pin-program.ts';
import type { Ports } from './ports.ts';

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
  const bundle = await readBundle(ports.files.stream(options.file), ports.content, {
    canonicalOfYaml: (bytes) => canonicalOfYaml(ports, bytes),
  });
  stopIfCanceled(ports);
  const artifact = await openProgram(bundle.program, ports.content);
  const origin = bundle.referrers.find(
    ({ kind, subject }) => kind === 'origin' && subject === bundle.program,
  );
  pinProgram(ports, artifact, 'hard', origin?.digest);
  for (const { subject, digest } of bundle.referrers) ports.referrers.add(subject, digest);
  return {
    artifact,
    digests: bundle.digests,
    runs: bundle.referrers.filter(({ kind }) => kind === 'run').length,
    ancestors: bundle.ancestors.length,
  };
}

/** The JSON value that a manifest's bytes say. @throws all findings when it is not valid */
export async function canonicalOfYaml(ports: Ports, bytes: Uint8Array): Promise<JsonObject> {
  const { value, findings } = await ports.parseManifest(bytes, 'same.yaml');
  throwFindings(findings);
  return value!;
}
