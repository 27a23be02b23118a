import type { EngineEvent } from '../engines/engine.ts';
import { type ProcessIdentity, processState } from '../host/process-identity.ts';
import { killGroup, killSurvivors } from '../host/survivors.ts';
import { bootId, hasEnded, processStart } from '../host/usage.ts';

/** What was killed that a run had left. */
export interface LeftProcesses {
  /** Cells whose command still ran. */
  steps: string[];
  /** Processes with the run's id that were found after those: they had left the group of their step. */
  processes: number;
  /** Processes of the run that this process was started from, itself not counted: they were left alone. */
  spared: number;
}

/**
 * Kills what the steps of a run left that was killed itself (spec SAME-RUN-028): the groups of its attempts, as far as
 * their leaders are the processes that the journal says, and whatever has the run's id among its variables; but for this
 * process and those that it was started from: a step may have opened the shell in which this command was given.
 * @param owner the process that wrote the journal; nothing is done where it is not surely dead
 * @returns what was killed
 */
export async function killLeftProcesses(
  run: string,
  owner: ProcessIdentity,
  events: readonly EngineEvent[],
): Promise<LeftProcesses> {
  const left: LeftProcesses = { steps: [], processes: 0, spared: 0 };
  const spared = new Set<string>();
  // After a restart of the machine nothing is left, and the numbers are others'.
  if (processState(owner) !== 'dead' || owner.boot !== bootId()) return left;
  const ended = new Set(
    events.flatMap((event) => (event.type === 'step-finished' ? [`${event.step} ${event.attempt}`] : [])),
  );
  for (const event of events) {
    if (event.type !== 'step-started' || ended.has(`${event.step} ${event.attempt}`)) continue;
    const { pid, pidStart } = event;
    if (pid === undefined || pidStart === undefined || processStart(pid) !== pidStart) continue;
    const isLeft = !hasEnded(pid);
    const group = killGroup(pid);
    if (isLeft && group.killed.has(String(pid))) left.steps.push(event.step);
    for (const one of group.spared) spared.add(one);
  }
  const survivors = await killSurvivors({ SAME_RUN_ID: run });
  left.processes = survivors.killed.size;
  for (const one of survivors.spared) spared.add(one);
  spared.delete(String(process.pid));
  left.spared = spared.size;
  return left;
}
