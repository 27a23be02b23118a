import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Cluster, openCluster } from '../components/cluster/cluster.ts';
import { drainNode, type Json, type Namespace, openNamespace } from '../components/cluster/namespace.ts';
import { until } from '../components/facts.ts';
import { awaiting } from '../contract/meeting.ts';
import { type Ended, openRig, type Rig } from '../e2e/rig.ts';

const LIMIT_MS = 240_000;
const AWAY_MS = 30_000;
const CELLS = 50;
/** Milliseconds after its first Job after which the client is killed, each time. */
const KILLS = [1_500, 4_000, 800];

describe('a run on a cluster in which things go wrong', { timeout: 900_000 }, () => {
  let cluster: Cluster;
  let namespace: Namespace;
  let rig: Rig;
  before(async () => {
    cluster = await openCluster();
  });
  after(async () => {
    await cluster?.dispose();
  });

  /** Has a program with these steps, in a home and a namespace of its own. */
  async function withProgram(steps: object, work: () => Promise<void>): Promise<void> {
    namespace = await openNamespace(cluster, 'drill');
    rig = openRig();
    try {
      const program = {
        apiVersion: 'same/v1',
        kind: 'Program',
        metadata: { name: 'drill', version: '1.0' },
        environments: { default: { image: cluster.busybox } },
        pipeline: { steps },
      };
      rig.write({ 'study/same.yaml': JSON.stringify(program) });
      const target = ['set', 'target', 'away', '--engine', 'kubernetes', '--namespace', namespace.name];
      for (const words of [['create', 'program', '-f', 'study'], target]) {
        const { code, stderr } = await rig.same(words, { env: environment() });
        assert.equal(code, 0, stderr);
      }
      await work();
    } finally {
      rig[Symbol.dispose]();
      await namespace.dispose();
    }
  }

  const environment = () => ({ KUBECONFIG: cluster.kubeconfig });
  const start = (...words: string[]) =>
    rig.start(['run', 'drill:1.0', '--target', 'away', '--json', ...words], { env: environment() });
  const pods = (step: string): Promise<Json[]> => namespace.list('pods', '-l', `same.dev/step=${step}`);

  /** The name of the pod of a step, once it runs; with `not`, of another one than that. */
  async function running(step: string, not = ''): Promise<string> {
    let name = '';
    await until(
      `${step} runs`,
      async () => {
        const pod = (await pods(step)).find(
          ({ status, metadata }) => status.phase === 'Running' && metadata.name !== not,
        );
        name = pod?.metadata.name ?? '';
        return name !== '';
      },
      LIMIT_MS,
    );
    return name;
  }

  /** Lets the step `first` end in a pod, after a while. */
  const release = (pod: string) => namespace.kubectl(['exec', pod, '--', 'touch', '/tmp/go']);

  /** Names of the Jobs of steps that there ever were, once for each Job; pods that each started. */
  async function told(): Promise<{ jobs: string[]; pods: string[] }> {
    const events = await namespace.list('events', '--field-selector=reason=SuccessfulCreate');
    const own = events.filter(({ involvedObject }) => involvedObject.kind === 'Job');
    const jobs = new Map(own.map(({ involvedObject: { uid, name } }) => [uid, name]));
    return { jobs: [...jobs.values()].sort(), pods: own.map(({ message }) => message).sort() };
  }

  function states({ code, stderr, stdout }: Ended): Record<string, [string, number]> {
    assert.equal(code, 0, stderr);
    const { status, steps } = JSON.parse(stdout);
    assert.equal(status, 'succeeded');
    return Object.fromEntries(
      steps.map(({ name, status: of, attempts }: Json) => [name, [of, countOf(attempts)]]),
    );
  }

  const long = {
    // However slow the machine is, it runs for as long as it has to be seen running, and not much longer.
    first: {
      run: ['sh', '-c', `${awaiting('/tmp/go')}; echo 1 > "$SAME_OUT/one"; sleep 5`],
      outputs: { one: {} },
    },
    second: {
      run: ['sh', '-c', 'cat "$SAME_IN/one" > "$SAME_OUT/two"'],
      inputs: { one: { from: 'first.one' } },
      outputs: { two: {} },
    },
  };

  it('ends as if nothing had happened when the API was gone for half a minute', () =>
    withProgram(long, async () => {
      const { ended } = start();
      await release(await running('first'));
      await cluster.stop('kube-apiserver');
      await pause(AWAY_MS);
      await cluster.start('kube-apiserver');
      assert.deepEqual(states(await ended), { first: ['succeeded', 1], second: ['succeeded', 1] });
      const { jobs } = await told();
      assert.deepEqual(jobs, [...new Set(jobs)]);
      assert.deepEqual(await namespace.list('jobs'), []);
    }));

  it('tries again what a deleted pod took along, and counts no failure of the step', () =>
    withProgram(long, async () => {
      const { ended } = start();
      const deleted = await running('first');
      await namespace.kubectl(['delete', 'pod', deleted, '--grace-period=1']);
      await release(await running('first', deleted));
      const { first, second } = states(await ended);
      assert.deepEqual([first?.[0], second], ['succeeded', ['succeeded', 1]]);
      assert.equal((await told()).jobs.filter((name) => name.includes('-first-')).length, 2);
    }));

  it('goes on on a node that was drained, once it takes pods again', () =>
    withProgram(long, async () => {
      const { ended } = start();
      const drained = await running('first');
      const allow = await drainNode(cluster, namespace);
      try {
        await until(
          'a pod waits for a node',
          async () => (await namespace.list('pods')).some(({ status }) => status.phase === 'Pending'),
          LIMIT_MS,
        );
      } finally {
        await allow();
      }
      await release(await running('first', drained));
      const { first, second } = states(await ended);
      assert.deepEqual([first?.[0], second], ['succeeded', ['succeeded', 1]]);
    }));

  it('submits nothing twice when its client is killed, however often, and is gone on with', () =>
    withProgram(
      {
        each: {
          matrix: { cell: Array.from({ length: CELLS }, (_, cell) => cell) },
          run: 'echo {{matrix.cell}} > {{outputs.one}}',
          outputs: { one: {} },
        },
      },
      async () => {
        for (const afterMs of KILLS) {
          const resumed = afterMs === KILLS[0] ? [] : ['--resume'];
          const before = (await told()).jobs.length;
          const { child, ended } = start('-j10', ...resumed);
          await until('it submits', async () => (await told()).jobs.length > before, LIMIT_MS);
          await pause(afterMs);
          child.kill('SIGKILL');
          assert.equal((await ended).signal, 'SIGKILL');
        }
        const ended = states(await start('-j10', '--resume').ended);
        const [all, tries] = [
          Object.values(ended).map(([status]) => status),
          Object.values(ended).map(([, n]) => n),
        ];
        assert.deepEqual([...new Set(all)], ['succeeded']);
        assert.ok(Math.max(...tries) <= 1, 'no attempt was lost');
        assert.equal(Object.keys(ended).length, CELLS);
        const steps = (await told()).jobs.filter((name) => name.includes('-each-'));
        assert.equal(new Set(steps).size, CELLS);
        assert.equal(steps.length, CELLS, 'no Job twice');
      },
    ));

  it('goes on where its Jobs are, and submits nothing anywhere else', () =>
    withProgram(long, async () => {
      const { child, ended } = start();
      const pod = await running('first');
      child.kill('SIGKILL');
      await ended;
      const other = await openNamespace(cluster, 'drill');
      try {
        const move = (to: string) =>
          rig.same(['set', 'target', 'away', '--engine', 'kubernetes', '--namespace', to], {
            env: environment(),
          });
        assert.equal((await move(other.name)).code, 0);
        const refused = await start('--resume').ended;
        assert.equal(refused.code, 4, refused.stderr);
        const [from, to] = [namespace.name, other.name];
        assert.match(
          refused.stderr,
          new RegExp(`SAME1615.*submitted in namespace ${from} of .* in namespace ${to}`),
        );
        assert.deepEqual(await other.list('jobs'), []);
        assert.equal((await move(namespace.name)).code, 0);
      } finally {
        await other.dispose();
      }
      const { ended: resumed } = start('--resume');
      await release(pod);
      assert.deepEqual(states(await resumed), { first: ['succeeded', 1], second: ['succeeded', 1] });
      const { jobs } = await told();
      assert.deepEqual(jobs, [...new Set(jobs)]);
    }));
});

function countOf(attempts: Json): number {
  return Array.isArray(attempts) ? attempts.length : attempts;
}
