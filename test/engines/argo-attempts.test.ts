import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { argo } from '../../src/engines/argo/system.ts';
import type { StoredObject } from '../../src/engines/kubernetes/cluster.ts';
import type { Step } from '../../src/program/schema.ts';
import { RUN } from './compilations.ts';
import { codes, exitText, openLab } from './submitted-lab.ts';

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

  /** A run whose Workflow is in these states, one after the other. */
  const open = (states: State[], volume: Record<string, string>, pods: StoredObject[] = []) =>
    openLab<State>({
      ...{ system: argo, root, step: STEP, states, volume, pods },
      show(state, { objects }) {
        if (!state.isDeleted) objects.set(WORKFLOW, workflowOf(state));
      },
    });

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
    const { attempt, attempts, asked } = open([{ tries: ['Pending'] }], {}, [pod]);
    assert.equal(attempts.endsByItself, true);
    const ended = await attempt(1);
    assert.deepEqual([ended.status, ended.retrying, codes(ended)], ['failed', false, ['SAME1502']]);
    assert.deepEqual(asked, []);
    // Nobody waits for its end before it is closed.
    assert.equal(attempts.endsByItself, false);
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
