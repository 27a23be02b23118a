import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunningCommand } from '../../src/engines/attempt/running-command.ts';
import type { StepAttempt } from '../../src/engines/attempt/step-attempt.ts';
import { JOBS, PODS } from '../../src/engines/kubernetes/cluster.ts';
import { clusterError } from '../../src/engines/kubernetes/cluster-error.ts';
import type { ClusterRun } from '../../src/engines/kubernetes/cluster-run.ts';
import { RunningJob } from '../../src/engines/kubernetes/running-job.ts';
import { Watched } from '../../src/engines/kubernetes/watched.ts';
import { stored, ToldCluster } from '../components/told-cluster.ts';

describe('a Job that is interrupted where the caller may delete none', { timeout: 60_000 }, () => {
  async function open() {
    const cluster = new ToldCluster();
    const job = stored('train-0-1');
    cluster.objects.set('jobs/train-0-1', job);
    cluster.onAsk = (what) => {
      if (what === 'delete jobs') throw clusterError('forbidden', 'the cluster does not delete jobs');
    };
    const [jobs, pods] = [new Watched(cluster, JOBS, ''), new Watched(cluster, PODS, '')];
    await Promise.all([jobs.begin(), pods.begin()]);
    const told: string[] = [];
    const [cancel, kill] = [new AbortController(), new AbortController()];
    const run = { cluster, jobs, pods, say: (line: string) => void told.push(line) } as unknown as ClusterRun;
    const task = { cell: { name: 'train' }, environment: {} } as StepAttempt;
    const how = { cancel: cancel.signal, kill: kill.signal, onStart: () => {} } as unknown as RunningCommand;
    return {
      ...{ job, jobs, told, cancel, kill },
      running: new RunningJob(run, task, job, how),
      close: () => Promise.all([jobs.close(), pods.close()]),
    };
  }

  it('is waited for until it ends by itself, and that is said', async () => {
    const { job, jobs, told, cancel, running, close } = await open();
    const end = running.end();
    cancel.abort();
    await jobs.until(() => (told.length > 0 ? true : undefined));
    assert.match(told[0]!, /^step train cannot be asked to end: the cluster does not delete jobs$/);
    const conditions = [{ type: 'Complete', status: 'True' }];
    jobs.objects.set(job.metadata.name, { ...job, status: { conditions } });
    assert.deepEqual(await end, { isCanceled: true });
    await close();
  });

  it('is not waited for any more at the second interrupt', async () => {
    const { cancel, kill, running, close } = await open();
    const end = running.end();
    cancel.abort();
    kill.abort();
    assert.deepEqual(await end, { isCanceled: true });
    await close();
  });
});
