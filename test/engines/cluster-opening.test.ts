import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LocalContentStore } from '../../src/content/content-store.ts';
import { argo } from '../../src/engines/argo/system.ts';
import type { EngineContext, RunPlace } from '../../src/engines/engine.ts';
import type { StoredObject } from '../../src/engines/kubernetes/cluster.ts';
import { clusterError } from '../../src/engines/kubernetes/cluster-error.ts';
import { openClusterRun } from '../../src/engines/kubernetes/cluster-run.ts';
import { openSubmittedRun } from '../../src/engines/submitted/submitted-run.ts';
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
  const ELSEWHERE: RunPlace = { volume: 'other-uid', called: 'namespace studies of context other' };

  /** Opens a run that goes on with one that was submitted there, and ends it. @returns what was noted, in turn with what was asked */
  async function open(
    before: RunPlace | undefined,
    { refused = '', claim = true }: { refused?: string; claim?: boolean } = {},
  ) {
    const cluster = new ToldCluster();
    if (claim) cluster.objects.set('persistentvolumeclaims/same', stored('same', 'claim-uid'));
    const told: unknown[] = [];
    cluster.onAsk = (what) => {
      told.push(what);
      if (what === refused) throw forbidden();
    };
    const kill = new AbortController();
    const place = { before, note: (each: unknown) => void told.push(each) };
    const context = { runId: RUN, kill: kill.signal, place } as EngineContext;
    const content = {} as LocalContentStore;
    const run = openClusterRun({ open: async () => cluster, context, content, image: '', say: () => {} });
    try {
      const opened = await run;
      // There is nobody who would remove its files.
      kill.abort();
      await opened.close();
    } catch (error) {
      assert.equal(cluster.watching, 0);
      assert.deepEqual(
        told.filter((each) => /^(create|list)/.test(String(each))),
        [],
      );
      throw error;
    }
    return told;
  }
  const noted = (told: unknown[]) => told.filter((each) => typeof each === 'object' || each === 'nowhere');

  it('is noted before anything is submitted, and gone on with', async () => {
    const told = await open(undefined);
    assert.deepEqual(noted(told), [HERE, 'nowhere']);
    const at = told.findIndex((each) => typeof each === 'object');
    // What keeps steps from the network is no step.
    assert.deepEqual(
      told.slice(0, at).filter((each) => String(each).startsWith('create')),
      ['create networkpolicies'],
    );
    const renamed = { ...HERE, called: 'namespace studies of context renamed' };
    assert.deepEqual(noted(await open(renamed)), [HERE, 'nowhere']);
  });

  it('is that of the run that is gone on with: nothing is submitted to another', async () => {
    const elsewhere = {
      code: 'SAME1615',
      message: /was submitted in namespace studies of context other, .* in namespace studies of context lab/,
    };
    await assert.rejects(open(ELSEWHERE), elsewhere);
    await assert.rejects(open(ELSEWHERE, { claim: false }), elsewhere);
    await assert.rejects(open({ ...HERE, volume: 'claim-before' }), {
      code: 'SAME1615',
      message: /a volume "same" that is gone/,
    });
  });

  it('is known by what it is called where there is none yet, or the caller may not look', async () => {
    const refused = 'get persistentvolumeclaims';
    const { called } = HERE;
    for (const how of [{ refused }, { claim: false }]) {
      assert.deepEqual(noted(await open(undefined, how)), [{ called }, 'nowhere']);
      assert.deepEqual(noted(await open(HERE, how)), [{ called }, 'nowhere']);
      assert.deepEqual(noted(await open({ called }, how)), [{ called }, 'nowhere']);
      await assert.rejects(open(ELSEWHERE, how), { code: 'SAME1615' });
    }
    assert.deepEqual(noted(await open({ called })), [HERE, 'nowhere']);
    await assert.rejects(open({ called: ELSEWHERE.called }), { code: 'SAME1615' });
  });

  it('is not given up where something is left there', async () => {
    assert.deepEqual(noted(await open(undefined, { refused: 'delete networkpolicies' })), [HERE]);
  });
});

describe('a run of a system whose objects may not be looked at', () => {
  /** What is deleted where that is refused with this answer. */
  async function deleted(firstRunId: string | undefined, why: 'forbidden' | 'missing'): Promise<string[]> {
    const cluster = new ToldCluster();
    const asked: string[] = [];
    cluster.onAsk = (what) => {
      asked.push(what);
      if (what === 'list workflows') throw clusterError(why, 'no');
    };
    const kill = AbortSignal.abort();
    const context = { runId: RUN, kill, ...(firstRunId ? { firstRunId } : {}) } as EngineContext;
    const [content, open] = [{} as LocalContentStore, async () => cluster];
    const options = { system: argo, open, context, content, image: '', say: () => {} };
    await assert.rejects(openSubmittedRun(options), {
      code: why === 'missing' ? 'SAME1702' : 'SAME1704',
    });
    assert.equal(cluster.watching, 0);
    return asked.filter((what) => what.startsWith('delete'));
  }

  it('keeps what runs there of a run that it goes on with, and leaves nothing of its own', async () => {
    assert.deepEqual(await deleted('01a20246-cc45-785e-894a-000000000000', 'forbidden'), []);
    const own = ['delete jobs', 'delete networkpolicies'];
    assert.deepEqual(await deleted('01a20246-cc45-785e-894a-000000000000', 'missing'), own);
    assert.deepEqual(await deleted(undefined, 'forbidden'), own);
  });
});

function stored(name: string, uid: string): StoredObject {
  return { metadata: { name, uid, resourceVersion: '1' } };
}
