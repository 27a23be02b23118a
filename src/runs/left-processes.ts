import type { EngineEvent } from '../engines/engine.ts';
import { type ProcessIdentity, processState } from '../host/process-identity.ts';
import { killSurvivors } from '../host/survivors.ts';
import { bootId, processStart } from '../host/usage.ts';

/**
 * Kills what the steps of a run left that was killed itself (spec SAME-RUN-028): the groups of its attempts, as far as
 * their leaders are the processes that the journal says, and whatever has the run's id among its variables.
 * @param owner the process that wrote the journal; nothing is done where it is not surely dead
 */
export async function killLeftProcesses(
  run: string,
  owner: ProcessIdentity,
  events: readonly EngineEvent[],
): Promise<void> {
  // After a restart of the machine nothing is left, and the numbers are others'.
  if (processState(owner) !== 'dead' || owner.boot !== bootId()) return;
  const ended = new Set(
    events.flatMap((event) => (event.type === 'step-finished' ? [`${event.step} ${event.attempt}`] : [])),
  );
  for (const event of events) {
    if (event.type !== 'step-started' || ended.has(`${event.step} ${event.attempt}`)) continue;
    const { pid, pidStart } = event;
    if (pid === undefined || pidStart === undefined || processStart(pid) !== pidStart) continue;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
  await killSurvivors({ SAME_RUN_ID: run });
}
