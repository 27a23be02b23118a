import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { openApiCluster } from '../src/engines/kubernetes/api-cluster.ts';
import { type Cluster as Api, JOBS, PODS } from '../src/engines/kubernetes/cluster.ts';
import { endOf, podOf } from '../src/engines/kubernetes/pod-state.ts';
import { Watched } from '../src/engines/kubernetes/watched.ts';
import { openCluster } from '../test/components/cluster/cluster.ts';
import { openNamespace } from '../test/components/cluster/namespace.ts';
import { same } from './contestant.ts';
import { median } from './table.ts';

/**
 * `npm run bench:cluster -- [--runs N]`: P14, what a step costs on a real cluster of this machine beside a bare Job.
 *
 * A figure is time by the clock, for pods are mostly waited for. The floor is a Job of the same image whose command is
 * `true` and which mounts the same claim, as whoever hands files on must, from its creation until the watch tells that its
 * container has ended, one after the other; beside it is one that mounts nothing. Of `same` it is what a
 * step more adds to a run of a chain in which each step reads what the one before it left: two runs, of a short and of a
 * long chain, so that the start of the run and of the pod that carries its files are no part of it. Both take turns.
 * The floor is mostly the node's: a kubelet looks about once a second for what has ended, and so one bare Job takes a second,
 * though its pod has come and gone in half of that. `same` does not wait for that look (spec SAME-ENG-029).
 */
const { values } = parseArgs({ options: { runs: { type: 'string', default: '3' } } });
const turns = Number(values.runs);
if (!Number.isInteger(turns) || turns < 1)
  throw new RangeError(`--runs takes a number from 1, not ${values.runs}`);

/** Seconds beyond a bare Job. */
const MOST_SECONDS = 0.15;
const [SHORT, LONG] = [2, 12];

const directory = mkdtempSync(join(tmpdir(), 'same-bench-'));
const cluster = await openCluster();
const namespace = await openNamespace(cluster, 'bench');
const api = await openApiCluster({
  variables: { KUBECONFIG: cluster.kubeconfig },
  namespace: namespace.name,
});
try {
  const { SAME_ENVIRONMENT: _, ...inherited } = process.env;
  const env = { ...inherited, SAME_HOME: join(directory, 'home'), KUBECONFIG: cluster.kubeconfig };
  const run = async (...words: string[]) => {
    const [command, ...given] = [...same, ...words];
    await promisify(execFile)(command!, given, { cwd: directory, env });
  };
  for (const length of [SHORT, LONG]) {
    mkdirSync(join(directory, `chain${length}`));
    writeFileSync(join(directory, `chain${length}`, 'same.yaml'), chain(length, cluster.busybox));
    await run('create', '-f', `chain${length}`);
  }
  await run('set', 'target', 'away', '--engine', 'kubernetes', '--namespace', namespace.name);
  const inChain = (length: number) =>
    seconds(() => run('run', `chain${length}:1.0`, '--target', 'away', '--force'));
  const [bare, mounting, step]: number[][] = [[], [], []];
  for (let turn = 0; turn <= turns; turn++) {
    const jobs = async (mounts: boolean) =>
      (await seconds(() => bareJobs(api, LONG - SHORT, `${turn}${mounts ? 'm' : ''}`, mounts))) /
      (LONG - SHORT);
    const [job, mount] = [await jobs(false), await jobs(true)];
    const more = (await inChain(LONG)) - (await inChain(SHORT));
    // The first turn fills caches.
    if (turn === 0) continue;
    bare!.push(job);
    mounting!.push(mount);
    step!.push(more / (LONG - SHORT));
  }
  const [floor, own] = [median(mounting!), median(step!)];
  const isKept = own - floor <= MOST_SECONDS;
  const line = (what: string, time: number, rest = '') =>
    `P14  ${what.padEnd(20)} ${time.toFixed(3)} s${rest}\n`;
  process.stdout.write(line('Job', median(bare!)));
  process.stdout.write(line('Job, mounts (floor)', floor));
  process.stdout.write(line('same run, a step', own));
  process.stdout.write(line('more', own - floor, `  ≤ ${MOST_SECONDS} s  ${isKept ? 'ok' : 'OVER'}`));
} finally {
  api.close();
  await namespace.dispose();
  await cluster.dispose();
  rmSync(directory, { recursive: true, force: true });
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return (performance.now() - startMs) / 1000;
}

/** Jobs one after the other, each waited for as an engine waits for one. */
async function bareJobs(api: Api, count: number, turn: string, mounts: boolean): Promise<void> {
  const labels = { bare: turn };
  const pods = new Watched(api, PODS, `bare=${turn}`);
  const volumeMounts = [{ name: 'volume', mountPath: '/volume' }];
  const volumes = [{ name: 'volume', persistentVolumeClaim: { claimName: 'same' } }];
  await pods.begin();
  try {
    for (let number = 0; number < count; number++) {
      const name = `bare-${turn}-${number}`;
      await api.create(JOBS, {
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name, labels },
        spec: {
          backoffLimit: 0,
          template: {
            metadata: { labels },
            spec: {
              restartPolicy: 'Never',
              automountServiceAccountToken: false,
              containers: [
                {
                  name: 'main',
                  image: cluster.busybox,
                  command: ['true'],
                  ...(mounts ? { volumeMounts } : {}),
                },
              ],
              ...(mounts ? { volumes } : {}),
            },
          },
        },
      });
      await pods.until(() => {
        const pod = podOf(name, pods.objects.values());
        return pod && endOf(pod) ? true : undefined;
      });
      await api.delete(JOBS, name, { propagation: 'Background' });
    }
  } finally {
    await pods.close();
  }
}

function chain(length: number, image: string): string {
  const steps = Array.from({ length }, (_, number) => [
    `step${number}`,
    {
      run: number === 0 ? 'echo 1 > {{outputs.one}}' : 'cp {{inputs.before}} {{outputs.one}}',
      ...(number === 0 ? {} : { inputs: { before: { from: `step${number - 1}.one` } } }),
      outputs: { one: {} },
    },
  ]);
  return JSON.stringify({
    apiVersion: 'same/v1',
    kind: 'Program',
    metadata: { name: `chain${length}`, version: '1.0' },
    environments: { default: { image } },
    pipeline: { steps: Object.fromEntries(steps) },
  });
}
