import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import type { Pin, StagedContentStore } from '../content/content-store.ts';
import { SameError } from '../errors/same-error.ts';
import type { Ports } from './ports.ts';

/** How a program is pinned. */
export interface Pinning {
  pin: 'soft' | 'hard';
  /** Whether a soft pin to another digest gives way: only to create from a directory (spec SAME-REF-014). */
  replace: 'soft' | 'none';
}

/**
 * Pins a program under its own name and version.
 * @param known digest of its origin; the registry it was pulled from
 * @returns the soft pin it replaced
 */
export function pinProgram(
  ports: Ports,
  artifact: ProgramArtifact,
  { pin, replace }: Pinning,
  known: { origin?: string | undefined; registry?: string | undefined } = {},
): Pin | undefined {
  const { origin, registry } = known;
  const wish: Pin = {
    ...pinOf(ports, artifact, pin),
    ...(origin === undefined ? {} : { origin }),
    ...(registry === undefined ? {} : { registry }),
  };
  return ports.pins.pin(wish, replace);
}

/** Changes nothing. @throws what {@link pinProgram} would throw */
export function refuseTaken(ports: Ports, artifact: ProgramArtifact, { pin, replace }: Pinning): void {
  ports.pins.check(pinOf(ports, artifact, pin), replace);
}

/** Refuses a pin that is taken, then moves what was staged into the store. @throws as {@link pinProgram} */
export async function keepUnlessTaken(
  ports: Ports,
  artifact: ProgramArtifact,
  pinning: Pinning,
  staged: StagedContentStore,
): Promise<void> {
  refuseTaken(ports, artifact, pinning);
  await staged.keep();
}

function pinOf(ports: Ports, { program, digest }: ProgramArtifact, pin: 'soft' | 'hard'): Pin {
  const { name, version } = program.metadata;
  return { name, version, digest, pin, pinnedAt: ports.now() };
}

/** @throws SAME1903 after the first Ctrl-C. */
export function stopIfCanceled(ports: Ports): void {
  if (ports.cancel.aborted)
    throw new SameError({ code: 'SAME1903', message: 'interrupted; nothing was changed' });
}
