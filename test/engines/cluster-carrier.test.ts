import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Carrier } from '../../src/engines/kubernetes/carrier.ts';
import { JOBS, PODS } from '../../src/engines/kubernetes/cluster.ts';
import { clusterError } from '../../src/engines/kubernetes/cluster-error.ts';
import { Patient } from '../../src/engines/kubernetes/patient-cluster.ts';
import { JOB_NAME, MAIN } from '../../src/engines/kubernetes/pod-state.ts';
import { runNames } from '../../src/engines/kubernetes/run-names.ts';
import { Watched } from '../../src/engines/kubernetes/watched.ts';
import { stored, ToldCluster } from '../components/told-cluster.ts';

const RUN = '01a20246-cc45-785e-894a-3b0e227c8e58';
const gone = () => clusterError('unreachable', 'the cluster cannot be reached');
const { signal } = new AbortController();

async function bytesOf(input: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of input ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('what goes to and comes from the volume of a cluster', () => {
  /** A carrier whose pod runs. */
  async function open(cluster: ToldCluster) {
    const names = runNames(RUN);
    const labels = { [JOB_NAME]: names.carrier };
    const pod = stored('carrier-pod', {
      metadata: { ...stored('carrier-pod').metadata, labels },
      status: { phase: 'Running', containerStatuses: [{ name: MAIN, state: { running: {} } }] },
    });
    cluster.objects.set('pods/carrier-pod', pod);
    const patient = new Patient({ signal, say: () => {} });
    const [jobs, pods] = [new Watched(cluster, JOBS, ''), new Watched(cluster, PODS, '')];
    await Promise.all([jobs.begin(), pods.begin()]);
    const options = { cluster, patient, names, jobs, pods, image: 'busybox', say: () => {}, kill: signal };
    return {
      carrier: new Carrier(options),
      close: () => Promise.all([jobs.close(), pods.close()]),
    };
  }

  it('is sent from its beginning again when the API went away in the middle of it', async () => {
    const cluster = new ToldCluster();
    const { carrier, close } = await open(cluster);
    let opened = 0;
    let last: Buffer = Buffer.alloc(0);
    cluster.onExec = async ({ input }) => {
      if (++opened === 1) {
        for await (const _ of input!) break;
        throw gone();
      }
      last = await bytesOf(input);
      return 0;
    };
    const text = Buffer.from('what a step reads');
    await carrier.put('run/given', () => [
      { path: 'content', executable: false, sizeBytes: text.length, chunks: () => [text] },
    ]);
    await close();
    assert.equal(opened, 2);
    assert.ok(last.includes(text), `${last.length} bytes came`);
  });

  it('is listed from its beginning again', async () => {
    const cluster = new ToldCluster();
    const { carrier, close } = await open(cluster);
    let times = 0;
    cluster.onExec = async ({ take }) => {
      await take!(Buffer.from('run-a\n'));
      if (++times === 1) throw gone();
      await take!(Buffer.from('run-b\n'));
      return 0;
    };
    const names = await carrier.names();
    await close();
    assert.deepEqual(names, ['run-a', 'run-b']);
  });
});
