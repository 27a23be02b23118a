import { throwFindings } from '../../errors/same-error.ts';
import type { EngineContext, EngineEvent, StepResult } from '../engine.ts';
import { type Cluster, CONFIG_MAPS, SECRETS, type StoredObject, whyOf } from '../kubernetes/cluster.ts';
import type { ClusterObject, Compilation } from '../kubernetes/compilation.ts';
import { labelsOf } from '../kubernetes/run-names.ts';
import { RUNS } from './leftovers.ts';
import {
  cellsOf,
  cellsText,
  identityOf,
  parseCells,
  type SubmittedCells,
  toldWithout,
} from './submitted-cells.ts';
import type { SubmittedRun } from './submitted-run.ts';

const [CELLS, IDENTITY] = ['same.dev/cells', 'same.dev/identity'];

/** An object that is there, with what is run of it. */
export interface Submission {
  uid: string;
  cells: SubmittedCells;
  /** Runs that took results from it: this one, and those that it goes on with. */
  runs: ReadonlySet<string>;
}

/** What a submission is made of. */
export interface SubmissionOptions {
  context: EngineContext;
  /** What is known of the plan. */
  told: readonly EngineEvent[];
  /** @param id of the run that submits it */
  compile(told: readonly EngineEvent[], id: string): Promise<Compilation>;
}

/**
 * Submits what no stored result stands in for as one object, once: what is there under the name of the run, and is made
 * from the same, is it, be it running or over.
 * @throws SAME1016 for what does not fit; what the cluster answers
 */
export async function submit(
  run: SubmittedRun,
  { context, told, compile }: SubmissionOptions,
): Promise<Submission | undefined> {
  const { cluster, system, whole: name } = run;
  for (;;) {
    if (context.cancel.aborted) return undefined;
    const there = await cluster.get(system.kind, name);
    if (there) {
      const adopted = await adopt(run, there, { context, told, compile });
      if (adopted) return adopted;
      await replace(run, there, context);
      continue;
    }
    const compilation = await compile(told, context.runId);
    const { objects, findings } = system.compile(compilation);
    throwFindings(findings);
    const cells = cellsOf(compilation.steps);
    const noted = withAnnotations(objects.at(-1)!, {
      [CELLS!]: cellsText(cells),
      [IDENTITY!]: identityOf(compilation),
      [RUNS]: context.runId,
    });
    context.settle?.();
    try {
      const made = await cluster.create(system.kind, {
        ...noted,
        spec: { ...(noted.spec as object), ...system.hold?.spec },
      });
      run.wholes.add(made);
      await equip(run, made, objects.slice(0, -1), context, compilation);
      return { uid: made.metadata.uid, cells, runs: new Set([context.runId]) };
    } catch (error) {
      if (whyOf(error) !== 'exists') throw error;
    }
  }
}

async function adopt(
  run: SubmittedRun,
  there: StoredObject,
  { context, told, compile }: SubmissionOptions,
): Promise<Submission | undefined> {
  const { annotations = {}, deletionTimestamp, uid } = there.metadata;
  const { system, whole } = run;
  const cells = parseCells(annotations[CELLS!]);
  if (!cells || deletionTimestamp || system.state(there, run.parts).isShutDown) return undefined;
  const before = (annotations[RUNS] ?? '').split(' ');
  const compilation = await compile(toldWithout(told, cells), before[0]!);
  if (identityOf(compilation) !== annotations[IDENTITY!]) return undefined;
  const { objects } = system.compile(compilation);
  run.say(`the run goes on in the cluster: ${system.called} ${whole}`);
  const runs = new Set([...before, context.runId]);
  await run.cluster.patch(system.kind, whole, {
    metadata: { annotations: { [RUNS]: [...runs].join(' ') } },
  });
  await equip(run, there, objects.slice(0, -1), context, compilation);
  return { uid, cells, runs };
}

/** Gives what is there what its pods read, which is its own and goes with it; then it may begin. */
async function equip(
  { cluster, names, system, whole, parts }: SubmittedRun,
  there: StoredObject,
  objects: readonly ClusterObject[],
  context: EngineContext,
  { steps, watched }: Compilation,
): Promise<void> {
  const { uid } = there.metadata;
  const owner = { apiVersion: system.kind.apiVersion, kind: system.owner ?? system.called, name: whole, uid };
  const owned = (object: ClusterObject): ClusterObject => ({
    ...object,
    metadata: { ...(object.metadata as object), ownerReferences: [owner] },
  });
  for (const object of objects) await createOwned(cluster, owned(object), uid);
  const wanted = [...new Set(steps.flatMap(({ step }) => step.secrets))];
  const values = wanted.flatMap((each) => {
    const value = context.secrets[each];
    return value === undefined ? [] : [[each, Buffer.from(value).toString('base64')]];
  });
  if (values.length > 0) {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: watched!.secret, labels: labelsOf(names) },
      data: Object.fromEntries(values),
    };
    // Nothing else that is submitted has one of this name.
    await cluster.create(SECRETS, owned(secret)).catch(passExisting);
  }
  if (system.hold && system.state(there, parts).isHeld)
    await cluster.patch(system.kind, whole, system.hold.release);
}

/** One of that name that belongs to what was submitted before is about to go with that. */
async function createOwned(cluster: Cluster, object: ClusterObject, uid: string): Promise<void> {
  const { name } = object.metadata as { name: string };
  for (;;) {
    try {
      await cluster.create(CONFIG_MAPS, object);
      return;
    } catch (error) {
      if (whyOf(error) !== 'exists') throw error;
    }
    const there = await cluster.get(CONFIG_MAPS, name);
    if (there?.metadata.ownerReferences?.some((owner) => owner.uid === uid)) return;
    if (there) await cluster.delete(CONFIG_MAPS, name, { uid: there.metadata.uid }).catch(passExisting);
  }
}

/** Removes what is of no use to this run, and what it left. */
async function replace(
  run: SubmittedRun,
  there: StoredObject,
  { cancel, kill }: EngineContext,
): Promise<void> {
  const { cluster, system, wholes, whole } = run;
  const { uid } = there.metadata;
  run.say(
    `${system.called} ${whole} is made anew: the one that is there is made from something else, or was stopped`,
  );
  wholes.add(there);
  // Its pods first: they write where those of the next one do.
  await cluster.delete(system.kind, whole, { propagation: 'Foreground', uid }).catch(passExisting);
  const isGone = await wholes.until(
    () => (wholes.objects.get(whole)?.metadata.uid === uid ? undefined : true),
    AbortSignal.any([cancel, kill]),
  );
  // Of what may still write there nothing is taken away.
  if (isGone) await run.carrier.remove(run.names.directory);
}

/** The same context, where what was submitted is taken from that alone: nothing else is what later steps of it read. */
export function reuseBeside(
  context: EngineContext,
  told: readonly EngineEvent[],
  { cells, runs }: Submission,
): EngineContext['reuse'] {
  const submitted = new Set(Object.values(cells).flat());
  const given = new Map<string, StepResult>();
  for (const event of told) if (event.type === 'step-cached') given.set(event.step, event.result);
  return async (step, cell, key) => {
    if (!submitted.has(cell.name)) return given.get(cell.name);
    const result = await context.reuse(step, cell, key);
    return result && runs.has(result.run) ? result : undefined;
  };
}

function withAnnotations(object: ClusterObject, more: Record<string, string>): ClusterObject {
  const { annotations, ...metadata } = object.metadata as { annotations?: object };
  return { ...object, metadata: { ...metadata, annotations: { ...annotations, ...more } } };
}

function passExisting(error: unknown): void {
  if (!['exists', 'missing', 'conflict'].includes(whyOf(error) ?? '')) throw error;
}
