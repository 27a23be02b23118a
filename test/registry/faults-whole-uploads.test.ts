import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answers, cutRequest, on, refusal, withHeaders } from '../components/faults.ts';
import { assertRefused, assertStored, bytesOf, descriptorOf, NAME, openBench, put } from './fault-bench.ts';

const UPLOADS = /\/blobs\/uploads\//;
const bytes = bytesOf(10_007);
const blob = descriptorOf(bytes);
const tenths = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

describe('an upload in one request', () => {
  for (const tenth of tenths) {
    it(`that is cut after ${tenth}0 % is whole in the end`, async () => {
      await using bench = await openBench({ chunkBytes: 20_000 });
      bench.server.script(on('PUT', UPLOADS, cutRequest(Math.floor((bytes.length * tenth) / 10) + 1)));
      assert.equal(await put(bench, bytes), 'uploaded');
      assertStored(bench, bytes);
    });
  }

  it('is not sent again when only the answer was lost', async () => {
    await using bench = await openBench({ chunkBytes: 20_000 });
    bench.server.script(on('PUT', UPLOADS, { send: 'lost' }));
    await put(bench, bytes);
    assertStored(bench, bytes);
    assert.equal(bench.server.asked('PUT').length, 1);
  });

  for (const locations of ['relative', 'absolute', 'query', 'state', 'elsewhere'] as const) {
    for (const chunkBytes of [1000, 20_000]) {
      it(`or in pieces of ${chunkBytes} bytes follows a ${locations} Location`, async () => {
        await using bench = await openBench({ features: { locations }, chunkBytes });
        await put(bench, bytes);
        assertStored(bench, bytes);
      });
    }
  }

  for (const location of [undefined, 'http://[']) {
    it(`is an error where a Location is ${JSON.stringify(location)}`, async () => {
      await using bench = await openBench();
      bench.server.script(on('POST', UPLOADS, withHeaders({ location })));
      const refused = { code: 'SAME1801', side: 'writing to', digest: blob.digest } as const;
      await assertRefused(bench, put(bench, bytes), refused);
    });
  }

  it('begins again where the state of a cut upload is refused', async () => {
    await using bench = await openBench({ features: { locations: 'state' } });
    bench.server.script(on('PATCH', UPLOADS, cutRequest(400), { skip: 3 }));
    await put(bench, bytes);
    assertStored(bench, bytes);
  });

  it('ends with an error where the registry says that it stored something else', async () => {
    await using bench = await openBench({ chunkBytes: 20_000 });
    const other = descriptorOf(Buffer.from('other')).digest;
    bench.server.script(on('PUT', UPLOADS, withHeaders({ 'docker-content-digest': other })));
    const refused = { code: 'SAME1301', side: 'writing to', digest: blob.digest } as const;
    await assertRefused(bench, put(bench, bytes), { ...refused, says: new RegExp(other) });
  });

  it('is refused with the words of a registry that does not read it to its end', async () => {
    await using bench = await openBench({ chunkBytes: 16 * 2 ** 20 });
    const long = bytesOf(9 * 2 ** 20);
    const words = '{"errors":[{"code":"SIZE_INVALID","message":"at most 5 MB here"}]}';
    bench.server.script(on('PUT', UPLOADS, answers(413, { connection: 'close' }, words, { early: true })));
    const { digest } = descriptorOf(long);
    const refused = { code: 'SAME1806', side: 'writing to', digest, says: /at most 5 MB here/ } as const;
    await assertRefused(bench, put(bench, long), refused);
    assert.equal(bench.server.content.repository(NAME).blobs.size, 0);
  });

  it('is refused by a registry with its own words, without control characters', async () => {
    await using bench = await openBench({ chunkBytes: 20_000 });
    const words = refusal(413, 'SIZE_INVALID', 'at most 5 MB here \u001b[31m');
    bench.server.script(on('PUT', UPLOADS, { instead: () => words }));
    const refused = { code: 'SAME1806', digest: blob.digest, says: /at most 5 MB here/ } as const;
    const { message } = await assertRefused(bench, put(bench, bytes), refused);
    assert.ok(!message.includes('\u001b'));
    assert.equal(bench.server.content.repository(NAME).blobs.size, 0);
  });
});
