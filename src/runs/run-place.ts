import type { RunPlace } from '../engines/engine.ts';
import { join, writeAtomically } from '../host/files.ts';
import { frame, parseJournal } from './journal.ts';
import { syncDirectory } from './pack-writer.ts';
import { isMap } from './record-shape.ts';

/** Beside the journal, framed as a line of it: where the run is submitted (spec SAME-RUN-126). */
export const PLACE = 'place.jsonl';

/** Says durably where a run is submitted, or that nothing of it is left there. @param path the run's directory */
export function notePlace(path: string, place: RunPlace | 'nowhere'): void {
  const event = place === 'nowhere' ? { type: 'run-removed' } : { type: 'run-placed', ...place };
  writeAtomically(join(path, PLACE), frame(event), { sync: true });
  syncDirectory(path);
}

/** @returns nothing where it is not told, or cannot be read */
export function parsePlace(bytes: Buffer | undefined): RunPlace | 'nowhere' | undefined {
  const [told] = parseJournal(bytes).events;
  if (!isMap(told)) return undefined;
  const { type, volume, called } = told;
  if (type === 'run-removed') return 'nowhere';
  if (typeof called !== 'string') return undefined;
  return { ...(typeof volume === 'string' ? { volume } : {}), called };
}
