import { thisProcess } from '../../host/process-identity.ts';
import { objectName } from './names.ts';

const RUN_ID_DIGITS = 12;
const OWNER = 'same.dev/owner';

/** What the things of a run are called in a cluster: the same for every client that goes on with it. */
export interface RunNames {
  /** The last digits of the id of the run, for the first are a time; of one that goes on with another that one's. */
  run: string;
  /** Of the volume: other than that of what was compiled, which is for who applied it to remove. */
  directory: string;
  carrier: string;
  policy: string;
  /** Says which process they belong to, for those that look for leftovers. */
  owner: Record<string, string>;
}

/** @param firstRunId of the run that nothing was gone on with */
export function runNames(firstRunId: string): RunNames {
  const run = firstRunId.slice(-RUN_ID_DIGITS);
  return {
    run,
    directory: `run-${run}`,
    carrier: objectName(run, '@carrier'),
    policy: objectName(run, '@network'),
    owner: { [OWNER]: JSON.stringify(thisProcess()) },
  };
}

/** By these everything of a run is found. */
export function labelsOf({ run }: RunNames): Record<string, string> {
  return { 'app.kubernetes.io/managed-by': 'same', 'same.dev/run': run };
}

/** The process that an object says it belongs to. */
export function ownerOf(annotations: Record<string, string> | undefined): unknown {
  try {
    return JSON.parse(annotations?.[OWNER] ?? '');
  } catch {
    // Somebody else's, called like ours.
    return undefined;
  }
}
