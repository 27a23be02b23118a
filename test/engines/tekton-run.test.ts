import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Carrier } from '../../src/engines/kubernetes/carrier.ts';
import type { Cluster, StoredObject } from '../../src/engines/kubernetes/cluster.ts';
import type { RunNames } from '../../src/engines/kubernetes/run-names.ts';
import type { Watched } from '../../src/engines/kubernetes/watched.ts';
import { removeRuns } from '../../src/engines/submitted/leftovers.ts';
import { compilePipelineRun } from '../../src/engines/tekton/pipeline-run.ts';
import { tekton } from '../../src/engines/tekton/system.ts';
import { openRig } from '../e2e/rig.ts';
import { compilation, compiled, matrixOf, RUN } from './compilations.ts';
import { exitText, fakeCluster, openClient, RUN_ID } from './submitted-lab.ts';

const metadata = { name: `same-${RUN}`, uid: '1', resourceVersion: '1' };

const taskRun = (name: string, label: string, slot: string | undefined, status: object): StoredObject => ({
  metadata: {
    ...{ name, uid: name, resourceVersion: '1', labels: { 'same.dev/step': label } },
    ownerReferences: [{ kind: 'PipelineRun', name: metadata.name, uid: metadata.uid }],
  },
  spec: slot === undefined ? {} : { params: [{ name: 'cell', value: slot }] },
  status,
});

const taskRuns = (...items: StoredObject[]) =>
  ({ objects: new Map(items.map((item) => [item.metadata.name, item])), changes: 1 }) as unknown as Watched;

const failed = { type: 'Succeeded', status: 'False', reason: 'StepFailed', message: 'exited with code 3' };

describe('what a controller has written into a PipelineRun and its TaskRuns', () => {
  it('is read by steps and slots, its tries in their order', () => {
    const parts = taskRuns(
      taskRun('p', 'prep', undefined, { podName: 'p-pod' }),
      taskRun('t1', 'train', '1', {
        ...{ podName: '', conditions: [{ type: 'Succeeded', status: 'Unknown', reason: 'ToBeRetried' }] },
        steps: [{ terminated: { exitCode: 3 } }],
        retriesStatus: [
          { podName: 't1-pod', conditions: [failed], steps: [{ terminated: { exitCode: 3 } }] },
          { podName: 't1-pod-retry1', conditions: [{ ...failed, reason: 'TaskRunTimeout' }] },
        ],
      }),
      taskRun('t0', 'train', '0', {
        podName: 't0-pod',
        conditions: [{ ...failed, status: 'True', reason: '' }],
      }),
    );
    const state = tekton.state({ metadata, spec: {}, status: { conditions: [] } }, parts);
    const train = state.cell('train', 1)!;
    assert.deepEqual(
      train.tries.map(({ id, isOver, exitCode, podReason }) => [id, isOver, exitCode, podReason]),
      [
        ['t1-pod', true, 3, undefined],
        ['t1-pod-retry1', true, undefined, 'DeadlineExceeded'],
        ['', false, undefined, undefined],
      ],
    );
    assert.equal(train.isOver, false);
    assert.equal(state.cell('train', 0)!.isOver, true);
    assert.deepEqual(
      state.cell('prep', 0)!.tries.map(({ id }) => id),
      ['p-pod'],
    );
    assert.equal(state.cell('train', 2), undefined);
  });

  it('finds what was made since it was looked at', () => {
    const parts = taskRuns();
    const whole = { metadata, spec: {} };
    assert.equal(tekton.state(whole, parts).cell('prep', 0), undefined);
    parts.objects.set('p', taskRun('p', 'prep', undefined, {}));
    parts.changes++;
    assert.equal(tekton.state(whole, parts).cell('prep', 0)!.tries.length, 1);
    const next = { ...whole, metadata: { ...metadata, uid: '2' } };
    assert.equal(tekton.state(next, parts).cell('prep', 0), undefined, 'it is of the one before');
  });

  it('says whether one has taken it up, what keeps it, what ended it and what it left out', () => {
    const read = (spec: object, status: object) => tekton.state({ metadata, spec, status }, taskRuns());
    const of = (spec: object, status: object) => {
      const { isTaken, isHeld, isShutDown, isOver } = read(spec, status);
      return [isTaken, isHeld, isShutDown, isOver];
    };
    assert.deepEqual(of({}, {}), [false, false, false, false]);
    const waits = { conditions: [{ type: 'Succeeded', status: 'Unknown', reason: 'PipelineRunPending' }] };
    assert.deepEqual(of({ status: 'PipelineRunPending' }, waits), [true, true, false, false]);
    assert.deepEqual(of({ status: 'Cancelled' }, { conditions: [failed] }), [true, false, true, true]);
    const labels = { 'same.dev/step': 'after' };
    const skippedFor = (reason: string) =>
      read(
        { pipelineSpec: { tasks: [{ name: 'wave', taskSpec: { metadata: { labels } } }] } },
        { skippedTasks: [{ name: 'wave', reason }] },
      );
    const skipped = skippedFor('PipelineRun was stopping');
    assert.equal(skipped.cell('after', 300)!.isLeftOut, true);
    assert.equal(skipped.cell('other', 0), undefined);
    const { isLeftOut, isOver, message } = skippedFor('PipelineRun was gracefully stopped').cell('after', 1)!;
    assert.deepEqual([isLeftOut, isOver, message], [false, true, 'PipelineRun was gracefully stopped']);
  });
});

describe('a PipelineRun of a run', () => {
  const WHOLE = `pipelineruns same-${RUN}`;
  const steps = () => [
    compiled('prep', { run: ['true'], secrets: ['TOKEN'], retries: { max: 1, codes: [3] } }),
    compiled('train', matrixOf(3), { after: ['prep'] }),
  ];

  it('begins when everything is there that its pods read, which is its own', async () => {
    const fake = fakeCluster();
    const made = (await openClient(tekton, fake, RUN_ID, steps()).submit())!;
    const kinds = fake.asked.map((what) => what.replace(/ same-.*| secrets-.*/, ''));
    assert.deepEqual(kinds, [
      ...['settle', 'create pipelineruns', 'create configmaps', 'create configmaps', 'create configmaps'],
      ...['create secrets', 'patch pipelineruns'],
    ]);
    assert.equal((fake.kept.get(WHOLE)!.spec as { status?: unknown }).status, undefined);
    for (const [name, { metadata: of }] of fake.kept)
      if (name !== WHOLE)
        assert.deepEqual(
          of.ownerReferences!.map(({ kind, uid }) => [kind, uid]),
          [['PipelineRun', made.uid]],
          name,
        );
  });

  it('is let begin by who takes it over from a client that died before that', async () => {
    const fake = fakeCluster();
    await openClient(tekton, fake, RUN_ID, steps()).submit();
    const { spec } = fake.kept.get(WHOLE)! as unknown as { spec: { status?: unknown } };
    const patches = () => fake.asked.filter((what) => what === `patch ${WHOLE}`).length;
    const before = patches();
    await openClient(tekton, fake, 'second', steps()).submit();
    assert.equal(patches(), before + 1, 'what runs is not let begin again');
    spec.status = 'PipelineRunPending';
    await openClient(tekton, fake, 'third', steps()).submit();
    assert.equal(patches(), before + 3);
    assert.equal(spec.status, undefined);
  });

  it('keeps the account of each attempt, and has neither network policy nor secret of its own name', () => {
    const watched = { id: RUN_ID, directory: `tekton-${RUN}`, secret: 'secrets-of-run' };
    const { objects } = compilePipelineRun({ ...compilation(steps()), watched });
    assert.deepEqual(
      objects.map(({ kind }) => kind),
      ['ConfigMap', 'ConfigMap', 'ConfigMap', 'PipelineRun'],
    );
    const { spec } = objects.at(-1) as unknown as {
      spec: { pipelineSpec: { tasks: { taskSpec: { steps: { command: string[] }[] } }[] } };
    };
    const [prep, train] = spec.pipelineSpec.tasks.map(({ taskSpec }) => taskSpec.steps[0]!.command);
    for (const command of [prep, train]) {
      assert.deepEqual(command!.slice(0, 2), ['sh', '-c']);
      assert.doesNotMatch(command![2]!, /\$\(/, 'Tekton would fill something in');
    }
    assert.match(JSON.stringify(spec), /secrets-of-run.*tekton-0123456789ab\/prep/);
  });

  it('runs again what failed as often as its step says and what was stopped as often as Tekton does', () => {
    const watched = { id: RUN_ID, directory: `tekton-${RUN}`, secret: 'secrets' };
    const own = { exit: 3, again: true };
    const cases: [string, { max: number; codes?: number[] }, number, object | undefined, number, boolean][] =
      [
        ['the first try', { max: 0 }, 0, own, 9, false],
        ['a failure of its own', { max: 0 }, 1, own, 3, false],
        ['one that may be repeated', { max: 1 }, 1, own, 9, true],
        ['one that was repeated', { max: 1 }, 2, own, 3, false],
        ['what was stopped', { max: 0 }, 1, { exit: 143, again: true, stopped: true }, 9, true],
        ['what is final, which the shim says again', { max: 2 }, 1, { exit: 4, again: false }, 9, false],
        ['what was killed', { max: 0 }, 1, undefined, 137, false],
        ['what was killed and may be repeated', { max: 1 }, 1, undefined, 9, true],
        ['what was killed and may not', { max: 1, codes: [3] }, 1, undefined, 137, false],
      ];
    for (const [what, retries, number, exit, code, isAside] of cases) {
      using rig = openRig();
      const { objects } = compilePipelineRun({
        ...compilation([compiled('train', { run: ['true'], retries })]),
        watched,
      });
      const { spec } = objects.at(-1) as unknown as {
        spec: {
          pipelineSpec: { tasks: { retries: number; taskSpec: { steps: { command: string[] }[] } }[] };
        };
      };
      const [{ retries: times, taskSpec }] = spec.pipelineSpec.tasks as [(typeof spec.pipelineSpec.tasks)[0]];
      assert.equal(times, retries.max + 2);
      rig.write({ 'spec/shim.sh': 'exit 9', 'keep/.same/stdout': '' });
      if (exit) rig.write({ 'keep/.same/exit.json': exitText(exit) });
      const [program, ...words] = taskSpec.steps[0]!.command.map((w) =>
        w.replaceAll('/same/', `${rig.root}/`),
      );
      const env = { ...process.env, SAME_RETRIES: String(number) };
      assert.equal(spawnSync(program!, words, { env }).status, code, what);
      assert.equal(existsSync(rig.path(`keep/.same-${number}`)), isAside, what);
    }
  });

  it('of a client that died is removed a day after it has ended, and what somebody applied is not', async () => {
    const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
    const run = (digit: string, annotations: Record<string, string>, spec: object, status: object) => ({
      metadata: {
        ...{ name: `same-${digit}`, uid: digit, resourceVersion: '1', annotations },
        ...{ labels: { 'same.dev/run': digit.repeat(12) }, creationTimestamp: daysAgo(3) },
      },
      ...{ spec, status },
    });
    const over = (days: number) => ({ conditions: [failed], completionTime: daysAgo(days) });
    const ours = { 'same.dev/runs': 'r' };
    const items = [
      run('1', ours, {}, over(2)),
      run('2', ours, {}, over(0.5)),
      run('3', {}, {}, over(2)),
      run('4', ours, { status: 'PipelineRunPending' }, {}),
      run('5', ours, {}, { conditions: [] }),
      run('a', ours, {}, over(2)),
    ];
    const gone: string[] = [];
    const cluster = {
      list: async () => ({ items, resourceVersion: '1' }),
      delete: async (_: unknown, name: string) => void gone.push(name),
    };
    const carrier = {
      names: async () => [
        'tekton-111111111111',
        'tekton-222222222222',
        'tekton-666666666666',
        'run-111111111111',
      ],
      remove: async (path: string) => void gone.push(path),
    };
    const own = { run: 'a'.repeat(12) } as RunNames;
    await removeRuns(tekton, cluster as unknown as Cluster, carrier as unknown as Carrier, own);
    assert.deepEqual(gone, ['same-1', 'same-4', 'tekton-111111111111', 'tekton-666666666666']);
  });
});
