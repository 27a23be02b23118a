import type { LocalContentStore } from '../../content/content-store.ts';
import { now, sleep } from '../../host/clock.ts';
import { platform } from '../../host/machine.ts';
import { signalNumber } from '../../host/processes.ts';
import type { PlannedStep } from '../../pipeline/plan.ts';
import { stepKey } from '../../pipeline/step-key.ts';
import type { Finished } from '../attempt/step-attempt.ts';
import type { Artifact, Engine, EngineContext, EngineEvent } from '../engine.ts';
import { runOnce } from './step-run.ts';

/**
 * The embedded engine: steps as local process groups, one after another in plan order. It needs no service, no
 * container and no rights; it is the reference the other engines are held against.
 */
export function openLocalEngine(content: LocalContentStore): Engine {
  return {
    name: 'local',
    refusals: () => [],
    async *run(plan, context) {
      const done = new Map<string, Record<string, Artifact>>();
      let failed: string | undefined;
      for (const step of plan.steps) {
        const because = context.cancel.aborted
          ? 'the run was canceled'
          : failed && `step ${failed} did not succeed`;
        if (because) {
          yield [
            {
              type: 'step-skipped',
              step: step.name,
              because,
              cause: context.cancel.aborted ? 'canceled' : 'failure',
            },
          ];
          continue;
        }
        const outputs = yield* runStep(step, done, context, content);
        if (outputs) done.set(step.name, outputs);
        else failed = step.name;
      }
    },
  };
}

/** Runs a step until it succeeds or its retries are used up. @returns its outputs when it succeeded. */
async function* runStep(
  step: PlannedStep,
  done: Map<string, Record<string, Artifact>>,
  context: EngineContext,
  content: LocalContentStore,
): AsyncGenerator<EngineEvent[], Record<string, Artifact> | undefined> {
  const environment = await context.environment(step.environment);
  const inputs = Object.fromEntries(
    Object.entries(step.inputs).map(([name, { from }]): [string, Artifact] => [
      name,
      'step' in from ? done.get(from.step)![from.output]! : context.data[from.data]!,
    ]),
  );
  const cell = step.cells[0]!;
  const key = stepKey({
    step,
    matrix: cell.matrix,
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, { digest }]) => [name, digest])),
    code: context.codeDigest(step),
    environment: environment.key,
    variables: environment.variables,
    platform: platform(),
  });
  const stored = await context.reuse(step, cell, key);
  if (stored) {
    yield [{ type: 'step-cached', step: cell.name, at: now(), inputs, result: stored }];
    return stored.outputs;
  }
  await content.write(key.document);
  for (let attempt = 1; ; attempt++) {
    const running = runOnce({ step, cell, key, attempt, inputs, environment, context, content });
    let next = await running.next();
    while (!next.done) {
      yield [next.value];
      next = await running.next();
    }
    const finished = next.value;
    if (finished.status === 'succeeded') {
      yield [finished];
      return finished.outputs;
    }
    const again =
      finished.status === 'failed' &&
      attempt <= step.retries.max &&
      (step.retries.codes === undefined || step.retries.codes.includes(codeOf(finished))) &&
      !context.cancel.aborted;
    yield [{ ...finished, retrying: again }];
    if (!again) return undefined;
    // Full jitter: many steps that failed together do not come back together.
    await sleep(Math.random() * step.retries.backoffMs * 2 ** (attempt - 1), context.cancel);
  }
}

/** The exit code as a shell says it: an end by signal n is 128 + n. */
function codeOf({ exitCode, signal }: Finished): number {
  return exitCode ?? 128 + (signal === undefined ? 0 : signalNumber(signal));
}
