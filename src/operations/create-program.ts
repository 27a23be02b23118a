import type { Limits } from '../bundle/oci.ts';
import { originArtifact } from '../bundle/origin-artifact.ts';
import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import { SameError } from '../errors/same-error.ts';
import type { RegistryAccess } from '../registry/registry.ts';
import type { Origin } from '../sources/source.ts';
import { type Imported, importBundle } from './import-bundle.ts';
import { PACKING, refuseLimits } from './limits.ts';
import { queueTelling } from './metadata-stores.ts';
import { packTree } from './pack-source.ts';
import { keepUnlessTaken, type Pinning, pinProgram, stopIfCanceled } from './pin-program.ts';
import type { Ports } from './ports.ts';
import { openProgramEnvironments } from './program-files.ts';
import { type Pulled, pullProgram } from './pull-program.ts';
import { refuseAccess } from './registry-access.ts';
import { isRegistryText } from './registry-address.ts';

/** What create made. */
export interface Created {
  artifact: ProgramArtifact;
  origin: Origin;
  label: string;
  /** The digest that a soft pin named before. */
  replaced?: string;
  imported?: Imported;
  pulled?: Pulled;
}

/** Where a program is made from, and how. */
interface CreateRequest {
  source: string;
  dereference?: boolean;
  limits?: Partial<Limits>;
  access?: RegistryAccess;
}

/** `same create`: a source becomes a stored program with a name, a version and a digest. Nothing of it is executed. */
export async function createProgram(ports: Ports, options: CreateRequest): Promise<Created> {
  const created = await makeProgram(ports, options);
  const { program, digest } = created.artifact;
  const { name, version } = program.metadata;
  await queueTelling(ports, { kind: 'program', name, version, digest, createdAt: ports.now() });
  return created;
}

async function makeProgram(ports: Ports, options: CreateRequest): Promise<Created> {
  if (isRegistryText(options.source)) return createFromRegistry(ports, options);
  refuseAccess(options.access, options.source);
  using temporary = ports.files.temporary();
  using source = await ports.openSource(options.source, {
    workDirectory: temporary.path,
    ...(options.dereference ? { dereference: true } : {}),
    signal: ports.cancel,
  });
  if (source.kind === 'bundle') {
    if (options.dereference) throw nothingToFollow(`${source.label} is a bundle`);
    const imported = await importBundle(ports, { file: source.path, limits: options.limits });
    return { artifact: imported.artifact, origin: source.origin, label: source.label, imported };
  }
  refuseLimits(options.limits, source.label, PACKING);
  const staged = ports.stageContent(temporary.path);
  const { artifact, origin } = await packTree(ports, source, staged, {
    dereference: options.dereference ?? false,
    limits: options.limits,
  });
  const linked = await originArtifact(origin, artifact, staged);
  // Before the pin: from there on nothing takes long, so no interruption comes between the pin and its being said.
  await warnUnmet(ports, artifact);
  stopIfCanceled(ports);
  const pinning: Pinning = source.soft ? { pin: 'soft', replace: 'soft' } : { pin: 'hard', replace: 'none' };
  await keepUnlessTaken(ports, artifact, pinning, staged);
  const replaced = pinProgram(ports, artifact, pinning, { origin: linked.digest });
  ports.referrers.add(artifact.digest, linked.digest);
  return { artifact, origin, label: source.label, ...(replaced ? { replaced: replaced.digest } : {}) };
}

/** `same create -f oci://…` is `same pull`, said as create says it. */
async function createFromRegistry(
  ports: Ports,
  options: { source: string; dereference?: boolean; limits?: Partial<Limits>; access?: RegistryAccess },
): Promise<Created> {
  const { source: reference, limits, access = {} } = options;
  if (options.dereference) throw nothingToFollow(`${reference} is in a registry`);
  const pulled = await pullProgram(ports, { reference, limits, access });
  return { artifact: pulled.artifact, origin: { kind: 'bundle' }, label: pulled.pinned, pulled };
}

function nothingToFollow(because: string): SameError {
  return new SameError({
    code: 'SAME1902',
    message: `--dereference has nothing to do: ${because}, and its files are packed already`,
    place: '--dereference',
    hint: 'leave it out',
  });
}

async function warnUnmet(ports: Ports, artifact: ProgramArtifact): Promise<void> {
  using temporary = ports.files.temporary();
  const environments = openProgramEnvironments(ports, artifact, temporary.path);
  for (const { what, want, have, met, optional, hint } of await ports.checkRequirements(
    artifact.program,
    environments,
  )) {
    if (met || optional) continue;
    ports.warn({
      code: 'SAME1701',
      message: `this machine does not meet a requirement: ${what}: want ${want}, have ${have}`,
      hint: hint ?? 'create goes on; run will refuse unless --allow-unmet',
    });
  }
}
