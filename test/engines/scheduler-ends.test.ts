import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LocalContentStore } from '../../src/content/content-store.ts';
import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import type { Finished } from '../../src/engines/attempt/step-attempt.ts';
import type { Attempts } from '../../src/engines/attempts.ts';
import type { EngineContext, EngineEvent } from '../../src/engines/engine.ts';
import { schedule } from '../../src/engines/scheduler.ts';
import type { Plan, PlannedStep } from '../../src/pipeline/plan.ts';

const artifact = { digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 0 };

function stepOf(name: string, group: PlannedStep['group'], environment = 'default'): PlannedStep {
  return {
    name,
    group,
    cells: [{ name, matrix: {} }],
    mutex: [],
    cache: true,
    selected: 'run',
    template: ['true'],
    command: { exec: [['true']] },
    after: [],
    environment,
    workdir: '.',
    inputs: {},
    outputs: {},
    parameters: {},
    secrets: [],
    services: [],
    retries: { max: 0, backoffMs: 1 },
    resources: {},
  } as unknown as PlannedStep;
}

const planOf = (steps: PlannedStep[]) => ({ parameters: {}, steps }) as unknown as Plan;

function contextOf(changes: Partial<EngineContext> = {}): EngineContext {
  return {
    runId: 'r',
    jobs: 2,
    onFailure: 'finish',
    machine: { cpu: 1000, memoryBytes: 0, gpus: 0 },
    reuse: async () => undefined,
    codeDigest: () => 'tree:sha256:0',
    environment: async () => ({ key: 'k', variables: {}, path: [] }),
    data: {},
    cancel: new AbortController().signal,
    kill: new AbortController().signal,
    ...changes,
  } as unknown as EngineContext;
}

const finished = (step: string, status: Finished['status'] = 'succeeded'): Finished => ({
  type: 'step-finished',
  step,
  attempt: 1,
  at: '',
  status,
  retrying: false,
  durationMs: 0,
  key: '',
  inputs: {},
  outputs: {},
  metrics: [],
  logs: { stdout: artifact, stderr: artifact },
  problems: [],
  warnings: [],
});

const attemptsOf = (run: Attempts['run']): Attempts => ({
  content: openMemoryContentStore() as unknown as LocalContentStore,
  run,
});

/** What was told before it threw. */
async function untilBroken(run: AsyncIterable<EngineEvent[]>): Promise<{ told: string[]; error: unknown }> {
  const told: string[] = [];
  try {
    for await (const batch of run)
      for (const event of batch)
        told.push(`${event.step} ${event.type === 'step-finished' ? event.status : event.type}`);
  } catch (error) {
    return { told, error };
  }
  return { told, error: undefined };
}

describe('the steps of finally', () => {
  it('run after an engine that could not run a step, and its error is still told', async () => {
    const plan = planOf([stepOf('a', 'steps'), stepOf('later', 'steps'), stepOf('last', 'finally')]);
    const attempts = attemptsOf(async ({ cell }) => {
      if (cell.name === 'a') throw new Error('the engine is gone');
      return finished(cell.name);
    });
    const { told, error } = await untilBroken(schedule(plan, contextOf({ jobs: 1 }), attempts));
    assert.match(String(error), /the engine is gone/);
    assert.deepEqual(told, ['later step-skipped', 'last succeeded']);
  });

  it('run after an environment that could not be made, once what runs has ended', async () => {
    const plan = planOf([stepOf('a', 'steps'), stepOf('b', 'steps', 'broken'), stepOf('last', 'finally')]);
    const environment: EngineContext['environment'] = async (name) => {
      if (name === 'broken') throw new Error('cannot be built');
      return { key: 'k', variables: {}, path: [] } as unknown as Awaited<
        ReturnType<EngineContext['environment']>
      >;
    };
    const attempts = attemptsOf(async ({ cell }) => finished(cell.name));
    const { told, error } = await untilBroken(schedule(plan, contextOf({ environment }), attempts));
    assert.match(String(error), /cannot be built/);
    assert.equal(told.at(-1), 'last succeeded');
  });
});

it('After a failure the steps are walked through once, however many end one by one', async () => {
  let looks = 0;
  const steps = Array.from({ length: 200 }, (_, index) => {
    const step = stepOf(`s${index}`, 'steps');
    return Object.defineProperty(step, 'group', {
      get: () => {
        looks++;
        return 'steps';
      },
    });
  });
  const failing = 's0';
  const waiting: (() => void)[] = [];
  const attempts = attemptsOf(async ({ cell }) => {
    if (cell.name !== failing) await new Promise<void>((done) => waiting.push(done));
    return finished(cell.name, cell.name === failing ? 'failed' : 'succeeded');
  });
  let before = 0;
  for await (const batch of schedule(planOf(steps), contextOf({ jobs: 150 }), attempts)) {
    if (batch.some((event) => event.type === 'step-skipped')) before = looks;
    waiting.shift()?.();
  }
  assert.equal(waiting.length, 0);
  assert.ok(before > 0, 'those that had not begun were given up');
  // The end asks whether there are steps of finally.
  assert.ok(looks - before <= 2 * steps.length, `${looks - before} looks at ${steps.length} steps`);
});
