import type { RunPlace } from '../engines/engine.ts';
import { join, writeAtomically } from '../host/files.ts';
import { frame, parseJournal } from './journal.ts';
import { isMap } from './record-shape.ts';

/** Beside the journal, framed as a line of it: where the run is submitted (spec SAME-RUN-126). */
export const PLACE = 'place.jsonl';

/** Says durably where a run is submitted. @param path the run's directory */
export function notePlace(path: string, { volume, called }: RunPlace): void {
  writeAtomically(join(path, PLACE), frame({ type: 'run-placed', volume, called }), { sync: true });
}

/** @returns nothing where it is not told, or cannot be read */
export function parsePlace(bytes: Buffer | undefined): RunPlace | undefined {
  const [told] = parseJournal(bytes).events;
  if (!isMap(told) || typeof told.volume !== 'string' || typeof told.called !== 'string') return undefined;
  return { volume: told.volume, called: told.called };
}
