import { SameError } from '../errors/same-error.ts';
import type { RunRecord } from '../runs/run-record.ts';
import type { Ports } from './ports.ts';
import { findStoredRun } from './show-run.ts';
import { sparedText } from './spared-processes.ts';

/** How long is waited before the run is looked at again. */
const LOOK_MS = 100;

/**
 * `same stop run`: asks the process of a run to end, as Ctrl-C does, and waits until it has (spec SAME-RUN-079). Of a
 * run whose process was killed it ends what that left running (spec SAME-RUN-124).
 * @returns the run as it ended; as it goes on still where the caller stopped waiting
 * @throws SAME1608 · SAME1609 it has ended and left nothing, is not the caller's to stop, or goes on elsewhere
 */
export async function stopRun(ports: Ports, id: string): Promise<RunRecord> {
  const { record, own } = await findStoredRun(ports, id);
  if (!own)
    throw refused(record, `came with ${record.program.name}:${record.program.version}: it is the author's`);
  if (record.status === 'interrupted') return endLeft(ports, record);
  if (record.status !== 'running') throw refused(record, `has ended already: ${record.status}`);
  const asked = ports.runs.askToEnd(record.id);
  if (asked === 'elsewhere') {
    throw refused(
      record,
      'goes on on another host or in another container, whose processes are not this one’s to end',
      `there: same stop run ${record.id}; where its process is surely dead, go on with it: same run --resume=${record.id} --take-over`,
    );
  }
  if (asked === 'asked') {
    const also = record.parent === undefined ? '' : `, and with it what started it, ${record.parent}`;
    ports.progress(`asked run ${record.id} to stop${also}; asked once more it kills its steps at once`);
  }
  for (;;) {
    const now = ports.runs.get(record.id).record;
    if (now.status !== 'running' || ports.cancel.aborted) return now;
    await ports.sleep(LOOK_MS);
  }
}

/** Its process wrote no end and is gone, but what it started may not be. */
async function endLeft(ports: Ports, record: RunRecord): Promise<RunRecord> {
  if (ports.runs.askToEnd(record.id) === 'asked') {
    ports.progress(`run ${record.id} was taken over; asked its process, which lives all the same, to end`);
    return record;
  }
  const { steps, processes, spared } = await ports.runs.endLeft(record.id);
  const alone = spared === 0 ? '' : `; left alone: ${sparedText(spared)}`;
  if (steps.length === 0 && processes === 0) {
    const nothing = `nothing ${spared === 0 ? '' : 'else '}that it left runs on this machine`;
    throw refused(record, `has ended already: interrupted; ${nothing}${alone}`);
  }
  const left = steps.length === 0 ? 'what its steps had started' : `step ${steps.join(', ')}`;
  ports.progress(
    `the process of run ${record.id} was gone, and had left running: ${left}; it is ended now${alone}`,
  );
  return record;
}

function refused({ id }: RunRecord, why: string, hint = `see: same show run ${id}`): SameError {
  return new SameError({ code: 'SAME1609', message: `run ${id} ${why}`, hint, clause: 'SAME-RUN-079' });
}
