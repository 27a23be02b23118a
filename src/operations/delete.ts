import { SameError } from '../errors/same-error.ts';
import type { StoredRun } from '../runs/run-store.ts';
import { findPin } from './find-program.ts';
import type { Ports } from './ports.ts';
import { findStoredRun } from './show-run.ts';

/** `same delete program`: forgets a name and version; its runs stay, and so do its blobs as long as runs name them. */
export function deleteProgram(
  ports: Ports,
  reference: string,
): { name: string; version: string; digest: string } {
  if (!/[:@]/.test(reference)) {
    throw new SameError({
      code: 'SAME1902',
      message: `delete takes NAME:VERSION, got "${reference}"`,
      hint: 'list versions with: same list programs',
    });
  }
  const { name, version, digest } = findPin(ports, reference);
  ports.pins.remove(name, version);
  return { name, version, digest };
}

/** `same delete run`: removes the record, journal and logs of a run of this home. @throws SAME1608, SAME1609 */
export async function deleteRun(ports: Ports, id: string): Promise<{ id: string }> {
  let run: StoredRun;
  try {
    run = await findStoredRun(ports, id);
  } catch (error) {
    if (!isNone(error)) throw error;
    try {
      // A damaged run is in no listing, and deleting it is the way to be rid of it.
      ports.runs.remove(id);
      return { id };
    } catch (none) {
      throw isNone(none) ? error : none;
    }
  }
  if (!run.own) {
    throw new SameError({
      code: 'SAME1609',
      message: `run ${run.record.id} came with ${run.record.program.name}:${run.record.program.version}: it is the author's, read-only`,
    });
  }
  ports.runs.remove(run.record.id);
  (await ports.openAnnotations()).remove(run.record.id);
  return { id: run.record.id };
}

function isNone(error: unknown): boolean {
  return error instanceof SameError && error.code === 'SAME1608';
}

/** `same delete sweep`: removes the record of a sweep of this home; its runs stay. @throws SAME1620, SAME1622 */
export async function deleteSweep(ports: Ports, id: string): Promise<{ id: string }> {
  return { id: (await ports.openSweeps()).remove(id) };
}
