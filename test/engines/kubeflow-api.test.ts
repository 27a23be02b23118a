import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { openPipelineRuns, PIPELINE_RUNS } from '../../src/engines/kubeflow/pipeline-runs.ts';
import { PODS, whyOf } from '../../src/engines/kubernetes/cluster.ts';
import { refusedByCluster, unreachable } from '../../src/engines/kubernetes/cluster-error.ts';
import { SameError } from '../../src/errors/same-error.ts';
import { FakePipelines } from '../components/fake-pipelines.ts';

const OBJECT = {
  metadata: { name: 'same-1-run', labels: { 'same.dev/run': '1' }, annotations: { 'same.dev/runs': 'a' } },
  spec: {
    ...{ display_name: 'demo:1.0', pipeline_spec: { pipeline_spec: { root: {} } }, runtime_config: {} },
    suspend: true,
  },
};
const RELEASE = { spec: { suspend: false } };

async function lab() {
  const api = new FakePipelines();
  return { api, cluster: await openPipelineRuns(api, { pollMs: 0, longestPollMs: 0, endMs: 0 }) };
}

describe('runs of Kubeflow as objects of a cluster', () => {
  it('are handed over once they are released, with all that they are, and found by their claim', async () => {
    const { api, cluster } = await lab();
    await cluster.create(PIPELINE_RUNS, OBJECT);
    assert.equal(api.runs.length, 0);
    const there = await cluster.patch(PIPELINE_RUNS, 'same-1-run', RELEASE);
    const [run] = api.runs;
    assert.deepEqual(run!.pipeline_spec, OBJECT.spec.pipeline_spec);
    assert.equal('suspend' in run!, false);
    assert.match(run!.display_name, /^demo:1\.0 same-1-run-/);
    assert.equal(there.metadata.annotations!['same.dev/pipeline-run'], run!.run_id);
    assert.equal((there.status as { state: string }).state, 'PENDING');
    await cluster.patch(PIPELINE_RUNS, 'same-1-run', RELEASE);
    assert.equal(api.runs.length, 1);
    const { items } = await cluster.list(PIPELINE_RUNS, { labels: 'same.dev/run=1' });
    assert.deepEqual(
      items.map(({ metadata }) => metadata.name),
      ['same-1-run'],
    );
    assert.equal('data' in items[0]!, false);
  });

  it('are found again where the answer to what was handed over was lost, or the client died', async () => {
    const { api, cluster } = await lab();
    await cluster.create(PIPELINE_RUNS, OBJECT);
    api.afterPost = () => {
      api.afterPost = () => {};
      throw unreachable('https://it', new Error('aborted'));
    };
    await assert.rejects(
      cluster.patch(PIPELINE_RUNS, 'same-1-run', RELEASE),
      (error) => whyOf(error) === 'unreachable',
    );
    assert.equal(api.runs.length, 1);
    const there = await (await openPipelineRuns(api)).patch(PIPELINE_RUNS, 'same-1-run', RELEASE);
    assert.equal(api.runs.length, 1);
    assert.equal(there.metadata.annotations!['same.dev/pipeline-run'], api.runs[0]!.run_id);
  });

  it('are the first of two that were handed over at the same time; the other is ended', async () => {
    const { api, cluster } = await lab();
    await cluster.create(PIPELINE_RUNS, OBJECT);
    api.afterPost = (run) => {
      api.afterPost = () => {};
      api.runs.unshift({ ...run, run_id: 'other', state: 'RUNNING' });
    };
    const there = await cluster.patch(PIPELINE_RUNS, 'same-1-run', RELEASE);
    assert.equal(there.metadata.annotations!['same.dev/pipeline-run'], 'other');
    assert.deepEqual(
      api.runs.map(({ run_id, state }) => [run_id, state]),
      [
        ['other', 'RUNNING'],
        ['run-1', 'CANCELING'],
      ],
    );
  });

  it('are ended with their claim where nobody noted which ones they are', async () => {
    const lost = await lab();
    await lost.cluster.create(PIPELINE_RUNS, OBJECT);
    lost.api.afterPost = () => {
      throw unreachable('https://it', new Error('aborted'));
    };
    await assert.rejects(lost.cluster.patch(PIPELINE_RUNS, 'same-1-run', RELEASE));
    await lost.cluster.delete(PIPELINE_RUNS, 'same-1-run');
    // And where it went before they could be.
    const gone = await lab();
    await gone.cluster.create(PIPELINE_RUNS, OBJECT);
    gone.api.onAsk = (what) => {
      if (what === 'patch configmaps') throw refusedByCluster('patch it', 404, '{}');
    };
    await assert.rejects(
      gone.cluster.patch(PIPELINE_RUNS, 'same-1-run', RELEASE),
      (error) => whyOf(error) === 'missing',
    );
    for (const { api } of [lost, gone])
      assert.deepEqual(
        api.runs.map(({ state }) => state),
        ['CANCELING'],
      );
  });

  it('are refused for good where it calls what is wrong an error of its own', async () => {
    const { api, cluster } = await lab();
    await cluster.create(PIPELINE_RUNS, OBJECT);
    const message = 'Failed to create a new run: InternalServerError: Invalid input error';
    api.onAsk = (what) => {
      if (what.startsWith('post'))
        throw refusedByCluster('take it', 500, JSON.stringify({ code: 13, message }));
    };
    await assert.rejects(cluster.patch(PIPELINE_RUNS, 'same-1-run', RELEASE), (error) => {
      assert.ok(error instanceof SameError);
      assert.deepEqual([error.code, whyOf(error)], ['SAME1705', 'invalid']);
      assert.match(error.message, /Invalid input error/);
      return true;
    });
    for (const [status, why] of [
      [503, 'busy'],
      [401, 'login'],
      [403, 'forbidden'],
    ] as const) {
      api.onAsk = (what) => {
        if (what.startsWith('post')) throw refusedByCluster('take it', status, '{}');
      };
      await assert.rejects(
        cluster.patch(PIPELINE_RUNS, 'same-1-run', RELEASE),
        (error) => whyOf(error) === why,
      );
    }
    assert.equal(api.runs.length, 0);
  });

  it('are ended when they are asked to, once, and stay in its history when their claim goes', async () => {
    const { api, cluster } = await lab();
    await cluster.create(PIPELINE_RUNS, OBJECT);
    await cluster.patch(PIPELINE_RUNS, 'same-1-run', RELEASE);
    await cluster.patch(PIPELINE_RUNS, 'same-1-run', { spec: { isEnding: true } });
    assert.equal(api.runs[0]!.state, 'CANCELING');
    // It refuses to end what has ended, and that is no trouble.
    assert.equal(await cluster.delete(PIPELINE_RUNS, 'same-1-run'), true);
    assert.equal(api.runs.length, 1);
    assert.equal(await cluster.get(PIPELINE_RUNS, 'same-1-run'), undefined);
    assert.equal(await cluster.delete(PIPELINE_RUNS, 'same-1-run'), false);
  });

  it('are waited for in the foreground, until nothing of them runs, before their claim goes', async () => {
    for (const endMs of [60_000, 0]) {
      const api = new FakePipelines();
      const cluster = await openPipelineRuns(api, { pollMs: 0, longestPollMs: 0, endMs });
      await cluster.create(PIPELINE_RUNS, OBJECT);
      await cluster.patch(PIPELINE_RUNS, 'same-1-run', RELEASE);
      const labels = { 'pipeline/runid': 'run-1', 'same.dev/step': 'train' };
      const pod = (name: string, phase: string) =>
        api.create(PODS, { metadata: { name, labels }, status: { phase } });
      await pod('ended', 'Failed');
      await pod('train', 'Running');
      const told: string[] = [];
      let looked = 0;
      api.onAsk = (what) => {
        if (/^delete/.test(what)) told.push(`${what}, ${api.runs[0]!.state}`);
        if (what !== 'list pods') return;
        looked++;
        if (looked === 2) api.runs[0]!.state = 'CANCELED';
        if (looked === 4) Object.assign(api.objects.get('pods/train')!, { status: { phase: 'Succeeded' } });
      };
      await cluster.delete(PIPELINE_RUNS, 'same-1-run', { propagation: 'Foreground' });
      assert.deepEqual(
        told,
        endMs > 0
          ? ['delete configmaps, CANCELED']
          : // What does not end, ends then.
            ['delete pods, CANCELING', 'delete configmaps, CANCELING'],
      );
      assert.equal(api.objects.has('pods/train'), endMs > 0);
    }
  });

  it('go on where another one of their name is meant', async () => {
    const { api, cluster } = await lab();
    await cluster.create(PIPELINE_RUNS, OBJECT);
    await cluster.patch(PIPELINE_RUNS, 'same-1-run', RELEASE);
    await cluster.delete(PIPELINE_RUNS, 'same-1-run', { uid: 'of another' });
    assert.equal(api.runs[0]!.state, 'PENDING');
  });

  it('are over where somebody has deleted them', async () => {
    const { api, cluster } = await lab();
    await cluster.create(PIPELINE_RUNS, OBJECT);
    await cluster.patch(PIPELINE_RUNS, 'same-1-run', RELEASE);
    api.runs.length = 0;
    const there = await cluster.get(PIPELINE_RUNS, 'same-1-run');
    assert.equal((there!.status as { state: string }).state, 'GONE');
  });

  it('are not taken for deleted while nothing of Kubeflow answers', async () => {
    const { api, cluster } = await lab();
    await cluster.create(PIPELINE_RUNS, OBJECT);
    const isAway = (error: unknown) => {
      assert.equal(whyOf(error), 'busy');
      assert.match((error as Error).message, /Kubeflow Pipelines in namespace studies does not answer/);
      return true;
    };
    const { health } = api;
    const away = () => {
      api.health = undefined;
      api.isAway = true;
    };
    away();
    await assert.rejects(cluster.patch(PIPELINE_RUNS, 'same-1-run', RELEASE), isAway);
    // It may have been handed over all the same.
    await assert.rejects(cluster.delete(PIPELINE_RUNS, 'same-1-run'), isAway);
    Object.assign(api, { health, isAway: false });
    await cluster.patch(PIPELINE_RUNS, 'same-1-run', RELEASE);
    away();
    await assert.rejects(cluster.get(PIPELINE_RUNS, 'same-1-run'), isAway);
    await assert.rejects(cluster.delete(PIPELINE_RUNS, 'same-1-run'), isAway);
    Object.assign(api, { health, isAway: false });
    assert.equal(api.runs.length, 1);
    assert.equal(
      ((await cluster.get(PIPELINE_RUNS, 'same-1-run'))!.status as { state: string }).state,
      'PENDING',
    );
  });

  it('are told as they change, and when they are gone', async () => {
    const { api, cluster } = await lab();
    await cluster.create(PIPELINE_RUNS, OBJECT);
    await cluster.patch(PIPELINE_RUNS, 'same-1-run', RELEASE);
    const over = new AbortController();
    const told: string[] = [];
    for await (const { type, object } of cluster.watch(
      PIPELINE_RUNS,
      { resourceVersion: '1' },
      over.signal,
    )) {
      const { state } = object.status as { state: string };
      told.push(`${type} ${state}`);
      if (type === 'DELETED') over.abort();
      else if (state === 'PENDING') api.runs[0]!.state = 'RUNNING';
      else api.objects.delete('configmaps/same-1-run');
    }
    assert.deepEqual(told, ['MODIFIED PENDING', 'MODIFIED RUNNING', 'DELETED RUNNING']);
  });

  it('are told as gone where they went between two watches, to whom they concern', async () => {
    const { api, cluster } = await lab();
    await cluster.create(PIPELINE_RUNS, OBJECT);
    api.objects.delete('configmaps/same-1-run');
    await cluster.create(PIPELINE_RUNS, {
      ...OBJECT,
      metadata: { ...OBJECT.metadata, name: 'same-2-run', labels: { 'same.dev/run': '2' } },
    });
    api.objects.delete('configmaps/same-2-run');
    for (const run of ['1', '2']) {
      const over = new AbortController();
      const selection = { labels: `same.dev/run=${run}`, resourceVersion: '1' };
      let looked = 0;
      api.onAsk = (what) => {
        if (what === 'list configmaps' && ++looked === 3) over.abort();
      };
      const told: string[] = [];
      for await (const { type, object } of cluster.watch(PIPELINE_RUNS, selection, over.signal))
        told.push(`${type} ${object.metadata.name}`);
      assert.deepEqual(told, [`DELETED same-${run}-run`]);
    }
  });

  it('are asked for less often while nothing of them changes', async () => {
    const api = new FakePipelines();
    const cluster = await openPipelineRuns(api, { pollMs: 2000, longestPollMs: 10_000, endMs: 0 });
    await cluster.create(PIPELINE_RUNS, OBJECT);
    await cluster.patch(PIPELINE_RUNS, 'same-1-run', RELEASE);
    const pauses: number[] = [];
    const over = new AbortController();
    const real = globalThis.setTimeout;
    const timer = mock.method(globalThis, 'setTimeout', (then: () => void, ms: number) => {
      pauses.push(ms);
      if (pauses.length === 10) api.runs[0]!.state = 'RUNNING';
      if (pauses.length === 11) over.abort();
      return real(then, 0);
    });
    try {
      const told: string[] = [];
      const selection = { labels: 'same.dev/run=1', resourceVersion: '1' };
      for await (const { type } of cluster.watch(PIPELINE_RUNS, selection, over.signal)) told.push(type);
      assert.deepEqual(told, ['MODIFIED', 'MODIFIED']);
    } finally {
      timer.mock.restore();
    }
    const [first, second, ...others] = pauses;
    assert.deepEqual([first, others.at(-2), others.at(-1)], [2000, 10_000, 2000]);
    assert.ok(second! > first!);
  });

  it('are in the namespace of Kubeflow alone, and of one for several users not at all', async () => {
    for (const [health, message] of [
      [undefined, /is not in namespace studies of context lab: it has no service ml-pipeline/],
      [{ multi_user: true }, /is for several users/],
    ] as const) {
      const api = new FakePipelines();
      api.health = health;
      await assert.rejects(openPipelineRuns(api), (error) => {
        assert.ok(error instanceof SameError);
        assert.equal(error.code, 'SAME1702');
        assert.match(error.message, message);
        return true;
      });
    }
  });

  it('are asked for once before anything waits for them: what never answered is not waited for', async () => {
    const api = new FakePipelines();
    let closed = 0;
    api.close = () => void closed++;
    api.onAsk = () => {
      throw refusedByCluster('get it', 503, '{"message":"no endpoints available for service ml-pipeline"}');
    };
    await assert.rejects(openPipelineRuns(api), (error) => {
      assert.equal(whyOf(error), 'busy');
      assert.match((error as Error).message, /no endpoints available for service ml-pipeline/);
      return true;
    });
    assert.equal(closed, 1);
  });
});
