import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import type { Pin } from '../content/content-store.ts';
import { SameError } from '../errors/same-error.ts';
import type { Ports } from './ports.ts';

/** Pins a program under its own name and version. @returns the soft pin it replaced. */
export function pinProgram(
  ports: Ports,
  artifact: ProgramArtifact,
  pin: 'soft' | 'hard',
  origin?: string,
): Pin | undefined {
  const { name, version } = artifact.program.metadata;
  return ports.pins.pin({
    name,
    version,
    digest: artifact.digest,
    pin,
    ...(origin === undefined ? {} : { origin }),
    pinnedAt: ports.now(),
  });
}

/** @throws SAME1903 after the first Ctrl-C. */
export function stopIfCanceled(ports: Ports): void {
  if (ports.cancel.aborted)
    throw new SameError({ code: 'SAME1903', message: 'interrupted; nothing was changed' });
}
