import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pipelineRunState, podOfTry } from '../../src/engines/kubeflow/run-state.ts';
import { kubeflow } from '../../src/engines/kubeflow/system.ts';
import type { StoredObject } from '../../src/engines/kubernetes/cluster.ts';
import type { CompiledStep } from '../../src/engines/kubernetes/compilation.ts';
import type { Watched } from '../../src/engines/kubernetes/watched.ts';
import { type SubmittedRun, untilOver } from '../../src/engines/submitted/submitted-run.ts';
import { compilation, compiled, matrixOf, RUN } from './compilations.ts';

const watched = { id: 'the-run', directory: `kubeflow-${RUN}`, secret: 'same-secrets-of-it' };

// biome-ignore lint/suspicious/noExplicitAny: tests look into documents of every shape
type Json = any;

function handed(steps: CompiledStep[]): Json {
  const { objects, findings } = kubeflow.compile({ ...compilation(steps), watched });
  const run = objects.at(-1) as {
    spec: { pipeline_spec: { pipeline_spec: unknown; platform_spec: unknown } };
  };
  const { pipeline_spec: pipeline, platform_spec: platform } = run.spec.pipeline_spec;
  return { run, pipeline, platform, objects, findings: findings.map(({ message }) => message) };
}

describe('a plan as a run of Kubeflow that is watched', () => {
  const input = { isMounted: true, sources: [{ source: { step: 'prep', slot: 0, output: 'f' } }] };
  const prep = () =>
    compiled('prep', { run: ['true'], outputs: { f: {} }, secrets: ['TOKEN'], retries: { max: 2 } });
  const train = () => {
    const step = compiled(
      'train',
      { ...matrixOf(3), inputs: { f: { from: 'prep.f' } } },
      { after: ['prep'] },
    );
    return { ...step, cells: step.cells.map((cell) => ({ ...cell, inputs: { f: input } })) };
  };

  it('hands nothing on by artifacts: what steps read and leave is on the volume of the run', () => {
    const { pipeline, platform, objects, findings } = handed([prep(), train()]);
    assert.deepEqual(findings, []);
    assert.doesNotMatch(JSON.stringify(pipeline), /artifacts/);
    assert.deepEqual(pipeline.root.dag.tasks.train.dependentTasks, ['prep']);
    const pods = platform.platforms.kubernetes.deploymentSpec.executors;
    assert.deepEqual(
      pods['exec-train'].pvcMount.map((mount: Record<string, string>) => [mount.mountPath, mount.subPath]),
      [
        ['/same/keep', `kubeflow-${RUN}/train`],
        ['/same/from/prep', `kubeflow-${RUN}/prep`],
      ],
    );
    const carried = objects.slice(0, -1).map((object: StoredObject) => object.metadata.name);
    for (const { configMapName, optional } of pods['exec-train'].configMapAsVolume) {
      assert.ok(carried.includes(configMapName), configMapName);
      // A pod that begins when all of it is gone ends, and does not wait for it.
      assert.equal(optional, true);
    }
    // Nothing is mounted into its place: the script puts it there.
    const script = objects.find((object: StoredObject) => object.metadata.name === `same-${RUN}-train`);
    assert.match(script.data['step.sh'], /put "\$B\/from\/prep\/0\/f" '\/same\/in\/f'/);
  });

  it('tells each pod its step, its cell and its retries, and secrets by the name of those of the run', () => {
    const { pipeline, platform, run } = handed([prep(), train()]);
    const { args } = pipeline.deploymentSpec.executors['exec-prep'].container;
    assert.deepEqual(args, ['prep', "{{$.inputs.parameters['_slot']}}", '2']);
    const pod = platform.platforms.kubernetes.deploymentSpec.executors['exec-prep'];
    assert.deepEqual(pod.secretAsEnv, [
      {
        secretName: watched.secret,
        keyToEnv: [{ secretKey: 'TOKEN', envVar: 'SAME_SECRET_TOKEN' }],
        optional: true,
      },
    ]);
    assert.deepEqual(pod.podMetadata.labels, {
      'app.kubernetes.io/managed-by': 'same',
      'same.dev/run': RUN,
      'same.dev/step': 'prep',
    });
    assert.match(run.spec.description, /the-run/);
  });
});

const claim = (status: object, annotations = { 'same.dev/pipeline-run': 'r1' }): StoredObject => ({
  metadata: { name: 'run', uid: 'u', resourceVersion: '1', annotations },
  status,
});

function pod(
  name: string,
  slot: number,
  more: { status?: object; run?: string; retries?: number } = {},
): StoredObject {
  const { status = {}, run = 'r1', retries = 0 } = more;
  return {
    metadata: {
      ...{
        name,
        uid: `uid-${name}`,
        resourceVersion: '1',
        creationTimestamp: `2026-01-01T00:00:0${name.at(-1)}Z`,
      },
      labels: { 'pipeline/runid': run, 'same.dev/step': 'train' },
    },
    spec: {
      containers: [
        { name: 'wait' },
        { name: 'main', args: ['sh', '-c', 'text', 'same', 'train', String(slot), String(retries)] },
      ],
    },
    status,
  };
}

const ended = (exitCode: number) => ({
  containerStatuses: [{ name: 'main', state: { terminated: { exitCode } } }],
});

function podsOf(...pods: StoredObject[]): Watched {
  const objects = new Map(pods.map((each) => [each.metadata.name, each]));
  return { objects, changes: 0 } as unknown as Watched;
}

describe('how far a run of Kubeflow is', () => {
  it('is what its API says of all of it', () => {
    const of = (status: object) => pipelineRunState(claim(status), podsOf(pod('p1', 0)));
    for (const [state, isTaken, isOver, isShutDown] of [
      ['RUNTIME_STATE_UNSPECIFIED', false, false, false],
      ['PENDING', false, false, false],
      ['RUNNING', true, false, false],
      ['CANCELING', true, false, true],
      ['CANCELED', true, true, true],
      ['SUCCEEDED', true, true, false],
      ['FAILED', true, true, false],
      ['GONE', true, true, true],
    ] as const) {
      const told = of({ state });
      assert.deepEqual([told.isTaken, told.isOver, told.isShutDown], [isTaken, isOver, isShutDown], state);
    }
    // What the real one says between its first states.
    assert.deepEqual([of({}).isTaken, of({}).isOver, of({}).message], [false, false, '']);
    const noted = { state: 'FAILED', finished_at: '2026-01-02T00:00:00Z' };
    assert.equal(of(noted).endedAt, noted.finished_at);
    const unnoted = claim({ ...noted, finished_at: '1970-01-01T00:00:00Z' });
    unnoted.metadata.creationTimestamp = '2026-01-01T00:00:00Z';
    assert.equal(pipelineRunState(unnoted, undefined).endedAt, '2026-01-01T00:00:00Z');
    assert.equal(pipelineRunState(claim({}, {} as never), podsOf()).isHeld, true);
    const failed = { display_name: 'train-driver', state: 'FAILED', error: { message: 'no store' } };
    assert.equal(
      of({ state: 'FAILED', run_details: { task_details: [failed] } }).message,
      'train-driver: no store',
    );
  });

  it('is of no use to who goes on with it once its pods were removed with it', () => {
    const isShutDown = (state: string, pods: Watched | undefined) =>
      pipelineRunState(claim({ state }), pods).isShutDown;
    const others = podsOf(pod('p1', 0, { run: 'before', status: ended(0) }));
    const own = podsOf(pod('p1', 0, { status: ended(0) }));
    assert.deepEqual([isShutDown('SUCCEEDED', others), isShutDown('FAILED', others)], [true, true]);
    assert.deepEqual([isShutDown('SUCCEEDED', own), isShutDown('RUNNING', others)], [false, false]);
    assert.equal(isShutDown('SUCCEEDED', undefined), false);
  });

  it('is of its cells what their pods say, of this run alone, the first one first', () => {
    const pods = podsOf(
      pod('p3', 1, { retries: 2 }),
      pod('p2', 1, { status: ended(1), retries: 2 }),
      pod('p1', 0, { status: ended(0) }),
      pod('p0', 1, { run: 'before', status: ended(0) }),
      { metadata: { name: 'driver', uid: 'd', resourceVersion: '1', labels: { 'pipeline/runid': 'r1' } } },
    );
    const state = pipelineRunState(claim({ state: 'RUNNING' }), pods);
    const cell = state.cell('train', 1)!;
    assert.deepEqual(
      cell.tries.map((tried) => [podOfTry(pods, tried)!.metadata.name, tried.isOver, tried.exitCode]),
      [
        ['p2', true, 1],
        ['p3', false, undefined],
      ],
    );
    assert.equal(cell.isOver, false);
    assert.equal(state.cell('train', 0)!.isOver, true);
    assert.equal(state.cell('train', 2), undefined);
  });

  it('is told also by pods into which Kubeflow fills their cell only later, as before 2.17', () => {
    const early = pod('p1', 0, { retries: 1 });
    const [, main] = (early.spec as { containers: { command?: string[]; args: string[] }[] }).containers;
    main!.args[5] = "{{$.inputs.parameters['_slot']}}";
    const input = { inputs: { parameterValues: { _slot: 7 } }, outputs: {} };
    main!.command = [
      ...['/var/run/argo/argoexec', 'emissary', '--', '/kfp-launcher/launch', '--run_id', 'r1'],
      ...['--executor_input', JSON.stringify(input), '--component_spec', '{}', '--'],
    ];
    const state = pipelineRunState(claim({ state: 'RUNNING' }), podsOf(early));
    assert.equal(state.cell('train', 7)?.tries.length, 1);
    assert.equal(state.cell('train', 0), undefined);
  });

  it('is a failure that says so where a pod of its own does not say of which cell it is', () => {
    const strange = pod('p1', 0);
    const [, main] = (strange.spec as { containers: { command?: string[]; args: string[] }[] }).containers;
    main!.args[5] = "{{$.inputs.parameters['_slot']}}";
    for (const input of ['{', '{}', '{"inputs":{"parameterValues":{"_slot":"x"}}}']) {
      main!.command = ['/kfp-launcher/launch', '--executor_input', input];
      const pods = podsOf(strange, pod('p2', 0, { run: 'before' }));
      const cell = pipelineRunState(claim({ state: 'RUNNING' }), pods).cell('train', 3)!;
      assert.equal(cell.isOver, true);
      assert.match(cell.tries[0]!.problem!.message, /^pod p1 does not say which cell/);
      assert.equal(podOfTry(pods, cell.tries[0]!), undefined);
      assert.equal(pipelineRunState(claim({ state: 'RUNNING' }), pods).cell('other', 0), undefined);
    }
  });

  it('is over for a cell once its last try has failed, and a pod that is deleted was a try', () => {
    const pods = podsOf(pod('p1', 0, { retries: 1 }), pod('p2', 0, { status: ended(3), retries: 1 }));
    const read = () => pipelineRunState(claim({ state: 'RUNNING' }), pods).cell('train', 0)!;
    assert.equal(read().isOver, true);
    pods.objects.delete('p1');
    pods.changes++;
    const [first, second] = read().tries;
    assert.deepEqual([first!.isOver, first!.message], [true, 'its pod was deleted']);
    assert.equal(podOfTry(pods, first!), undefined);
    assert.equal(second!.exitCode, 3);
  });

  it('is not over for a cell whose pod was taken away before all of it is: it may be made anew, also without retries', () => {
    const pods = podsOf(pod('p1', 0));
    const read = (state: string) => pipelineRunState(claim({ state }), pods).cell('train', 0)!;
    assert.equal(read('RUNNING').isOver, false);
    pods.objects.delete('p1');
    pods.changes++;
    assert.deepEqual([read('RUNNING').tries.at(-1)!.isOver, read('RUNNING').isOver], [true, false]);
    assert.equal(read('FAILED').isOver, true);
    pods.objects.set('p2', pod('p2', 0, { status: ended(4) }));
    pods.changes++;
    assert.deepEqual([read('RUNNING').tries.length, read('RUNNING').isOver], [2, true]);
    const gone = pod('p1', 0, { status: ended(143) });
    const asked = { ...gone, metadata: { ...gone.metadata, deletionTimestamp: '2026-01-01T00:00:09Z' } };
    const over = (each: StoredObject) =>
      pipelineRunState(claim({ state: 'RUNNING' }), podsOf(each)).cell('train', 0)!.isOver;
    assert.deepEqual(
      [over(gone), over(asked)],
      [true, false],
      'one that was asked to end is taken away, too',
    );
  });

  it('leaves out what it has not begun when a step fails, but not what a failure of its own keeps from running', () => {
    const failed = claim({ state: 'FAILED' });
    const after = pipelineRunState(failed, podsOf(pod('p1', 0, { status: ended(3) }))).cell('other', 0);
    assert.deepEqual([after?.isLeftOut, after?.isOver], [true, true]);
    assert.equal(
      pipelineRunState(failed, podsOf(pod('p1', 0, { status: ended(0) }))).cell('other', 0),
      undefined,
    );
    // It went on after a try that failed.
    const again = podsOf(
      pod('p1', 0, { status: ended(3), retries: 1 }),
      pod('p2', 0, { status: ended(0), retries: 1 }),
    );
    assert.equal(pipelineRunState(failed, again).cell('other', 0), undefined);
    assert.match(
      pipelineRunState(failed, podsOf()).message,
      /kubectl describe workflows -l pipeline\/runid=r1/,
    );
  });
});

describe('a run of which all cells have ended', () => {
  const runOf = (states: string[], system = kubeflow) => {
    const cancel = new AbortController();
    const objects = new Map<string, StoredObject>();
    const next = () => objects.set('run', claim({ state: states.shift() }));
    next();
    const wholes = {
      objects,
      async until(look: () => unknown, signal: AbortSignal) {
        for (;;) {
          const found = look();
          if (found !== undefined || signal.aborted) return found;
          if (states.length === 0) cancel.abort();
          else next();
        }
      },
    };
    const run = { ...{ system, wholes, whole: 'run' }, parts: podsOf() } as unknown as SubmittedRun;
    return { run, states, cancel };
  };

  it('is not ended before Kubeflow says of it how it went: its history would say that it was canceled', async () => {
    const { run, states, cancel } = runOf(['RUNNING', 'RUNNING', 'SUCCEEDED', 'later']);
    await untilOver(run, cancel.signal);
    assert.deepEqual([states, cancel.signal.aborted], [['later'], false]);
  });

  it('is waited for no longer than a while, and not where it is interrupted or nothing tells of it later', async () => {
    const late = runOf(['RUNNING', 'later']);
    await untilOver(late.run, late.cancel.signal, 0);
    const interrupted = runOf(['RUNNING', 'later']);
    interrupted.cancel.abort();
    await untilOver(interrupted.run, interrupted.cancel.signal);
    const { keepsHistory: _, ...system } = kubeflow;
    const forgotten = runOf(['RUNNING', 'later'], system);
    await untilOver(forgotten.run, forgotten.cancel.signal);
    for (const { states } of [late, interrupted, forgotten]) assert.deepEqual(states, ['later']);
  });
});
