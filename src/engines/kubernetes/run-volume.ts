import { SameError } from '../../errors/same-error.ts';
import type { EngineContext, RunPlace } from '../engine.ts';
import { CLAIMS, type Cluster, whyOf } from './cluster.ts';
import { VOLUME } from './step-container.ts';

/**
 * Holds a run to the volume of those that it goes on with: what was submitted is where that is, and would be submitted
 * again anywhere else (spec SAME-ENG-028).
 * @returns where it is
 * @throws SAME1615 this is another volume
 */
export async function holdToVolume(
  cluster: Cluster,
  { place }: Pick<EngineContext, 'place'>,
): Promise<RunPlace> {
  const volume = await volumeOf(cluster);
  const called = `namespace ${cluster.namespace} of context ${cluster.context}`;
  const before = place?.before;
  const isCalledSo = before?.called === called;
  // Of a volume that is not there, or that the caller may not look at, only this is known.
  const isIt = before?.volume === undefined || volume === undefined ? isCalledSo : before.volume === volume;
  if (before && !isIt)
    throw new SameError({
      code: 'SAME1615',
      message: isCalledSo
        ? `the run was submitted with a volume "${VOLUME}" that is gone from ${called}: there is another one`
        : `the run was submitted in ${before.called}, and would be again in ${called}`,
      place: '--resume',
      hint: isCalledSo
        ? 'run it anew, without --resume: what has not changed is reused'
        : 'go on where it was: with that context and namespace as the current ones, or as those of the target; or run it anew',
    });
  return volume === undefined ? { called } : { volume, called };
}

async function volumeOf(cluster: Cluster): Promise<string | undefined> {
  try {
    return (await cluster.get(CLAIMS, VOLUME))?.metadata.uid;
  } catch (error) {
    if (whyOf(error) === 'forbidden') return undefined;
    throw error;
  }
}
