import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Change, JOBS } from '../../src/engines/kubernetes/cluster.ts';
import { clusterError, unreachable } from '../../src/engines/kubernetes/cluster-error.ts';
import { Patient } from '../../src/engines/kubernetes/patient-cluster.ts';
import { Watched } from '../../src/engines/kubernetes/watched.ts';
import { stored, ToldCluster } from '../components/told-cluster.ts';

const gone = () => clusterError('unreachable', 'the cluster cannot be reached');
const forbidden = () => clusterError('forbidden', 'the cluster does not list jobs');
const { signal } = new AbortController();

describe('an API that comes back', () => {
  const added = (name: string): Change => ({ type: 'ADDED', object: stored(name) });

  it('is watched on, though it allows nothing for a moment', async () => {
    const cluster = new ToldCluster();
    let refusals = 0;
    cluster.watches = [
      async function* () {
        yield added('first');
        cluster.objects.set('jobs/first', stored('first')).set('jobs/second', stored('second'));
        refusals = 1;
        throw gone();
      },
    ];
    cluster.onAsk = (what) => {
      if (what === 'list jobs' && refusals-- > 0) throw forbidden();
    };
    const jobs = new Watched(cluster, JOBS, '');
    await jobs.begin();
    try {
      assert.ok(await jobs.until(() => jobs.objects.get('second')));
    } finally {
      await jobs.close();
    }
  });

  it('is not watched on when it still allows nothing after that, nor when it never did', async () => {
    const cluster = new ToldCluster();
    cluster.watches = [
      async function* () {
        yield added('first');
        cluster.onAsk = () => {
          throw forbidden();
        };
        throw gone();
      },
    ];
    const late = new Watched(cluster, JOBS, '', 0);
    await late.begin();
    await assert.rejects(
      late.until(() => undefined),
      { code: 'SAME1704' },
    );
    await late.close();
    const other = new ToldCluster();
    other.onAsk = (what) => {
      if (what === 'watch jobs') throw forbidden();
    };
    const never = new Watched(other, JOBS, '');
    await never.begin();
    await assert.rejects(
      never.until(() => undefined),
      { code: 'SAME1704' },
    );
    await never.close();
  });

  it('is asked again for what it does not allow right after it was gone', async () => {
    const answers = [gone, forbidden];
    const patient = new Patient({ signal, say: () => {} });
    const ask = async () => {
      const error = answers.shift()?.();
      if (error) throw error;
      return 'yes';
    };
    assert.equal(await patient.ask(ask), 'yes');
    answers.push(forbidden);
    const other = new Patient({ signal, say: () => {} });
    await assert.rejects(other.ask(ask), { code: 'SAME1704' });
  });
});

describe('an API that went away', () => {
  it('is told of in a sentence, whatever broke the connection', () => {
    const server = 'https://127.0.0.1:6443';
    const cut = Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    assert.equal(
      unreachable(server, cut).message.replace(/^SAME\d+ /, ''),
      `the cluster at ${server} cannot be reached: the connection broke off`,
    );
  });
});
