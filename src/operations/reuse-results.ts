import { LARGEST_TREE_LIST_BYTES, parseTreeList } from '../bundle/tree.ts';
import type { BlobId } from '../content/content-store.ts';
import type { Artifact, EngineContext, StepResult } from '../engines/engine.ts';
import type { PlannedCell, PlannedStep } from '../pipeline/plan.ts';
import { contentOf } from '../runs/step-outcome.ts';
import type { Ports } from './ports.ts';
import type { PreparedRun, RunRequest } from './prepare-run.ts';
import { previousResult, previousSteps } from './previous-step.ts';

/**
 * Looks for results that may stand in for the cells of a run: those of the run that it resumes, then those of this home
 * by key, then what a user accepts (spec SAME-RUN-024).
 */
export function openReuse(
  ports: Ports,
  { force, noCache, accept, trace }: Pick<RunRequest, 'force' | 'noCache' | 'accept' | 'trace'>,
  { plan, resumed }: Pick<PreparedRun, 'plan' | 'resumed'>,
): EngineContext['reuse'] {
  const ofResumed = Map.groupBy(resumed?.results ?? [], ({ key }) => key);
  /** What a step left that is never to be reused stands in for itself alone, not for another that is made like it. */
  const left = (step: PlannedStep, cell: PlannedCell, key: string) =>
    ofResumed.get(key)?.findLast((result) => step.cache !== false || result.step === cell.name);
  const isForced = (step: string) => trace === true || force === true || (force ?? []).includes(step);
  // Empty logs alone are the same for most steps.
  const known = new Set<string>();
  const seen = new WeakSet<StepResult>();
  const whole = async (result: StepResult | undefined) => {
    if (!result || seen.has(result)) return result;
    if (!(await isWhole(ports, result, known))) return undefined;
    seen.add(result);
    return result;
  };
  return async (step, cell, { key }) => {
    const isAnew = step.selected !== 'reuse' && isForced(step.name);
    const own = isAnew ? undefined : await whole(left(step, cell, key));
    if (own) return own;
    const mayLook = step.cache !== false && !noCache && !isAnew;
    const found = mayLook ? await whole(ports.results.find(key)) : undefined;
    if (found || !accept?.includes(step.name)) return found;
    const previous = previousSteps(ports, plan.program.name, [{ step, cell }]).get(cell.name);
    const taken = previous && (await whole(previousResult(ports, previous)));
    if (!taken) return undefined;
    // Taken for what it was not made from: said wherever it is used.
    return { ...taken, key, acceptedFrom: taken.acceptedFrom ?? taken.key };
  };
}

/**
 * Whether everything that a result names is in the store as it was.
 * @param known digests of which that was seen in this run; more are added
 */
async function isWhole(ports: Ports, result: StepResult, known: Set<string>): Promise<boolean> {
  const { artifacts, series } = contentOf(result);
  for (const artifact of artifacts) {
    if (known.has(artifact.digest)) continue;
    if (!(await holds(ports, artifact))) return false;
    known.add(artifact.digest);
  }
  for (const digest of series) {
    if (known.has(digest)) continue;
    if (!(await holdsNamed(ports, digest))) return false;
    known.add(digest);
  }
  return true;
}

async function holds(ports: Ports, { digest, sizeBytes }: Artifact): Promise<boolean> {
  const { content } = ports;
  if (!digest.startsWith('tree:')) return content.holds({ digest, sizeBytes });
  const list = digest.slice('tree:'.length);
  if (!(await holdsNamed(ports, list))) return false;
  const files: BlobId[] = parseTreeList(await content.read(list, LARGEST_TREE_LIST_BYTES));
  for (const file of files) if (!(await content.holds(file))) return false;
  return true;
}

/** As {@link holds}, of a blob whose size is said nowhere. */
async function holdsNamed({ content }: Ports, digest: string): Promise<boolean> {
  const sizeBytes = await content.size(digest);
  return sizeBytes !== undefined && content.holds({ digest, sizeBytes });
}
