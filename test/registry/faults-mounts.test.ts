import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answers, on } from '../components/faults.ts';
import { assertFaultsUsed, assertStored, bodies, bytesOf, openBench, put } from './fault-bench.ts';

const bytes = bytesOf(10_007);

describe('a mount', () => {
  for (const [what, script, posts] of [
    ['is not heeded (202)', undefined, 1],
    ['is refused (403)', answers(403), 2],
    ['is not known (405)', answers(405), 2],
  ] as const) {
    it(`that ${what} becomes an upload`, async () => {
      await using bench = await openBench({ features: { mount: script !== undefined } });
      bench.server.content.blob('lab/other', bytes);
      if (script) bench.server.script(on('POST', /mount=/, script));
      assert.equal(await put(bench, bytes, { mountFrom: 'lab/other' }), 'uploaded');
      assertStored(bench, bytes);
      assert.equal(bench.server.asked('POST').length, posts);
    });
  }

  it('sends no bytes', async () => {
    await using bench = await openBench();
    bench.server.content.blob('lab/other', bytes);
    assert.equal(await put(bench, bytes, { mountFrom: 'lab/other' }), 'mounted');
    assertStored(bench, bytes);
    assert.equal(bodies(bench.server.log).length, 0);
  });

  it('whose answer is lost is asked for again', async () => {
    await using bench = await openBench();
    bench.server.content.blob('lab/other', bytes);
    bench.server.script(on('POST', /mount=/, { send: 'lost' }));
    assert.equal(await put(bench, bytes, { mountFrom: 'lab/other' }), 'mounted');
    assertStored(bench, bytes);
    assertFaultsUsed(bench.server);
  });
});
