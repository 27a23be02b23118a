import { SameError } from '../errors/same-error.ts';
import { equalJson, type JsonValue } from '../program/json.ts';
import { knownTrials } from '../sweeps/sampler.ts';
import type { SweepRecord } from '../sweeps/sweep.ts';
import type { SweepStore } from '../sweeps/sweep-store.ts';
import type { Ports } from './ports.ts';
import type { PreparedSweep } from './prepare-sweep.ts';
import type { OpenSweep } from './sweep-program.ts';

/** Begins the record of a sweep that has been thought through. */
export async function beginSweep(ports: Ports, { sweep, trials }: PreparedSweep): Promise<OpenSweep> {
  const record: SweepRecord = { ...sweep, id: ports.newRunId(), startedAt: ports.now() };
  return { record, journal: (await ports.openSweeps()).begin(record), trials };
}

/** What two sweeps must have in common to be one. */
const SEARCH = [
  'program',
  'space',
  'algorithm',
  'trials',
  'samplerSeed',
  'objective',
  'parameters',
  'profile',
  'target',
  'allowUnmet',
  'noCache',
] as const;

/**
 * Goes on with a sweep that did not end: the one that is named, else the newest of this home, and the newest of the same
 * search where the words say one (spec SAME-SWP-020).
 * @param id what names it; empty for the newest
 * @param said the search as it is said again
 * @param jobs trials at a time from now on
 * @throws SAME1620 there is none · SAME1622 it goes on or has ended · SAME1902 it is another search
 */
export async function resumeSweep(
  ports: Ports,
  id: string,
  { said, jobs }: { said?: PreparedSweep; jobs?: number },
): Promise<OpenSweep> {
  const sweeps = await ports.openSweeps();
  const meant = id === '' ? newest(sweeps, said) : sweeps.get(id).record;
  const differs = said && SEARCH.find((member) => !isEqual(meant[member], said.sweep[member]));
  if (differs !== undefined) {
    throw new SameError({
      code: 'SAME1902',
      message: `sweep ${meant.id} is another search: its ${differs} is not what is said here`,
      hint: `go on with it as it is: same sweep --resume=${meant.id}`,
    });
  }
  if (jobs !== undefined && jobs !== meant.jobs && meant.algorithm === 'tpe') {
    throw new SameError({
      code: 'SAME1902',
      message: `what tpe tries depends on how many trials run at a time, and sweep ${meant.id} began with ${meant.jobs}`,
      place: '--jobs',
      hint: 'leave out --jobs',
    });
  }
  const { record, journal } = sweeps.resume(meant.id);
  const resumed = jobs === undefined ? record : { ...record, jobs };
  return { record: resumed, journal, trials: knownTrials(record) };
}

function newest(sweeps: SweepStore, said: PreparedSweep | undefined): SweepRecord {
  const found = sweeps
    .survey()
    .sweeps.find(
      ({ record }) =>
        record.status === 'interrupted' &&
        (!said || SEARCH.every((member) => isEqual(record[member], said.sweep[member]))),
    );
  if (found) return found.record;
  throw new SameError({
    code: 'SAME1620',
    message: `there is no sweep ${said ? 'of this search ' : ''}to go on with`,
    hint: said
      ? 'begin it without --resume; for others: same list sweeps'
      : 'list them with: same list sweeps',
  });
}

function isEqual(a: unknown, b: unknown): boolean {
  return equalJson((a ?? null) as JsonValue, (b ?? null) as JsonValue);
}
