import type { Limits } from '../bundle/oci.ts';
import { SameError } from '../errors/same-error.ts';
import type { RegistryAccess } from '../registry/registry.ts';
import { type FetchedProgram, fetchProgram } from './fetch-program.ts';
import { type Imported, storeBundle } from './import-bundle.ts';
import { stopIfCanceled } from './pin-program.ts';
import type { Ports } from './ports.ts';
import { parseRegistryReference } from './registry-address.ts';
import type { HistoryChoice } from './select-runs.ts';

/** What pull stored. */
export interface Pulled extends Omit<Imported, 'digests'>, Pick<FetchedProgram, 'fetched' | 'left'> {
  /** `oci://HOST/REPOSITORY@sha256:…`. */
  pinned: string;
}

/**
 * `same pull`: a program of a registry, with the runs of its authors, becomes part of the home: completely, or not at all.
 * Nothing of it is executed.
 * @throws what {@link fetchProgram} and import say
 */
export async function pullProgram(
  ports: Ports,
  options: {
    reference: string;
    history?: HistoryChoice | undefined;
    limits?: Partial<Limits> | undefined;
    access: RegistryAccess;
  },
): Promise<Pulled> {
  const { address, reference } = await parseRegistryReference(ports, options.reference);
  const repository = await ports.openRepository(address, options.access);
  try {
    using temporary = ports.files.temporary();
    const staged = ports.stageContent(temporary.path);
    const { bundle, digests, fetched, left } = await fetchProgram(ports, repository, reference, staged, {
      history: options.history,
      limits: options.limits,
      downloads: ports.downloads,
      // A name that is taken is said before gigabytes come.
      refuse: (program) => refuseOtherPin(ports, program),
    });
    stopIfCanceled(ports);
    staged.retain(digests);
    const stored = await storeBundle(ports, bundle, staged, { registry: repository.label });
    return { ...stored, fetched, left, pinned: `${repository.label}@${bundle.program}` };
  } finally {
    repository.close();
  }
}

/** @throws SAME1206, SAME1207 another program has that name and version here */
function refuseOtherPin(ports: Ports, program: { name: string; version: string; digest: string }): void {
  try {
    ports.pins.check({ ...program, pin: 'hard', pinnedAt: '' }, 'none');
  } catch (error) {
    if (!(error instanceof SameError) || error.code !== 'SAME1206') throw error;
    const here = `${program.name}:${program.version}`;
    const hint = `look at it in another home: SAME_HOME=DIRECTORY same pull …; or forget the one that is here: same delete ${here}`;
    const findings = error.findings.map((finding) => ({ ...finding, hint }));
    throw new SameError(findings, { cause: error, details: error.details });
  }
}
