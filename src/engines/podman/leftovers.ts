import { type ProcessIdentity, processState, thisProcess } from '../../host/process-identity.ts';
import type { StepAttempt } from '../attempt/step-attempt.ts';
import type { Podman } from './podman.ts';

const OWNER = 'same.owner';
const RUN_ID_DIGITS = 12;

/** Name of an attempt's container: the last digits of a run's id are those that differ. */
export function containerName({
  context,
  cell,
  attempt,
}: Pick<StepAttempt, 'context' | 'cell' | 'attempt'>): string {
  return `same-${context.runId.slice(-RUN_ID_DIGITS)}-${cell.name}-${attempt}`;
}

/** What a container says of itself, for people and for those that look for leftovers. */
export function containerLabels({
  context,
  cell,
  attempt,
}: Pick<StepAttempt, 'context' | 'cell' | 'attempt'>): Record<string, string> {
  return {
    'same.run': context.runId,
    'same.step': cell.name,
    'same.attempt': String(attempt),
    [OWNER]: JSON.stringify(thisProcess()),
  };
}

/** Removes the containers of runs whose process has died, running or not. */
export async function removeLeftovers(podman: Podman): Promise<void> {
  const { exitCode, stdout } = await podman.ask(['ps', '--all', `--filter=label=${OWNER}`, '--format=json']);
  if (exitCode !== 0 || stdout.trim() === '') return;
  const containers = (JSON.parse(stdout) ?? []) as { Id: string; Labels?: Record<string, string> }[];
  const left = containers.filter(({ Labels }) => isAbandoned(Labels?.[OWNER])).map(({ Id }) => Id);
  if (left.length > 0) await podman.ask(['rm', '--force', '--time=0', '--volumes', ...left]);
}

function isAbandoned(owner: string | undefined): boolean {
  try {
    return processState(JSON.parse(owner ?? '') as ProcessIdentity) === 'dead';
  } catch {
    // A label of somebody else's, called like ours.
    return false;
  }
}
