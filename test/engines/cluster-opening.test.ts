import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LocalContentStore } from '../../src/content/content-store.ts';
import type { EngineContext } from '../../src/engines/engine.ts';
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
});
