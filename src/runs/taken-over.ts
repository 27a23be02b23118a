import { SameError } from '../errors/same-error.ts';
import { now } from '../host/clock.ts';
import { createExclusively, existsSync, join } from '../host/files.ts';
import { thisProcess } from '../host/process-identity.ts';
import { frame } from './journal.ts';

/**
 * Beside the journal, which has one writer whatever becomes of it: that another has taken the run over, framed as a line
 * of a journal (spec SAME-RUN-125).
 */
const TAKEN_OVER = 'taken-over.jsonl';

/** Whether a run was taken over from its writer. @param path the run's directory */
export function isTakenOver(path: string): boolean {
  return existsSync(join(path, TAKEN_OVER));
}

/** Says durably and once that a run was taken over by this process. */
export function takeOver(path: string): void {
  createExclusively(
    join(path, TAKEN_OVER),
    frame({ type: 'run-taken-over', at: now(), owner: thisProcess() }),
  );
}

/** For the writer of a run, before it writes. @throws SAME1618 it was taken over */
export function refuseTakenOver(id: string, path: string): void {
  if (!isTakenOver(path)) return;
  throw new SameError({
    code: 'SAME1618',
    message: `run ${id} was taken over, and this process writes nothing more of it`,
    hint: 'another said of it that this process is dead: same list runs shows with which run it goes on',
    clause: 'SAME-RUN-125',
  });
}
