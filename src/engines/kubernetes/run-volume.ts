import { SameError } from '../../errors/same-error.ts';
import type { EngineContext } from '../engine.ts';
import { CLAIMS, type Cluster, type StoredObject, whyOf } from './cluster.ts';
import { VOLUME } from './step-container.ts';

/**
 * Holds a run to the volume of those that it goes on with: what was submitted is where that is, and would be submitted
 * again anywhere else (spec SAME-ENG-028).
 * @throws SAME1615 this is another volume
 */
export async function holdToVolume(cluster: Cluster, { place }: Pick<EngineContext, 'place'>): Promise<void> {
  const claim = place && (await claimOf(cluster));
  if (!claim) return;
  const here = {
    volume: claim.metadata.uid,
    called: `namespace ${cluster.namespace} of context ${cluster.context}`,
  };
  const before = place.before();
  if (before && before.volume !== here.volume)
    throw new SameError({
      code: 'SAME1615',
      message:
        before.called === here.called
          ? `the run was submitted with a volume "${VOLUME}" that is gone from ${here.called}: there is another one`
          : `the run was submitted in ${before.called}, and would be again in ${here.called}`,
      place: '--resume',
      hint:
        before.called === here.called
          ? 'run it anew, without --resume: what has not changed is reused'
          : 'go on where it was: the current context is set by kubectl config use-context, that of a target by: same set target; or run it anew',
    });
  place.note(here);
}

/** Nothing where there is none: that is told of what waits for it. Nor where the caller may not look. */
async function claimOf(cluster: Cluster): Promise<StoredObject | undefined> {
  try {
    return await cluster.get(CLAIMS, VOLUME);
  } catch (error) {
    if (whyOf(error) === 'forbidden') return undefined;
    throw error;
  }
}
