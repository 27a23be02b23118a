import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LocalContentStore } from '../../src/content/content-store.ts';
import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import type { Finished } from '../../src/engines/attempt/step-attempt.ts';
import type { Attempts } from '../../src/engines/attempts.ts';
import type { EngineContext, EngineEvent, StepResult } from '../../src/engines/engine.ts';
import { schedule } from '../../src/engines/scheduler.ts';
import type { Plan, PlannedStep } from '../../src/pipeline/plan.ts';

const artifact = { digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 0 };

/** Steps that read from the step before them, or from none. */
function planOf(count: number, isChain: boolean): Plan {
  const steps = Array.from({ length: count }, (_, index): PlannedStep => {
    const before = `s${index - 1}`;
    const reads = isChain && index > 0;
    return {
      name: `s${index}`,
      group: 'steps',
      cells: [{ name: `s${index}`, matrix: {} }],
      mutex: [],
      cache: true,
      selected: 'run',
      template: ['true'],
      command: { exec: [['true']] },
      after: reads ? [before] : [],
      environment: 'default',
      workdir: '.',
      inputs: reads ? { i: { from: { step: before, output: 'o' }, mode: 'link' } } : {},
      outputs: { o: { kind: 'file' } },
      parameters: {},
      secrets: [],
      services: [],
      retries: { max: 0, backoffMs: 1 },
      resources: {},
    };
  });
  return { parameters: {}, steps } as unknown as Plan;
}

function contextOf(changes: Partial<EngineContext>): EngineContext {
  return {
    runId: 'r',
    jobs: 4,
    onFailure: 'finish',
    machine: { cpu: 4, memoryBytes: 0, gpus: 0 },
    reuse: async () => undefined,
    codeDigest: () => 'tree:sha256:0',
    environment: async () => ({ key: 'k', variables: {}, path: [] }),
    data: {},
    cancel: new AbortController().signal,
    kill: new AbortController().signal,
    ...changes,
  } as unknown as EngineContext;
}

const finished = (step: string): Finished => ({
  type: 'step-finished',
  step,
  attempt: 1,
  at: '',
  status: 'succeeded',
  retrying: false,
  durationMs: 0,
  key: '',
  inputs: {},
  outputs: { o: artifact },
  metrics: [],
  logs: { stdout: artifact, stderr: artifact },
  problems: [],
  warnings: [],
});

const attemptsOf = (run: Attempts['run']): Attempts => ({
  content: openMemoryContentStore() as unknown as LocalContentStore,
  run,
});

const cachedBy: EngineContext['reuse'] = async (_step, cell, { key }): Promise<StepResult> => ({
  key,
  run: 'r0',
  step: cell.name,
  outputs: { o: artifact },
  metrics: [],
  logs: { stdout: artifact, stderr: artifact },
  durationMs: 1,
});

async function batchesOf(run: AsyncIterable<EngineEvent[]>): Promise<EngineEvent[][]> {
  const batches: EngineEvent[][] = [];
  for await (const batch of run) batches.push(batch);
  return batches;
}

describe('the scheduler', () => {
  it('tells of thousands of stored results in few batches, also where each reads from the one before', async () => {
    for (const isChain of [false, true]) {
      const never = attemptsOf(() => assert.fail('nothing is to run'));
      const batches = await batchesOf(schedule(planOf(5000, isChain), contextOf({ reuse: cachedBy }), never));
      assert.equal(batches.flat().length, 5000);
      assert.ok(batches.length <= 25, `${batches.length} batches`);
    }
  });

  it('starts a cell only after the batch that tells of those it reads from was taken', async () => {
    const taken = new Set<string>();
    const attempts = attemptsOf(async ({ step, cell }) => {
      for (const before of step.after) assert.ok(taken.has(before), `${cell.name} started before ${before}`);
      return finished(cell.name);
    });
    const everyThird: EngineContext['reuse'] = async (step, cell, key) =>
      Number(step.name.slice(1)) % 3 === 0 ? cachedBy(step, cell, key) : undefined;
    for await (const batch of schedule(planOf(100, true), contextOf({ reuse: everyThird }), attempts)) {
      for (const event of batch) {
        if (event.type === 'step-finished' || event.type === 'step-cached') taken.add(event.step);
      }
    }
    assert.equal(taken.size, 100);
  });

  it('kills what runs and waits for its end when nobody takes its events any more', async () => {
    let running = 0;
    const attempts = attemptsOf(
      ({ cell, kill }, tell) =>
        new Promise((done) => {
          running++;
          tell({ type: 'step-started', step: cell.name, attempt: 1, at: '', command: '' });
          kill.addEventListener('abort', () =>
            setImmediate(() => {
              running--;
              done(finished(cell.name));
            }),
          );
        }),
    );
    await assert.rejects(async () => {
      for await (const _ of schedule(planOf(4, false), contextOf({}), attempts)) throw new Error('no disk');
    }, /no disk/);
    assert.equal(running, 0);
  });

  it('listens for the second interrupt only while something runs', async () => {
    const kill = new AbortController();
    let listening = 0;
    const add = kill.signal.addEventListener.bind(kill.signal);
    const remove = kill.signal.removeEventListener.bind(kill.signal);
    kill.signal.addEventListener = (...words: Parameters<typeof add>) => {
      listening++;
      add(...words);
    };
    kill.signal.removeEventListener = (...words: Parameters<typeof remove>) => {
      listening--;
      remove(...words);
    };
    const attempts = attemptsOf(async ({ cell }) => {
      assert.equal(listening, 1);
      return finished(cell.name);
    });
    await batchesOf(schedule(planOf(3, true), contextOf({ kill: kill.signal }), attempts));
    assert.equal(listening, 0);
  });
});
