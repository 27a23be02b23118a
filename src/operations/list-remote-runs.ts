import { type Descriptor, LIMITS, MEDIA, type OciManifest } from '../bundle/oci.ts';
import { inParallel } from '../content/graph-copy.ts';
import { SameError } from '../errors/same-error.ts';
import type { Reference } from '../program/reference.ts';
import { compareInLists, tagOf } from '../program/version.ts';
import type { RegistryAccess, Repository } from '../registry/registry.ts';
import type { Ports } from './ports.ts';
import { parseRegistryReference } from './registry-address.ts';
import { versionsIn } from './registry-tags.ts';

/** A run in a registry, as far as it is known without its record (spec SAME-BND-017). */
export interface RemoteListedRun {
  /** Empty where its manifest says none. */
  id: string;
  status: string;
  /** `STEP.NAME=VALUE` of some figures, separated by spaces. */
  metrics: string;
  /** Of its manifest. */
  digest: string;
  /** What it ran; the name as the registry knows it, the version empty where no tag was asked for. */
  program: { name: string; version: string; digest: string };
}

/**
 * `same list runs oci://…`: what refers to a program of a registry, or to every version of it, as a run, newest first. No
 * blob is read, and what the registry's lists say is not checked: who needs that looks at the program, or pulls it.
 * @throws SAME1803 there is no such program · SAME1304 more than 100,000 objects · SAME1805, SAME1801, SAME1802
 */
export async function listRemoteRuns(
  ports: Ports,
  options: { reference: string; access: RegistryAccess },
): Promise<RemoteListedRun[]> {
  const { address, reference } = await parseRegistryReference(ports, options.reference);
  const repository = await ports.openRepository(address, options.access);
  try {
    const runs = new Map<string, RemoteListedRun>();
    let objects = 0;
    await inParallel(await programsIn(repository, reference), async (program) => {
      const referrers = await repository.referrers(program.digest);
      objects += referrers.length;
      if (objects > LIMITS.entries) throw tooMany(repository);
      await inParallel(referrers, async (descriptor) => {
        const run = await runOf(repository, descriptor, program);
        if (run) runs.set(run.digest, run);
      });
    });
    return [...runs.values()].sort((a, b) => order(b.id, a.id) || order(a.digest, b.digest));
  } finally {
    repository.close();
  }
}

function tooMany({ label }: Repository): SameError {
  const message = `${label}: more than ${LIMITS.entries} objects belong to its programs`;
  const hint = 'ask for one version: same list runs oci://HOST/NAME:VERSION';
  return new SameError({ code: 'SAME1304', message, place: label, hint });
}

async function programsIn(
  repository: Repository,
  { name, version, digest }: Reference,
): Promise<RemoteListedRun['program'][]> {
  const chosen = version === undefined && digest === undefined ? await versionsIn(repository) : undefined;
  const tags = chosen?.versions ?? [version ?? ''];
  const programs: RemoteListedRun['program'][] = [];
  await inParallel(tags, async (tag) => {
    const found = await repository.resolve(digest ?? tagOf(tag));
    if (found) programs.push({ name, version: tag, digest: found.digest });
  });
  if (programs.length > 0 || chosen) return programs.sort((a, b) => compareInLists(a.version, b.version));
  const label = `${repository.label}${digest === undefined ? `:${version}` : `@${digest}`}`;
  throw new SameError({
    code: 'SAME1803',
    message: `there is no ${label}`,
    place: label,
    hint: `see what is there: same list tags ${repository.label}`,
  });
}

/** A run that refers to a program; what a list does not say of it, its manifest does. */
async function runOf(
  repository: Repository,
  listed: Descriptor,
  program: RemoteListedRun['program'],
): Promise<RemoteListedRun | undefined> {
  // There are registries that list the type of an object's config, which is empty, as the object's own.
  const known = listed.artifactType?.startsWith('application/vnd.same.') && listed.annotations !== undefined;
  const { artifactType, annotations = {} } = known ? listed : await manifestOf(repository, listed.digest);
  if (artifactType !== MEDIA.run) return undefined;
  const text = (name: string): string => {
    const value: unknown = annotations[`dev.same.run.${name}`];
    return typeof value === 'string' ? value : '';
  };
  return { id: text('id'), status: text('status'), metrics: text('metrics'), digest: listed.digest, program };
}

async function manifestOf(repository: Repository, digest: string): Promise<Partial<OciManifest>> {
  const found = await repository.manifest(digest);
  try {
    const manifest: unknown = JSON.parse(found?.bytes.toString() ?? '{}');
    return typeof manifest === 'object' && manifest !== null ? manifest : {};
  } catch {
    // Anybody may have put anything there.
    return {};
  }
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
