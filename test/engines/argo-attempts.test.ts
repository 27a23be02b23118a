import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openDiskContentStore } from '../../src/content/disk-content-store.ts';
import { argo } from '../../src/engines/argo/system.ts';
import type { Finished, StepAttempt } from '../../src/engines/attempt/step-attempt.ts';
import type { EngineContext } from '../../src/engines/engine.ts';
import type { StoredObject } from '../../src/engines/kubernetes/cluster.ts';
import { SubmittedAttempts } from '../../src/engines/submitted/submitted-attempts.ts';
import type { SubmittedRun } from '../../src/engines/submitted/submitted-run.ts';
import type { Step } from '../../src/program/schema.ts';
import { compiled, RUN } from './compilations.ts';

const WORKFLOW = `same-${RUN}`;
const STEP: Step = {
  run: ['sh', 'train.sh'],
  outputs: { model: {} },
  retries: { max: 2 },
};

/** A state of the Workflow: phases of the tries of its one cell, and of the cell and the whole. */
interface State {
  tries?: string[];
  cell?: string;
  all?: string;
  message?: string;
  isDeleted?: true;
}

const exitText = (changes: object) =>
  `${JSON.stringify({
    ...{ v: 1, ok: false, exit: 0, again: true, timeout: false, stopped: false, attempt: 1 },
    ...{ error: '', missing: '', start: '2026-01-01T00:00:00Z', end: '2026-01-01T00:00:03Z' },
    ...changes,
  })}\n`;

/** Each try as a node, behind one that stands for the cell. */
function workflowOf({ tries = [], cell = 'Running', all = 'Running', message = '' }: State): StoredObject {
  const nodes = [
    ...(tries.length === 0
      ? []
      : [{ id: 'cell', name: 'w.train', type: 'Retry', phase: cell, templateName: 'train', message }]),
    ...tries.map((phase, number) => ({
      ...{ id: `p${number}`, name: `w.train(${number})`, type: 'Pod', phase, templateName: 'train' },
    })),
  ];
  return {
    metadata: { name: WORKFLOW, uid: 'u', resourceVersion: '1' },
    spec: {},
    status: { phase: all, message, nodes: Object.fromEntries(nodes.map((node) => [node.id, node])) },
  };
}

describe('attempts that Argo makes', () => {
  let root: string;
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'same-argo-'));
  });
  after(() => {
    rmSync(root, { recursive: true, force: true });
  });

  /**
   * A run whose Workflow is in these states, one after the other, each time that something waits for another one.
   * @param volume files on the volume, below the directory of the cell
   */
  function open(states: State[], volume: Record<string, string>, pods: StoredObject[] = []) {
    const objects = new Map<string, StoredObject>();
    const asked: string[] = [];
    const told: string[] = [];
    const cancel = new AbortController();
    const next = () => {
      const state = states.shift();
      assert.ok(state, 'something is waited for that never comes');
      if (state.isDeleted) objects.clear();
      else objects.set(WORKFLOW, workflowOf(state));
    };
    next();
    const run = {
      cluster: { delete: async () => true },
      names: { run: RUN, directory: `argo-${RUN}` },
      system: argo,
      whole: WORKFLOW,
      pods: { objects: new Map(pods.map((pod) => [pod.metadata.name, pod])) },
      wholes: {
        objects,
        async until(look: () => unknown, signal?: AbortSignal) {
          for (;;) {
            const found = look();
            if (found !== undefined || signal?.aborted) return found;
            if (states.length === 0 && !cancel.signal.aborted) cancel.abort();
            else next();
          }
        },
      },
      carrier: {
        async take(path: string, fresh: () => string) {
          asked.push(path);
          const prefix = path.slice(`argo-${RUN}/train/0`.length).replace(/^\//, '');
          const files = Object.entries(volume).flatMap(([name, text]) =>
            prefix === ''
              ? [[name, text]]
              : name.startsWith(`${prefix}/`)
                ? [[name.slice(prefix.length + 1), text]]
                : [],
          ) as [string, string][];
          if (files.length === 0) return false;
          const place = fresh();
          for (const [name, text] of files) {
            mkdirSync(dirname(join(place, name)), { recursive: true });
            writeFileSync(join(place, name), text);
          }
          return true;
        },
      },
      say: (line: string) => told.push(line),
      terminate: () => asked.push('terminate'),
      stopSteps: () => asked.push('stop'),
      missController() {},
    } as unknown as SubmittedRun;
    const content = openDiskContentStore(join(root, 'content'));
    const context = {
      runId: `r-${RUN}`,
      workDirectory: join(root, 'work'),
      scratch: () => join(root, 'scratch'),
      logPaths: (step: string, attempt: number) => ({
        stdout: join(root, 'logs', `${step}-${attempt}.out`),
        stderr: join(root, 'logs', `${step}-${attempt}.err`),
      }),
      mask: (text: string) => text,
      keepLog: async (path: string) => content.write(Buffer.from(path)),
    } as unknown as EngineContext;
    const { step } = compiled('train', STEP);
    const attempts = new SubmittedAttempts(
      run,
      { uid: 'u', cells: { train: ['train'] }, runs: new Set() },
      content,
    );
    const attempt = (number: number, group: 'steps' | 'finally' = 'steps'): Promise<Finished> =>
      attempts.run(
        {
          ...{
            step: { ...step, group },
            cell: step.cells[0]!,
            attempt: number,
            inputs: {},
            gpus: [],
            context,
            content,
          },
          key: { key: 'sha256:0', document: '' },
          environment: { key: 'k', variables: {}, path: [] },
          ...{ cancel: cancel.signal, kill: new AbortController().signal },
        } as unknown as StepAttempt,
        () => {},
      );
    return { attempt, asked, told };
  }

  const codes = ({ problems }: Finished) => problems.map(({ code }) => code);

  it('are told one by one, an earlier one by the account that was put aside, also when both are over', async () => {
    const { attempt, asked } = open(
      [{ tries: ['Failed', 'Succeeded'], cell: 'Succeeded', all: 'Succeeded' }],
      {
        '.same-1/exit.json': exitText({ exit: 3 }),
        '.same/exit.json': exitText({ ok: true, attempt: 2 }),
        model: 'weights\n',
      },
    );
    const first = await attempt(1);
    assert.deepEqual([first.status, first.exitCode, first.retrying], ['failed', 3, true]);
    assert.deepEqual(first.outputs, {});
    const second = await attempt(2);
    assert.deepEqual([second.status, second.retrying, codes(second)], ['succeeded', false, []]);
    assert.equal(second.outputs.model!.sizeBytes, 8);
    const cell = `argo-${RUN}/train/0`;
    assert.deepEqual(asked, [`${cell}/.same-1`, `${cell}/.same-2`, cell]);
  });

  it('are followed by another where Argo makes one, which is waited for, and by none where it does not', async () => {
    const volume = { '.same/exit.json': exitText({ exit: 3 }) };
    const again = open(
      [{ tries: ['Running'] }, { tries: ['Failed'] }, { tries: ['Failed', 'Pending'] }],
      volume,
    );
    assert.equal((await again.attempt(1)).retrying, true);
    const last = open([{ tries: ['Failed'] }, { tries: ['Failed'], cell: 'Failed' }], volume);
    assert.equal((await last.attempt(1)).retrying, false);
  });

  it('that the cluster lost are no attempts of the step, as long as Argo makes them again', async () => {
    const again = open(
      [{ tries: ['Error'] }, { tries: ['Error', 'Running'] }, { tries: ['Error', 'Succeeded'] }],
      {
        '.same-2/exit.json': exitText({ ok: true, attempt: 2 }),
        '.same-2/stdout': '',
      },
    );
    const ended = await again.attempt(1);
    // The account alone has no output.
    assert.deepEqual(codes(ended), ['SAME1603']);
    assert.match(again.told.join(), /step train is made again by Argo: its pod ended without a word/);
    const lost = open([{ tries: ['Error'], cell: 'Error', message: 'No more retries left' }], {});
    const final = await lost.attempt(1);
    assert.deepEqual([final.status, codes(final), final.retrying], ['failed', ['SAME1625'], false]);
  });

  it('that Argo never makes are failures that say what it says', async () => {
    for (const state of [
      { all: 'Error', message: 'secrets "same-executor.service-account-token" not found' },
      { isDeleted: true as const },
    ]) {
      const { attempt } = open([{}, state], {});
      const ended = await attempt(1);
      assert.deepEqual([ended.status, codes(ended)], ['failed', ['SAME1705']]);
      assert.match(ended.problems[0]!.message, /not found|was deleted/);
    }
  });

  it('whose image cannot be had fail, and those of finally run all the same, for which the rest is stopped', async () => {
    const waiting = { reason: 'InvalidImageName', message: 'no such name' };
    const pod = {
      metadata: {
        ...{ name: 'pod', uid: '1', resourceVersion: '1' },
        annotations: { 'workflows.argoproj.io/node-id': 'p0' },
      },
      status: { containerStatuses: [{ name: 'main', state: { waiting } }] },
    };
    const { attempt, asked } = open([{ tries: ['Pending'] }], {}, [pod]);
    const ended = await attempt(1);
    assert.deepEqual([ended.status, ended.retrying, codes(ended)], ['failed', false, ['SAME1502']]);
    assert.deepEqual(asked, []);
    await attempt(1, 'finally');
    assert.deepEqual(asked, ['stop']);
  });

  it('are canceled with their Workflow, what has not begun at once and what runs when it has ended', async () => {
    const waiting = open([{}], {});
    const ended = await waiting.attempt(1);
    assert.deepEqual([ended.status, ended.retrying], ['canceled', false]);
    assert.deepEqual(waiting.asked, ['terminate']);
    const running = open([{ tries: ['Running'] }], {});
    const stopping = running.attempt(1);
    await assert.rejects(stopping, /never comes/, 'it is waited for after it was asked to end');
    assert.equal(running.asked[0], 'terminate');
  });
});
