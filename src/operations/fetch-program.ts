import { type ReadBundle, readStored } from '../bundle/archive-reader.ts';
import { type AskedLayer, askedLayers, ComingLayers } from '../bundle/coming-layers.ts';
import { type Descriptor, LIMITS, type Limits, type OciManifest } from '../bundle/oci.ts';
import { subjectOf } from '../bundle/oci-manifest.ts';
import { openProgram, type ProgramArtifact } from '../bundle/program-artifact.ts';
import { overLimit } from '../bundle/refusal.ts';
import type { Downloads, TrustedContentStore } from '../content/content-store.ts';
import { inParallel } from '../content/graph-copy.ts';
import type { Reference } from '../program/reference.ts';
import type { Repository } from '../registry/registry.ts';
import { bundleRules } from './import-bundle.ts';
import { refuseLimits, UNCOMPRESSED } from './limits.ts';
import type { Ports } from './ports.ts';
import { type LeftObject, RemoteObjects, type RemoteProgram } from './remote-objects.ts';
import { hintingAtRuns } from './remote-refusal.ts';
import { type SurveyOptions, surveyProgram } from './remote-survey.ts';

/** How a program is fetched. */
export interface FetchOptions extends SurveyOptions {
  /** Keeps what came of long blobs for the next try, should this one be killed. */
  downloads?: Downloads;
}

/** A program of a registry, fetched into a store and checked as a bundle is. */
export interface FetchedProgram {
  bundle: Omit<ReadBundle, 'digests'>;
  artifact: ProgramArtifact;
  /** Digests of all that it is made of: less than what was looked at, where only some runs come along. */
  digests: ReadonlySet<string>;
  /** Blobs that were fetched, and their bytes; what was here already is none of them. */
  fetched: { blobs: number; sizeBytes: number };
  /** Objects that refer to it and were left there, since this version does not know their kind. */
  left: LeftObject[];
}

/**
 * Fetches what a reference leads to in a registry, with what refers to it, into a store. Every blob is compared with its
 * digest as it comes; then all of it is held to what a bundle is held to (spec SAME-REG-017). Nothing is executed.
 * @param store where to; blobs that it has are not fetched
 * @throws what {@link surveyProgram} throws · SAME1301…1307 · SAME1801, SAME1802
 */
export async function fetchProgram(
  ports: Ports,
  repository: Repository,
  reference: Reference,
  store: TrustedContentStore,
  options: FetchOptions = {},
): Promise<FetchedProgram> {
  refuseLimits(options.limits, repository.label, UNCOMPRESSED);
  const limits = { ...LIMITS, ...options.limits };
  const fetched = { blobs: 0, sizeBytes: 0 };
  const objects = new RemoteObjects(repository, store, limits, ({ size }) => {
    fetched.blobs++;
    fetched.sizeBytes += size;
  });
  const { programs, referrers } = await surveyProgram(objects, repository, reference, options);
  const blobs = blobsOf([...programs, ...referrers]);
  refuseTooMuch(repository, blobs, limits);
  const entries = [...programs.map(({ self }) => subjectOf(self)), ...referrers.map(({ self }) => self)];
  const coming = new ComingLayers(programs.flatMap(layersOf), limits);
  const rules = { ...bundleRules(ports, options.limits), keepLayers: false, coming };
  const bundle = await hintingAtRuns(referrers, async () => {
    await inParallel(blobs, (blob) =>
      objects.take(blob, { downloads: options.downloads, watch: coming.watch(blob.digest) }),
    );
    await objects.settle();
    return readStored(store, entries, rules);
  });
  const digests = new Set([...entries, ...blobs].map(({ digest }) => digest));
  const artifact = await openProgram(bundle.program, store);
  return { bundle, artifact, digests, fetched, left: objects.left };
}

function blobsOf(objects: readonly { manifest: OciManifest }[]): Descriptor[] {
  const blobs = new Map<string, Descriptor>();
  for (const { manifest } of objects)
    for (const blob of [manifest.config, ...manifest.layers]) blobs.set(blob.digest, blob);
  return [...blobs.values()];
}

/** A config is held to its same.yaml later: one whose targets are none is refused before anything is asked of its layers. */
function layersOf({ manifest, program }: RemoteProgram): AskedLayer[] {
  const targets: unknown = program.infrastructure?.targets ?? [];
  const isSo =
    Array.isArray(targets) &&
    targets.every((target) => /^(string|undefined)$/.test(typeof (target ?? { path: null }).path));
  return askedLayers(manifest, isSo ? program : undefined).filter((layer) => layer !== undefined);
}

/** @throws SAME1304 it is more than the limit: said before any of it comes */
function refuseTooMuch(repository: Repository, blobs: readonly Descriptor[], limits: Limits): void {
  const totalBytes = blobs.reduce((sum, { size }) => sum + size, 0);
  if (totalBytes <= limits.unpackedBytes) return;
  throw overLimit(
    'unpackedBytes',
    `${repository.label}: what is to be fetched has ${totalBytes} bytes, over the limit of ${limits.unpackedBytes}`,
  );
}
