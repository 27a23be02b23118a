import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answers, cutRequest, forgetUploads, type Misdeed, on, withHeaders } from '../components/faults.ts';
import {
  assertRefused,
  assertStored,
  bodies,
  bytesOf,
  descriptorOf,
  NAME,
  openBench,
  opener,
  put,
} from './fault-bench.ts';

const UPLOADS = /\/blobs\/uploads\//;
const bytes = bytesOf(10_007);
const blob = descriptorOf(bytes);
const tenths = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

describe('an upload in pieces', () => {
  for (const tenth of tenths) {
    // Neither at the edge of a piece, nor always at the same place of one.
    const at = Math.floor((bytes.length * (tenth + 0.37)) / 10);
    it(`that is cut after ${at} of ${bytes.length} bytes goes on there, and sends nothing twice`, async () => {
      await using bench = await openBench();
      const piece = Math.floor(at / 1000);
      bench.server.script(on('PATCH', UPLOADS, cutRequest(at - piece * 1000), { skip: piece }));
      assert.equal(await put(bench, bytes), 'uploaded');
      assertStored(bench, bytes);
      assert.ok(bodies(bench.server.asked('PATCH')).equals(bytes));
      assert.equal(bench.server.asked('POST').length, 1, 'one upload, not begun again');
      assert.equal(bench.waits.length, 1);
    });
  }

  it('that is cut again and again is whole in the end', async () => {
    await using bench = await openBench();
    for (const skip of [0, 1, 1, 1, 1, 1, 1])
      bench.server.script(on('PATCH', UPLOADS, cutRequest(400), { skip }));
    await put(bench, bytes);
    assertStored(bench, bytes);
    assert.ok(bodies(bench.server.asked('PATCH')).equals(bytes));
  });

  it('is not taken for empty where one byte of it came', async () => {
    await using bench = await openBench();
    bench.server.script(on('PATCH', UPLOADS, cutRequest(1)));
    await put(bench, bytes);
    assertStored(bench, bytes);
  });

  for (const [what, method, skip] of [
    ['the first piece', 'PATCH', 0],
    ['the last piece', 'PATCH', 10],
    ['the question how much came', 'GET', 0],
    ['the end', 'PUT', 0],
    ['the beginning', 'POST', 0],
  ] as const) {
    it(`goes on when the answer to ${what} is lost`, async () => {
      await using bench = await openBench();
      if (method === 'GET') bench.server.script(on('PATCH', UPLOADS, cutRequest(500), { skip: 3 }));
      bench.server.script(on(method, UPLOADS, { send: 'lost' }, { skip }));
      assert.equal(await put(bench, bytes), 'uploaded');
      assertStored(bench, bytes);
      assert.ok(bodies(bench.server.asked('PATCH')).equals(bytes), 'no byte was sent twice');
    });
  }

  for (const [what, method, skip] of [
    ['in the middle', 'PATCH', 5],
    ['at the end', 'PUT', 0],
  ] as const) {
    it(`begins again when the registry forgets it ${what}`, async () => {
      await using bench = await openBench();
      bench.server.script(on(method, UPLOADS, forgetUploads(), { skip }));
      await put(bench, bytes);
      assertStored(bench, bytes);
      assert.equal(bench.server.asked('POST').length, 2);
    });
  }

  it('gives up a registry that forgets every upload, and says what to do', async () => {
    await using bench = await openBench();
    for (const method of ['PATCH', 'PUT']) {
      bench.server.script(on(method, UPLOADS, forgetUploads(), { times: 1000 }));
    }
    const refused = { code: 'SAME1801', side: 'writing to', digest: blob.digest } as const;
    await assertRefused(bench, put(bench, bytes), refused);
    assert.ok(bench.server.asked('POST').length <= 10);
    assert.equal(bench.server.content.repository(NAME).blobs.size, 0);
  });

  for (const status of [400, 404, 405, 501]) {
    it(`becomes one request where pieces are refused with ${status}`, async () => {
      await using bench = await openBench({ features: { refusePatch: status } });
      assert.equal(await put(bench, bytes), 'uploaded');
      assertStored(bench, bytes);
      assert.ok(bench.server.asked('PATCH').length <= 5);
      assert.equal(bench.server.asked('PUT').at(-1)!.body.length, bytes.length);
    });
  }

  it('becomes one request where pieces are refused before they were read', async () => {
    await using bench = await openBench({ chunkBytes: 4 * 2 ** 20 });
    const long = bytesOf(9 * 2 ** 20);
    bench.server.script(
      on('PATCH', UPLOADS, answers(405, { connection: 'close' }, '', { early: true }), { times: 9 }),
    );
    await put(bench, long);
    bench.server.faults.length = 0;
    assertStored(bench, long);
  });

  it('has pieces as long as OCI-Chunk-Min-Length says', async () => {
    await using bench = await openBench({ features: { chunkMinBytes: 3000 } });
    await put(bench, bytes);
    assertStored(bench, bytes);
    const lengths = bench.server.asked('PATCH').map(({ body }) => body.length);
    assert.deepEqual(lengths, [3000, 3000, 3000, 1007]);
  });

  it('goes on where a 416 says that the registry is', async () => {
    await using bench = await openBench();
    const { content } = bench.server;
    bench.server.script(
      on(
        'PATCH',
        UPLOADS,
        {
          // It lost its last bytes, as one that wrote them to a disk which is gone.
          before: () => {
            for (const upload of content.uploads.values()) upload.bytes = upload.bytes.subarray(0, 2500);
          },
        },
        { skip: 4 },
      ),
    );
    await put(bench, bytes);
    assertStored(bench, bytes);
    assert.equal(bench.server.asked('POST').length, 1);
    const after = bench.server.asked('PATCH').filter(({ status }) => status === 202);
    assert.equal(
      after.reduce((sum, { body }) => sum + body.length, 0),
      4000 + bytes.length - 2500,
    );
  });

  it('sends again what a registry did not take of a piece', async () => {
    await using bench = await openBench();
    bench.server.script(
      on(
        'PATCH',
        UPLOADS,
        {
          before: (_, asked) => {
            asked.body = asked.body.subarray(0, 600);
            asked.headers['content-range'] = undefined;
          },
        },
        { skip: 2 },
      ),
    );
    await put(bench, bytes);
    assertStored(bench, bytes);
    assert.ok(bodies(bench.server.asked('PATCH')).equals(bytes));
  });

  it('ends with an error where the registry claims more than it was sent', async () => {
    await using bench = await openBench();
    bench.server.script(on('PATCH', UPLOADS, withHeaders({ range: '0-99999' })));
    const refused = { code: 'SAME1801', side: 'writing to', digest: blob.digest } as const;
    await assertRefused(bench, put(bench, bytes), refused);
    assert.equal(bench.server.content.repository(NAME).blobs.size, 0);
  });

  it('does not mind that an answer is cut that says nothing more', async () => {
    await using bench = await openBench();
    const cut: Misdeed = {
      change: (answer) => ({ ...answer, body: bytesOf(5000) }),
      send: { cutAfterBytes: 10 },
    };
    for (const method of ['POST', 'PATCH', 'PUT']) bench.server.script(on(method, UPLOADS, cut));
    await put(bench, bytes);
    assertStored(bench, bytes);
  });

  it('is read once from the start when nothing is cut', async () => {
    await using bench = await openBench();
    const source = opener(bytes);
    await bench.repository.putBlob(blob, source.open);
    assert.deepEqual(source.starts, [0]);
  });
});
