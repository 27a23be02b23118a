import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answers, on } from '../components/faults.ts';
import {
  assertFaultsUsed,
  assertRefused,
  assertStored,
  bodies,
  bytesOf,
  descriptorOf,
  NAME,
  openBench,
  put,
  START_MS,
} from './fault-bench.ts';

const UPLOADS = /\/blobs\/uploads\//;
const bytes = bytesOf(5_003);
const blob = descriptorOf(bytes);
const date = new Date(START_MS + 9_000).toUTCString();

describe('a registry that has too much to do', () => {
  for (const method of ['HEAD', 'POST', 'PATCH', 'PUT']) {
    for (const status of [429, 503]) {
      for (const [said, ms] of [
        ['7', 7_000],
        [date, 9_000],
        ['3600', 60_000],
      ] as const) {
        it(`is asked again with ${method} after the ${ms} ms that its ${status} wants (${said})`, async () => {
          await using bench = await openBench();
          bench.server.script(on(method, /\/blobs\//, answers(status, { 'retry-after': said })));
          await put(bench, bytes);
          assertStored(bench, bytes);
          assert.ok(
            bodies(bench.server.asked('PATCH').filter((asked) => asked.status === 202)).equals(bytes),
          );
          assert.equal(bench.server.asked('POST').filter((asked) => asked.status === 202).length, 1);
          assert.deepEqual(bench.waits, [ms]);
        });
      }
    }
  }

  it('and refuses before it has read what is sent is asked again as well', async () => {
    await using bench = await openBench({ chunkBytes: 2 ** 21 });
    const long = bytesOf(5 * 2 ** 20);
    const early = answers(429, { 'retry-after': '1', connection: 'close' }, '', { early: true });
    bench.server.script(on('PATCH', UPLOADS, early));
    await put(bench, long);
    assertStored(bench, long);
  });

  for (const said of ['soon', '1e9', '']) {
    it(`and says ${JSON.stringify(said)} is asked again after a pause of our own`, async () => {
      await using bench = await openBench();
      bench.server.script(on('HEAD', /./, answers(429, { 'retry-after': said })));
      await put(bench, bytes);
      assert.equal(bench.waits.length, 1);
      assert.ok(bench.waits[0]! >= 0 && bench.waits[0]! <= 60_000);
    });
  }

  it('all the time is left after five tries, and the error says what it answered', async () => {
    await using bench = await openBench();
    bench.server.script(on('HEAD', /./, answers(429, { 'retry-after': '1' }), { times: 1000 }));
    const refused = { code: 'SAME1801', digest: blob.digest, says: /429/ } as const;
    await assertRefused(bench, bench.repository.hasBlob(blob), refused);
    assert.equal(bench.server.log.length, 5);
  });
});

describe('a registry that fails', () => {
  for (const method of ['HEAD', 'POST', 'PATCH', 'PUT']) {
    for (const status of [500, 502, 504]) {
      it(`with ${status} for a moment (${method}) gets everything in the end`, async () => {
        await using bench = await openBench();
        bench.server.script(on(method, /\/blobs\//, answers(status), { times: 2 }));
        await put(bench, bytes);
        assertStored(bench, bytes);
        assert.equal(bench.waits.length, 2);
      });
    }
  }

  it('four times is waited for longer each time', async () => {
    await using bench = await openBench();
    bench.server.content.manifest(NAME, {}, { tag: '1.0' });
    bench.server.script(on('GET', /tags/, answers(500), { times: 4 }));
    assert.deepEqual(await bench.repository.tags(), ['1.0']);
    assert.equal(bench.waits.length, 4);
    assert.deepEqual(
      bench.waits,
      bench.waits.toSorted((a, b) => a - b),
    );
    assertFaultsUsed(bench.server);
  });

  for (const method of ['HEAD', 'POST', 'PATCH', 'PUT']) {
    it(`all the time (${method}) is left, with its own words`, async () => {
      await using bench = await openBench();
      const words = '{"errors":[{"code":"UNKNOWN","message":"disk is full"}]}';
      bench.server.script(on(method, /\/blobs\//, answers(500, {}, words), { times: 10_000 }));
      const says = method === 'HEAD' ? /500/ : /disk is full/;
      await assertRefused(bench, put(bench, bytes), { code: 'SAME1801', digest: blob.digest, says });
      assert.ok(bench.server.log.length < 60, `${bench.server.log.length} requests`);
      assert.equal(bench.server.content.repository(NAME).blobs.size, 0);
    });
  }

  it('to be there is told with what to do', async () => {
    const bench = await openBench();
    await bench[Symbol.asyncDispose]();
    await assertRefused(bench, bench.repository.hasBlob(blob), { code: 'SAME1801' });
  });

  it('is left at once when the user interrupts', async () => {
    const controller = new AbortController();
    await using bench = await openBench({ signal: controller.signal, onWait: () => controller.abort() });
    bench.server.script(on('HEAD', /./, answers(429, { 'retry-after': '50' }), { times: 1000 }));
    await assert.rejects(bench.repository.hasBlob(blob), { code: 'SAME1903' });
    assert.equal(bench.server.log.length, 1);
  });
});
