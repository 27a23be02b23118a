import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { argo } from '../../src/engines/argo/system.ts';
import { workflowState } from '../../src/engines/argo/workflow-nodes.ts';
import type { EngineContext, EngineEvent, StepResult } from '../../src/engines/engine.ts';
import type { StoredObject } from '../../src/engines/kubernetes/cluster.ts';
import type { Compilation } from '../../src/engines/kubernetes/compilation.ts';
import { reuseBeside } from '../../src/engines/submitted/submission.ts';
import {
  cellsOf,
  cellsText,
  identityOf,
  parseCells,
  toldWithout,
} from '../../src/engines/submitted/submitted-cells.ts';
import { compilation, compiled, matrixOf, RUN } from './compilations.ts';
import { fakeCluster, openClient, RUN_ID } from './submitted-lab.ts';

const metadata = { name: `same-${RUN}`, uid: '1', resourceVersion: '1' };

const node = (id: string, name: string, more: object) => ({ [id]: { id, name, ...more } });
const nodes = {
  ...node('w', 'w', { type: 'DAG', phase: 'Running', templateName: 'steps' }),
  ...node('g', 'w.train', { type: 'TaskGroup', phase: 'Running', templateName: 'train' }),
  ...node('r1', 'w.train(1:1)', {
    ...{ type: 'Retry', phase: 'Failed', templateName: 'train', message: 'No more retries left' },
    inputs: { parameters: [{ name: 'cell', value: '1' }] },
  }),
  ...Object.assign(
    {},
    // Of more than ten tries, so that their names are not in the order of their numbers.
    ...Array.from({ length: 11 }, (_, number) =>
      node(`p${number}`, `w.train(1:1)(${10 - number})`, {
        ...{ type: 'Pod', phase: 'Failed', templateName: 'train', outputs: { exitCode: String(number) } },
        inputs: { parameters: [{ name: 'cell', value: '1' }] },
      }),
    ),
  ),
  ...node('r0', 'w.prep', { type: 'Retry', phase: 'Running', templateName: 'prep' }),
  ...node('q', 'w.prep(0)', { type: 'Pod', phase: 'Pending', templateName: 'prep' }),
};

describe('what a controller has written into a Workflow', () => {
  for (const [how, status] of Object.entries({
    'as it is': { phase: 'Running', nodes },
    packed: { phase: 'Running', compressedNodes: gzipSync(JSON.stringify(nodes)).toString('base64') },
  }))
    it(`is read by steps and slots, its tries in their order, ${how}`, () => {
      const state = workflowState({ metadata, status });
      assert.equal(state.isOver, false);
      const train = state.cell('train', 1)!;
      assert.deepEqual(
        train.tries.map(({ exitCode }) => exitCode),
        [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
      );
      assert.equal(train.isOver, true);
      assert.equal(train.message, 'No more retries left');
      assert.equal(state.cell('train', 0), undefined);
      const prep = state.cell('prep', 0)!;
      assert.equal(prep.isOver, false);
      assert.deepEqual(
        prep.tries.map(({ id, isOver }) => ({ id, isOver })),
        [{ id: 'q', isOver: false }],
      );
    });

  it('is nothing before one takes it up, and says when it has ended or was stopped', () => {
    const fresh = workflowState({ metadata, spec: {} });
    assert.deepEqual([fresh.isTaken, fresh.isOver, fresh.isShutDown], [false, false, false]);
    const stopped = workflowState({ metadata, spec: { shutdown: 'Terminate' }, status: { phase: 'Failed' } });
    assert.deepEqual([stopped.isTaken, stopped.isOver, stopped.isShutDown], [true, true, true]);
  });
});

const train = () => compiled('train', matrixOf(12), { after: ['prep'] });
const prep = () => compiled('prep', { run: ['true'] });

describe('the cells of a Workflow', () => {
  it('are noted in it, and read again', () => {
    const some = { ...train() };
    some.cells = some.cells.filter((_, number) => number !== 4);
    const cells = cellsOf([prep(), some]);
    assert.equal(cellsText(cells), '{"prep":"","train":"0-3,5-11"}');
    assert.deepEqual(parseCells(cellsText(cells)), cells);
    for (const text of [undefined, '', '[', '{"a":1}', 'null'])
      assert.equal(parseCells(text), undefined, text);
  });

  it('are as if nothing were stored of them, whatever is by now', () => {
    const told = ['prep', 'train.1', 'other'].map((step) => ({ type: 'step-cached', step }) as EngineEvent);
    const left = toldWithout(told, { prep: ['prep'], train: ['train.1'] });
    assert.deepEqual(left, [{ type: 'step-cached', step: 'other' }]);
  });

  it('are another Workflow where the plan, the cells or what they read is another', () => {
    const of = (...steps: Compilation['steps']) => identityOf(compilation(steps));
    const fewer = { ...train(), cells: train().cells.slice(1) };
    const archive = { name: 'given-1.tgz', bytes: Buffer.from(''), field: 'f' };
    const all = [
      of(prep(), train()),
      of(train()),
      of(prep(), fewer),
      of(prep(), { ...train(), archives: [archive] }),
    ];
    assert.equal(of(prep(), train()), all[0]);
    assert.equal(new Set(all).size, all.length);
  });
});

const WORKFLOW = `workflows same-${RUN}`;

describe('a Workflow of a run', () => {
  const steps = () => [compiled('prep', { run: ['true'], secrets: ['TOKEN'] }), train()];

  it('is created once, after what was told is durable, with what its pods read as its own', async () => {
    const fake = fakeCluster();
    const made = (await openClient(argo, fake, RUN_ID, steps()).submit())!;
    assert.deepEqual(fake.asked.slice(0, 2), ['settle', `create ${WORKFLOW}`]);
    assert.deepEqual(Object.keys(made.cells), ['prep', 'train']);
    const others = [...fake.kept].filter(([name]) => name !== WORKFLOW);
    assert.deepEqual(
      others.map(([name]) => name.split(' ')[0]),
      ['configmaps', 'configmaps', 'configmaps', 'secrets'],
    );
    for (const [name, { metadata: of }] of others) {
      assert.equal(of.ownerReferences![0]!.uid, made.uid, name);
      assert.equal(of.labels!['same.dev/run'], RUN);
    }
    const workflow = JSON.stringify(fake.kept.get(WORKFLOW));
    assert.doesNotMatch(workflow, /hidden/);
    assert.match(workflow, new RegExp(`secrets-${RUN_ID}`));
  });

  it('is taken over by who goes on with the run, and by who came second', async () => {
    const fake = fakeCluster();
    await openClient(argo, fake, RUN_ID, steps()).submit();
    // The client died before the last of what it makes.
    for (const name of fake.kept.keys()) if (/^configmaps .*train/.test(name)) fake.kept.delete(name);
    const second = openClient(argo, fake, 'second', steps());
    const adopted = (await second.submit())!;
    assert.equal(fake.asked.filter((what) => what === `create ${WORKFLOW}`).length, 1);
    assert.match(second.told.join(), /goes on in the cluster/);
    assert.deepEqual([...adopted.runs], [RUN_ID, 'second']);
    assert.equal(adopted.uid, fake.kept.get(WORKFLOW)!.metadata.uid);
    assert.equal([...fake.kept.keys()].filter((name) => name.startsWith('configmaps')).length, 3);
    const third = (await openClient(argo, fake, 'third', steps()).submit())!;
    assert.deepEqual([...third.runs], [RUN_ID, 'second', 'third']);
  });

  it('is made anew where it is of something else, or was stopped, and what it left is removed', async () => {
    for (const spoil of [
      (there: StoredObject) => Object.assign(there.spec as object, { shutdown: 'Terminate' }),
      (there: StoredObject) =>
        Object.assign(there.metadata.annotations!, { 'same.dev/identity': 'sha256:0' }),
      (there: StoredObject) => Object.assign(there.metadata, { annotations: {} }),
    ]) {
      const fake = fakeCluster();
      const first = (await openClient(argo, fake, RUN_ID, steps()).submit())!;
      spoil(fake.kept.get(WORKFLOW)!);
      const second = openClient(argo, fake, 'second', steps());
      const made = (await second.submit())!;
      assert.notEqual(made.uid, first.uid);
      assert.deepEqual([...made.runs], ['second']);
      assert.deepEqual(second.removed, [`argo-${RUN}`]);
      for (const [name, { metadata: of }] of fake.kept)
        if (name.startsWith('configmaps')) assert.equal(of.ownerReferences![0]!.uid, made.uid, name);
    }
  });

  it('is not waited for to go where the run is interrupted, and what it may still write is left alone', async () => {
    const fake = fakeCluster();
    await openClient(argo, fake, RUN_ID, steps()).submit();
    Object.assign(fake.kept.get(WORKFLOW)!.spec as object, { shutdown: 'Terminate' });
    const second = openClient(argo, fake, 'second', steps(), { isStuck: true });
    assert.equal(await second.submit(), undefined);
    assert.deepEqual(second.removed, []);
  });

  it('stands for its cells alone: what else is stored of them is not what later steps of it read', async () => {
    const result = (step: string, run: string) => ({ step, run }) as StepResult;
    const stored: Record<string, StepResult> = {
      a: result('a', 'elsewhere'),
      b: result('b', RUN_ID),
      c: result('c', 'before'),
    };
    const context = {
      reuse: async (_: unknown, { name }: { name: string }) => stored[name],
    } as unknown as EngineContext;
    const told = [{ type: 'step-cached', step: 'c', result: stored.c }] as EngineEvent[];
    const submission = { uid: 'u', cells: { a: ['a'], b: ['b'] }, runs: new Set([RUN_ID]) };
    const reuse = reuseBeside(context, told, submission);
    const of = (name: string) => reuse({} as never, { name } as never, {} as never);
    assert.deepEqual(await Promise.all(['a', 'b', 'c', 'd'].map(of)), [
      undefined,
      stored.b,
      stored.c,
      undefined,
    ]);
  });
});
