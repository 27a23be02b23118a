import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as soon } from 'node:timers/promises';
import type { Descriptor } from '../../src/bundle/oci.ts';
import {
  copyGraph,
  type GraphNode,
  type GraphSink,
  type GraphSource,
  inParallel,
} from '../../src/content/graph-copy.ts';

const descriptor = (digest: string, size = 1): Descriptor => ({ mediaType: 'x', digest, size });
const node = (digest: string, ...blobs: Descriptor[]): GraphNode => ({
  self: descriptor(digest, 100),
  blobs,
});

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all).toString();
}

/** Two ends that write down what is asked of them, and do each thing a moment later. */
function ends(there: { manifests?: string[]; blobs?: string[]; mounted?: string[] } = {}) {
  const log: string[] = [];
  const source: GraphSource = {
    async manifest({ digest }) {
      log.push(`read ${digest}`);
      return Buffer.from(digest);
    },
    async *blob({ digest }, startBytes) {
      log.push(`read ${digest}${startBytes === 0 ? '' : ` from ${startBytes}`}`);
      yield Buffer.from(digest).subarray(startBytes);
    },
  };
  const sink: GraphSink = {
    async hasManifest({ digest }) {
      log.push(`look for ${digest}`);
      await soon();
      return there.manifests?.includes(digest) ?? false;
    },
    async putManifest({ digest }, bytes) {
      await soon();
      log.push(`put ${digest}: ${Buffer.from(bytes)}`);
    },
    async putBlob({ digest }, open) {
      await soon();
      if (there.blobs?.includes(digest)) return 'there';
      if (there.mounted?.includes(digest)) return 'mounted';
      log.push(`put ${digest}: ${await textOf(await open(0))}`);
      return 'uploaded';
    },
  };
  return { log, source, sink };
}

describe('a copy of a graph', () => {
  it('puts every blob before any manifest, and manifests in their order', async () => {
    const { log, source, sink } = ends();
    const nodes = [
      node('program', descriptor('config', 10), descriptor('layer', 20)),
      node('ancestor', descriptor('old', 5)),
      node('run', descriptor('record', 3)),
    ];
    const tally = await copyGraph(source, sink, nodes);
    const puts = log.filter((line) => line.startsWith('put'));
    assert.deepEqual(puts.slice(0, 4).sort(), [
      'put config: config',
      'put layer: layer',
      'put old: old',
      'put record: record',
    ]);
    assert.deepEqual(puts.slice(4), ['put program: program', 'put ancestor: ancestor', 'put run: run']);
    assert.deepEqual(tally, { there: 0, mounted: 0, sent: 7, sentBytes: 38 + 300 });
  });

  it('takes a manifest that is there for all that it names', async () => {
    const { log, source, sink } = ends({ manifests: ['program'] });
    const tally = await copyGraph(source, sink, [
      node('program', descriptor('config'), descriptor('layer')),
      node('run', descriptor('record')),
    ]);
    assert.deepEqual(log, [
      'look for program',
      'look for run',
      'read record',
      'put record: record',
      'read run',
      'put run: run',
    ]);
    assert.deepEqual(tally, { there: 1, mounted: 0, sent: 2, sentBytes: 101 });
  });

  it('reads no blob that is there or is mounted, and counts each', async () => {
    const { log, source, sink } = ends({ blobs: ['config'], mounted: ['layer'] });
    const tally = await copyGraph(source, sink, [
      node('program', descriptor('config'), descriptor('layer'), descriptor('data', 7)),
    ]);
    assert.deepEqual(
      log.filter((line) => line.startsWith('read')),
      ['read data', 'read program'],
    );
    assert.deepEqual(tally, { there: 1, mounted: 1, sent: 2, sentBytes: 107 });
  });

  it('puts a blob once that several objects name', async () => {
    const { log, source, sink } = ends();
    const empty = descriptor('empty', 2);
    await copyGraph(source, sink, [node('a', empty, empty), node('b', empty), node('c', empty)]);
    assert.equal(log.filter((line) => line === 'put empty: empty').length, 1);
  });

  it('of nothing does nothing', async () => {
    const { log, source, sink } = ends();
    assert.deepEqual(await copyGraph(source, sink, []), { there: 0, mounted: 0, sent: 0, sentBytes: 0 });
    assert.deepEqual(log, []);
  });

  it('puts no manifest once a blob failed, and throws what the sink threw', async () => {
    const { log, source, sink } = ends();
    const full = new Error('full');
    const failing: GraphSink = {
      ...sink,
      putBlob: (blob, open) => (blob.digest === 'layer' ? Promise.reject(full) : sink.putBlob(blob, open)),
    };
    const copied = copyGraph(source, failing, [
      node('program', descriptor('config'), descriptor('layer')),
      node('run', descriptor('record')),
    ]);
    await assert.rejects(copied, full);
    assert.deepEqual(
      log.filter((line) => /^put (program|run)/.test(line)),
      [],
    );
  });

  it('opens a blob anew from where the sink says', async () => {
    const { log, source, sink } = ends();
    const resuming: GraphSink = {
      ...sink,
      async putBlob(_blob, open) {
        for await (const _ of await open(0)) break;
        log.push(`went on with ${await textOf(await open(3))}`);
        return 'uploaded';
      },
    };
    await copyGraph(source, resuming, [node('program', descriptor('layer'))]);
    assert.deepEqual(log.slice(1, 4), ['read layer', 'read layer from 3', 'went on with er']);
  });
});

describe('work in parallel', () => {
  it('has a few things under way at once, and never more', async () => {
    for (const [things, atOnce, wanted] of [
      [12, undefined, 4],
      [12, 1, 1],
      [2, 4, 2],
    ] as const) {
      let [underWay, most, done] = [0, 0, 0];
      const work = async () => {
        most = Math.max(most, ++underWay);
        await soon();
        underWay--;
        done++;
      };
      await inParallel(Array.from({ length: things }), work, ...(atOnce === undefined ? [] : [atOnce]));
      assert.deepEqual([most, done], [wanted, things]);
    }
  });

  it('begins nothing after the first failure, and throws it once all that had begun is over', async () => {
    const events: string[] = [];
    const held = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const failed = inParallel(
      ['a', 'b', 'c', 'd'],
      async (thing) => {
        events.push(`begin ${thing}`);
        if (thing === 'b') throw new Error('of b');
        begun.resolve();
        await held.promise;
        events.push(`end ${thing}`);
        throw new Error(`of ${thing}`);
      },
      2,
    );
    const settled = assert.rejects(failed, /of b/).then(() => events.push('thrown'));
    await begun.promise;
    await soon();
    assert.deepEqual(events, ['begin a', 'begin b']);
    held.resolve();
    await settled;
    assert.deepEqual(events, ['begin a', 'begin b', 'end a', 'thrown']);
  });

  it('throws what is no error too', async () => {
    await assert.rejects(
      inParallel([1], () => Promise.reject(undefined)),
      (error) => error === undefined,
    );
  });
});
