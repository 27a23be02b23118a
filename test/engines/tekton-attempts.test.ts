import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { StoredObject } from '../../src/engines/kubernetes/cluster.ts';
import { tekton } from '../../src/engines/tekton/system.ts';
import type { Step } from '../../src/program/schema.ts';
import { RUN } from './compilations.ts';
import { codes, exitText, openLab } from './submitted-lab.ts';

const WHOLE = `same-${RUN}`;
const STEP: Step = { run: ['sh', 'train.sh'], outputs: { model: {} }, retries: { max: 2 } };

/** A try as its TaskRun has it: the reason why it has ended, of one that has not nothing. */
interface Try {
  reason?: string;
  message?: string;
  exitCode?: number;
  /** Tekton has made its pod. */
  hasPod?: false;
}

interface State {
  /** The one that is tried now comes last; without any there is no TaskRun. */
  tries?: Try[];
  /** Whether the TaskRun has ended as well. */
  isOver?: true;
  /** Why the whole has ended. */
  all?: string;
  isLeftOut?: true;
  /** Another one, `after`, is left out. */
  isNextLeftOut?: true;
  /** Tries of that one, which have all ended. */
  next?: Try[];
  isDeleted?: true;
}

const metadata = (name: string) => ({ name, uid: name, resourceVersion: '1' });

const ended = (reason: string, message: string) => ({
  conditions: [{ type: 'Succeeded', status: reason === 'Succeeded' ? 'True' : 'False', reason, message }],
});

function statusOf({ reason, message = '', exitCode, hasPod }: Try, number: number): object {
  return {
    ...(reason === undefined ? {} : ended(reason, message)),
    ...(hasPod === false ? {} : { podName: podName(number) }),
    ...(exitCode === undefined ? {} : { steps: [{ container: 'step-main', terminated: { exitCode } }] }),
  };
}

const podName = (number: number) => `${WHOLE}-train-pod${number === 0 ? '' : `-retry${number}`}`;

function taskRunOf({ tries = [], isOver }: State, name = 'train'): StoredObject {
  const [now, ...before] = tries.map(statusOf).reverse();
  const open = { conditions: [{ type: 'Succeeded', status: 'Unknown', reason: 'Running' }] };
  return {
    metadata: {
      ...{ ...metadata(`${WHOLE}-${name}`), labels: { 'same.dev/step': name } },
      ownerReferences: [{ kind: 'PipelineRun', name: WHOLE, uid: WHOLE }],
    },
    spec: { taskSpec: { steps: [{ image: 'registry.test/image@sha256:0' }] } },
    status: {
      ...now,
      ...(isOver ? {} : open),
      ...(before.length > 0 ? { retriesStatus: before.reverse() } : {}),
    },
  };
}

function pipelineRunOf({ all, isLeftOut, isNextLeftOut }: State): StoredObject {
  const task = (name: string) => ({ name, taskSpec: { metadata: { labels: { 'same.dev/step': name } } } });
  const leftOut = [...(isLeftOut ? ['train'] : []), ...(isNextLeftOut ? ['after'] : [])];
  return {
    metadata: metadata(WHOLE),
    spec: { pipelineSpec: { tasks: [task('train'), task('after')] } },
    status: {
      ...(all === undefined
        ? { conditions: [{ type: 'Succeeded', status: 'Unknown', reason: 'Running' }] }
        : ended(all, 'Tasks Completed: 1')),
      skippedTasks: leftOut.map((name) => ({ name, reason: 'PipelineRun was stopping' })),
    },
  };
}

function pod(number: number, status: object, deletionTimestamp?: string): StoredObject {
  return {
    metadata: { ...metadata(podName(number)), ...(deletionTimestamp ? { deletionTimestamp } : {}) },
    status,
  };
}

const terminated = (state: object, more = {}) => ({
  ...more,
  containerStatuses: [{ name: 'step-main', state: { terminated: state } }],
});

describe('attempts that Tekton makes', () => {
  let root: string;
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'same-tekton-'));
  });
  after(() => {
    rmSync(root, { recursive: true, force: true });
  });

  /** A run whose objects are in these states, one after the other. */
  const open = (
    states: State[],
    volume: Record<string, string> | (() => Record<string, string>),
    pods: StoredObject[] = [],
    retries: Step['retries'] = { max: 2 },
    system = tekton,
  ) =>
    openLab<State>({
      ...{ system, root, step: { ...STEP, retries }, states, volume, pods },
      show(state, wholes, parts) {
        if (!state.isDeleted) wholes.objects.set(WHOLE, pipelineRunOf(state));
        if (state.tries) parts.objects.set(`${WHOLE}-train`, taskRunOf(state));
        if (state.next) {
          const next = taskRunOf({ tries: state.next, isOver: true }, 'after');
          parts.objects.set(`${WHOLE}-after`, next);
        }
      },
    });

  it('are told one by one, an earlier one by the account that was put aside, also when both are over', async () => {
    const { attempt, asked } = open(
      [
        {
          tries: [
            { reason: 'StepFailed', exitCode: 3 },
            { reason: 'Succeeded', exitCode: 0 },
          ],
          ...{ isOver: true, all: 'Succeeded' },
        },
      ],
      {
        '.same-1/exit.json': exitText({ exit: 3 }),
        '.same/exit.json': exitText({ ok: true, attempt: 2 }),
        model: 'weights\n',
      },
    );
    const first = await attempt(1);
    assert.deepEqual([first.status, first.exitCode, first.retrying], ['failed', 3, true]);
    const second = await attempt(2);
    assert.deepEqual([second.status, second.retrying, codes(second)], ['succeeded', false, []]);
    const cell = `tekton-${RUN}/train/0`;
    assert.deepEqual(asked, [`${cell}/.same-1`, `${cell}/.same-2`, cell]);
  });

  it('are told by their own account also where the next one begins while they are taken in', async () => {
    let looks = 0;
    const { attempt } = open([{ tries: [{ reason: 'StepFailed' }, {}] }], () => ({
      '.same/stdout': 'begun\n',
      ...(looks++ < 2 ? {} : { '.same-1/exit.json': exitText({ exit: 3 }) }),
    }));
    const first = await attempt(1);
    assert.deepEqual([first.exitCode, first.retrying], [3, true]);
  });

  it('are followed by another that is waited for, also while it has no pod, and by none when all are made', async () => {
    const volume = { '.same/exit.json': exitText({ exit: 3 }) };
    const failed = { reason: 'StepFailed', exitCode: 3 };
    const again = open([{ tries: [{}] }, { tries: [failed, { hasPod: false }] }], volume);
    assert.equal((await again.attempt(1)).retrying, true);
    const last = open([{ tries: [{}] }, { tries: [failed], isOver: true }], volume);
    assert.equal((await last.attempt(1)).retrying, false);
  });

  it('are over where the shim says again what was final, though Tekton tries once more', async () => {
    const failed = { reason: 'StepFailed', exitCode: 4 };
    const { attempt, asked } = open([{ tries: [failed, {}] }], {
      '.same/exit.json': exitText({ exit: 4, again: false }),
    });
    const only = await attempt(1);
    assert.deepEqual([only.status, only.exitCode, only.retrying], ['failed', 4, false]);
    assert.equal(
      asked.at(-1),
      `patch ${WHOLE}-train {"status":"TaskRunCancelled"}`,
      'nothing waits for that',
    );
    const volume = { '.same/exit.json': exitText({ exit: 4 }) };
    const most = await open([{ tries: [failed, {}] }], volume, [], { max: 0 }).attempt(1);
    assert.deepEqual([most.status, most.exitCode, most.retrying], ['failed', 4, false]);
    const killed = open(
      [{ tries: [{ reason: 'StepOOM', exitCode: 137 }, {}] }],
      {},
      [pod(0, terminated({ exitCode: 137, reason: 'OOMKilled' }))],
      { max: 1, codes: [3] },
    );
    const told = await killed.attempt(1);
    assert.deepEqual([told.exitCode, told.retrying, codes(told)], [137, false, ['SAME1616']]);
  });

  it('that the cluster took away are made again as long as Tekton does, and lost after that', async () => {
    const evicted = { reason: 'PodEvicted', message: 'The node was low on resource: memory' };
    const gone = pod(0, { phase: 'Failed', reason: 'Evicted', message: evicted.message });
    const again = open(
      [{ tries: [evicted, { reason: 'Succeeded' }], isOver: true }],
      { '.same-2/exit.json': exitText({ ok: true, attempt: 2 }) },
      [gone],
    );
    await again.attempt(1);
    assert.match(again.told.join(), /train is made again by Tekton: the cluster took its pod away \(Evicted/);
    const lost = open([{ tries: [evicted], isOver: true }], {}, [gone]);
    const final = await lost.attempt(1);
    assert.deepEqual([final.status, codes(final), final.retrying], ['failed', ['SAME1625'], false]);
    const stopped = { reason: 'StepFailed', exitCode: 143 };
    const own = open(
      [{ tries: [stopped, {}] }, { tries: [stopped, { reason: 'Succeeded' }], isOver: true }],
      {
        '.same-1/exit.json': exitText({ exit: 143, stopped: true }),
        '.same-2/exit.json': exitText({ ok: true, attempt: 2 }),
      },
      [],
      { max: 0 },
    );
    await own.attempt(1);
    assert.match(own.told.join(), /train is made again by Tekton: something in the cluster ended its pod/);
  });

  it('that Tekton gives up say why: no image, no time, or what it says of the whole', async () => {
    const message = 'the step "main" in TaskRun "x" failed to pull the image ""';
    const image = open([{ tries: [{ reason: 'TaskRunImagePullFailed', message }], isOver: true }], {});
    const without = await image.attempt(1);
    assert.deepEqual([without.status, codes(without)], ['failed', ['SAME1502']]);
    assert.match(without.problems[0]!.message, /registry\.test\/image@sha256:0/);
    const never = open([{}, { all: 'PipelineValidationFailed' }], {});
    const unmade = await never.attempt(1);
    assert.deepEqual([unmade.status, codes(unmade)], ['failed', ['SAME1705']]);
    assert.match(unmade.problems[0]!.message, /not run by Tekton: Tasks Completed: 1/);
    const deleted = await open([{}, { isDeleted: true }], {}).attempt(1);
    assert.match(deleted.problems[0]!.message, /its PipelineRun was deleted/);
  });

  it('that Tekton leaves out because another failed are canceled, and no failure of their own', async () => {
    const { attempt } = open([{}, { isLeftOut: true }], {});
    const out = await attempt(1);
    assert.deepEqual([out.status, out.retrying, codes(out)], ['canceled', false, ['SAME1607']]);
  });

  it('that are not repeated as often as they may be are told of, where that is a setting of the system', async () => {
    const states = (): State[] => [
      { tries: [{ reason: 'StepFailed', exitCode: 3 }], isOver: true, all: 'Failed' },
    ];
    const volume = { '.same/exit.json': exitText({ exit: 3 }) };
    const system = { ...tekton, repeatsUnless: 'it may be set to repeat nothing' };
    const told = async (max: number, of = system) => {
      const lab = open(states(), volume, [], { max }, of);
      const { status, retrying } = await lab.attempt(1);
      assert.deepEqual([status, retrying], ['failed', false]);
      return lab.told;
    };
    const why = 'step train may be tried 2 times more, and Tekton does not: it may be set to repeat nothing';
    assert.deepEqual(await told(2), [why]);
    assert.deepEqual(await told(0), []);
    assert.deepEqual(await told(2, tekton as typeof system), []);
  });

  it('that are left out because what succeeded failed for Tekton alone are told why', async () => {
    const failed = { reason: 'Failed', message: 'no room for its results', exitCode: 1 };
    const volume = { '.same/exit.json': exitText({ ok: true }), model: 'weights\n' };
    const { attempt, told } = open([{ tries: [failed], isOver: true, isNextLeftOut: true }], volume);
    assert.equal((await attempt(1)).status, 'succeeded');
    const why =
      'step train succeeded, and Tekton has it as failed, for its pod ended with 1: no room for its results';
    assert.deepEqual(told, [why]);
    const out = await attempt(1, 'steps', 'after');
    assert.deepEqual([out.status, out.retrying, codes(out)], ['failed', false, ['SAME1705']]);
    assert.equal(out.problems[0]!.message, `step after was not run by Tekton: ${why}`);
    const both = open([{ tries: [failed], isOver: true, next: [failed] }], volume);
    await both.attempt(1);
    await both.attempt(1, 'steps', 'after');
    assert.deepEqual(both.told, [why, why.replace('train', 'after')], 'each is told of');
  });

  it('are over when their pods are, which say how they went after Tekton has given them up', async () => {
    const canceled = { tries: [{ reason: 'TaskRunCancelled' }], isOver: true as const };
    const running = pod(0, { containerStatuses: [{ name: 'step-main', state: { running: {} } }] });
    const waiting = open([canceled], { '.same/exit.json': exitText({ exit: 143, stopped: true }) }, [
      running,
    ]);
    await assert.rejects(waiting.attempt(1), /never comes/, 'its pod is waited for');
    const said = JSON.stringify([{ key: 'exit', value: exitText({ exit: 5 }), type: 1 }]);
    const over = open([canceled], {}, [pod(0, terminated({ exitCode: 5, message: said }))]);
    const told = await over.attempt(1);
    assert.deepEqual([told.status, told.exitCode], ['failed', 5], 'by the copy that Tekton has');
  });
});
