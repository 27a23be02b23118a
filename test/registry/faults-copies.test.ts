import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cutAnswer, cutRequest, on, otherBytes } from '../components/faults.ts';
import {
  assertRefused,
  assertStored,
  type Bench,
  bodies,
  bytesOf,
  descriptorOf,
  NAME,
  openBench,
} from './fault-bench.ts';

const BLOBS = /\/blobs\/sha256:/;
const UPLOADS = /\/blobs\/uploads\//;
const bytes = bytesOf(700_001);
const blob = descriptorOf(bytes);
const chunkBytes = 100_000;

function copy(source: Bench, destination: Bench): Promise<string> {
  return destination.repository.putBlob(blob, (startBytes) => source.repository.stream(blob, startBytes));
}

describe('a blob that goes from one registry to another', () => {
  for (let tenth = 0; tenth < 10; tenth++) {
    it(`arrives when both connections are cut at ${tenth}0 %`, async () => {
      await using source = await openBench();
      await using destination = await openBench({ chunkBytes });
      source.server.content.blob(NAME, bytes);
      const at = Math.floor((bytes.length * tenth) / 10) + 37;
      source.server.script(on('GET', BLOBS, cutAnswer(at)));
      const skip = Math.floor(at / chunkBytes);
      destination.server.script(on('PATCH', UPLOADS, cutRequest(at - skip * chunkBytes), { skip }));
      assert.equal(await copy(source, destination), 'uploaded');
      assertStored(destination, bytes);
      assert.ok(bodies(destination.server.asked('PATCH')).equals(bytes), 'no byte was sent twice');
    });
  }

  it('is not there when its bytes at the source are others', async () => {
    for (const pieces of [chunkBytes, 2 ** 20]) {
      await using source = await openBench();
      await using destination = await openBench({ chunkBytes: pieces });
      source.server.content.blob(NAME, bytes);
      source.server.script(on('GET', BLOBS, otherBytes(), { times: 1000 }));
      const refused = { code: 'SAME1301', side: 'reading from', digest: blob.digest } as const;
      await assertRefused(source, copy(source, destination), refused);
      assertStored(destination);
    }
  });

  it('is not there when its bytes at the source are others after a cut at the destination', async () => {
    await using source = await openBench();
    await using destination = await openBench({ chunkBytes });
    source.server.content.blob(NAME, bytes);
    source.server.script(on('GET', BLOBS, otherBytes(), { skip: 1, times: 1000 }));
    destination.server.script(on('PATCH', UPLOADS, cutRequest(50_000), { skip: 2 }));
    await assert.rejects(copy(source, destination), ({ code }: { code: string }) =>
      /^SAME1(301|806)$/.test(code),
    );
    assertStored(destination);
  });

  it('names the source when that is gone, and does not try for long', async () => {
    await using source = await openBench();
    await using destination = await openBench({ chunkBytes });
    source.server.content.blob(NAME, bytes);
    source.server.script(on('GET', BLOBS, cutAnswer(0), { times: 1000 }));
    const refused = { code: 'SAME1801', side: 'reading from', digest: blob.digest } as const;
    await assertRefused(source, copy(source, destination), refused);
    assert.ok(source.server.log.length <= 10, `${source.server.log.length} requests`);
    assertStored(destination);
  });
});
