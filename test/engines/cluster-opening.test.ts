import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LocalContentStore } from '../../src/content/content-store.ts';
import type { EngineContext, RunPlace } from '../../src/engines/engine.ts';
import { clusterError } from '../../src/engines/kubernetes/cluster-error.ts';
import { openClusterRun } from '../../src/engines/kubernetes/cluster-run.ts';
import { ToldCluster } from '../components/told-cluster.ts';

const RUN = '01a20246-cc45-785e-894a-3b0e227c8e58';
const forbidden = () => clusterError('forbidden', 'the cluster does not do that');
const { signal } = new AbortController();

describe('a run that a cluster does not let begin', () => {
  for (const refused of ['create networkpolicies', 'list pods', 'ask /version'])
    it(`leaves nothing open: ${refused}`, async () => {
      const cluster = new ToldCluster();
      let closed = 0;
      cluster.close = () => void closed++;
      cluster.onAsk = (what) => {
        if (what === refused) throw forbidden();
      };
      const context = { runId: RUN, kill: signal } as EngineContext;
      const content = {} as LocalContentStore;
      await assert.rejects(
        openClusterRun({ open: async () => cluster, context, content, image: '', say: () => {} }),
        { code: 'SAME1704' },
      );
      assert.equal(cluster.watching, 0);
      assert.equal(closed, 1);
    });

  it('is left once all that was asked is answered', async () => {
    const cluster = new ToldCluster();
    const told: string[] = [];
    cluster.onAsk = (what) => {
      if (what === 'list jobs') throw forbidden();
    };
    const list = cluster.list.bind(cluster);
    cluster.list = async (...words) => {
      if (words[0].plural === 'pods') {
        await new Promise((done) => setImmediate(done));
        told.push('answered');
      }
      return list(...words);
    };
    cluster.close = () => void told.push('closed');
    const context = { runId: RUN, kill: signal } as EngineContext;
    const content = {} as LocalContentStore;
    await assert.rejects(
      openClusterRun({ open: async () => cluster, context, content, image: '', say: () => {} }),
      { code: 'SAME1704' },
    );
    assert.deepEqual(told, ['answered', 'closed']);
    assert.equal(cluster.watching, 0);
  });
});

describe('the volume of a run', () => {
  const HERE: RunPlace = { volume: 'claim-uid', called: 'namespace studies of context lab' };

  /** Opens a run that goes on with one that was submitted there. @returns what was noted, and asked of the cluster */
  async function open(
    before: RunPlace | undefined,
    refused = '',
  ): Promise<{ noted: RunPlace[]; asked: string[] }> {
    const cluster = new ToldCluster();
    const claim = { metadata: { name: 'same', uid: HERE.volume, resourceVersion: '1' } };
    cluster.objects.set('persistentvolumeclaims/same', claim);
    const noted: RunPlace[] = [];
    const asked: string[] = [];
    cluster.onAsk = (what) => {
      asked.push(what);
      if (what === refused) throw forbidden();
    };
    const place = {
      before: () => before,
      note: (each: RunPlace) => {
        assert.ok(!asked.some((what) => what.startsWith('create')), 'before anything is submitted');
        noted.push(each);
      },
    };
    const kill = new AbortController();
    const context = { runId: RUN, kill: kill.signal, place } as EngineContext;
    const content = {} as LocalContentStore;
    try {
      const run = await openClusterRun({
        open: async () => cluster,
        context,
        content,
        image: '',
        say: () => {},
      });
      // There is nobody who would remove its files.
      kill.abort();
      await run.close();
    } catch (error) {
      assert.equal(cluster.watching, 0);
      assert.ok(!asked.some((what) => what.startsWith('create')), String(asked));
      throw error;
    }
    return { noted, asked };
  }

  it('is noted before anything is submitted, and gone on with', async () => {
    assert.deepEqual((await open(undefined)).noted, [HERE]);
    assert.deepEqual((await open({ ...HERE, called: 'namespace studies of context renamed' })).noted, [HERE]);
  });

  it('is that of the run that is gone on with: nothing is submitted to another', async () => {
    await assert.rejects(open({ volume: 'other-uid', called: 'namespace studies of context other' }), {
      code: 'SAME1615',
      message: /was submitted in namespace studies of context other, .* in namespace studies of context lab/,
    });
    await assert.rejects(open({ ...HERE, volume: 'claim-before' }), {
      code: 'SAME1615',
      message: /a volume "same" that is gone/,
    });
  });

  it('is not looked at where the caller may not', async () => {
    const elsewhere = { volume: 'other-uid', called: 'namespace studies of context other' };
    const { noted, asked } = await open(elsewhere, 'get persistentvolumeclaims');
    assert.deepEqual(noted, []);
    assert.ok(asked.includes('create networkpolicies'));
  });
});
