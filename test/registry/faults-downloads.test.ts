import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  answers,
  cutAnswer,
  gzipped,
  type Misdeed,
  on,
  otherBytes,
  overlong,
  truncated,
  withHeaders,
} from '../components/faults.ts';
import {
  assertFaultsUsed,
  assertRefused,
  bytesOf,
  descriptorOf,
  fetchInto,
  NAME,
  openBench,
  openWithBlob,
  read,
} from './fault-bench.ts';

const BLOBS = /\/blobs\/sha256:/;
const bytes = bytesOf(200_003);
const blob = descriptorOf(bytes);
const tenths = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

describe('a download', () => {
  for (const tenth of tenths) {
    const at = Math.floor((bytes.length * tenth) / 10);
    it(`that is cut after ${tenth}0 % goes on at that byte`, async () => {
      await using bench = await openWithBlob(bytes);
      bench.server.script(on('GET', BLOBS, cutAnswer(at)));
      assert.ok((await read(bench, blob)).equals(bytes));
      const asked = bench.server.asked('GET', BLOBS);
      assert.deepEqual(
        asked.map(({ headers, sentBytes }) => [headers.range, sentBytes]),
        [
          [undefined, at],
          [at === 0 ? undefined : `bytes=${at}-${bytes.length - 1}`, bytes.length - at],
        ],
      );
      assertFaultsUsed(bench.server);
    });
  }

  it('that is cut ten times is whole, and no byte came twice', async () => {
    await using bench = await openBench();
    const long = bytesOf(1_000_003);
    bench.server.content.blob(NAME, long);
    for (const _ of tenths) bench.server.script(on('GET', BLOBS, cutAnswer(Math.floor(long.length / 11))));
    assert.ok((await read(bench, descriptorOf(long))).equals(long));
    const sent = bench.server.asked('GET', BLOBS).reduce((sum, { sentBytes }) => sum + sentBytes, 0);
    assert.equal(sent, long.length);
  });

  for (const [what, misdeed] of [
    ['is cut without having said how long it is', { ...truncated(0, 'unsaid'), ...cutAnswer(100_000) }],
    ['ends early without having said how long it is', truncated(100_003, 'unsaid')],
  ] as const) {
    it(`that ${what} goes on, and is whole`, async () => {
      await using bench = await openWithBlob(bytes);
      bench.server.script(on('GET', BLOBS, misdeed));
      assert.ok((await read(bench, blob)).equals(bytes));
      assert.match(bench.server.asked('GET', BLOBS).at(-1)!.headers.range!, /^bytes=100000-/);
    });
  }

  it('that begins in the middle is asked for from there, also after a cut', async () => {
    await using bench = await openWithBlob(bytes);
    bench.server.script(on('GET', BLOBS, cutAnswer(50_000)));
    assert.ok((await read(bench, blob, 100_000)).equals(bytes.subarray(100_000)));
    const ranges = bench.server.asked('GET', BLOBS).map(({ headers }) => headers.range);
    assert.deepEqual(
      ranges,
      [100_000, 150_000].map((at) => `bytes=${at}-${bytes.length - 1}`),
    );
  });

  it('from a registry that heeds no Range is whole after a cut', async () => {
    await using bench = await openWithBlob(bytes, { features: { ranges: false } });
    bench.server.script(on('GET', BLOBS, cutAnswer(123_456)));
    assert.ok((await read(bench, blob)).equals(bytes));
    assert.ok((await read(bench, blob, 77)).equals(bytes.subarray(77)));
  });

  it('that is cut again and again at the same byte ends with an error', async () => {
    await using bench = await openWithBlob(bytes);
    bench.server.script(on('GET', BLOBS, cutAnswer(0), { times: 1000 }));
    const { store, done } = fetchInto(bench, blob);
    await assertRefused(bench, done, { code: 'SAME1801', side: 'reading from', digest: blob.digest });
    assert.equal(await store.has(blob.digest), false);
    assert.ok(bench.server.asked('GET').length < 20);
  });

  const wrong: [string, Misdeed][] = [
    ['other bytes', otherBytes()],
    ['too few bytes, as many as it says', truncated(3, 'sent')],
    ['too few bytes, without saying how many', truncated(3, 'unsaid')],
    ['too many bytes', overlong(3)],
    [
      'too many bytes, without saying how many',
      {
        change: (answer, asked) => ({
          ...overlong(3).change!(answer, asked),
          headers: { 'content-length': undefined },
        }),
      },
    ],
    ['nothing', { change: () => ({ status: 200, body: Buffer.alloc(0) }) }],
    ['a page of a login', answers(200, { 'content-type': 'text/html' }, '<html>Please log in</html>')],
  ];
  for (const [what, misdeed] of wrong) {
    it(`that brings ${what} is an error, and is not stored`, async () => {
      await using bench = await openWithBlob(bytes);
      bench.server.script(on('GET', BLOBS, misdeed, { times: 1000 }));
      const { store, done } = fetchInto(bench, blob);
      await assertRefused(bench, done, { code: 'SAME1301', side: 'reading from', digest: blob.digest });
      assert.equal(await store.has(blob.digest), false);
    });
  }

  it('that ends before the length that was said goes on, and is whole', async () => {
    await using bench = await openWithBlob(bytes);
    bench.server.script(on('GET', BLOBS, truncated(3, 'whole')));
    const { store, done } = fetchInto(bench, blob);
    await done;
    assert.ok((await store.read(blob.digest, blob.size)).equals(bytes));
    assert.equal(bench.server.asked('GET', BLOBS).at(-1)!.sentBytes, 3);
  });

  it('whose rest is of other bytes than its beginning is not stored', async () => {
    await using bench = await openWithBlob(bytes);
    bench.server.script(on('GET', BLOBS, cutAnswer(100_000)), on('GET', BLOBS, otherBytes()));
    const { store, done } = fetchInto(bench, blob);
    await assertRefused(bench, done, { code: 'SAME1301', side: 'reading from', digest: blob.digest });
    assert.equal(await store.has(blob.digest), false);
  });

  it('is refused where the registry answers another range than was asked for', async () => {
    await using bench = await openWithBlob(bytes);
    const said = withHeaders({ 'content-range': `bytes 0-${bytes.length - 1}/${bytes.length}` });
    bench.server.script(on('GET', BLOBS, cutAnswer(100_000)), on('GET', BLOBS, said, { times: 1000 }));
    const { store, done } = fetchInto(bench, blob);
    await assertRefused(bench, done, { code: 'SAME1801', side: 'reading from', digest: blob.digest });
    assert.equal(await store.has(blob.digest), false);
  });

  it('of a blob that the registry has less of (416) is an error', async () => {
    await using bench = await openWithBlob(bytes);
    bench.server.script(
      on('GET', BLOBS, cutAnswer(100_000)),
      on('GET', BLOBS, answers(416), { times: 1000 }),
    );
    const { store, done } = fetchInto(bench, blob);
    await assertRefused(bench, done, { code: 'SAME1301', side: 'reading from', digest: blob.digest });
    assert.equal(await store.has(blob.digest), false);
  });

  it('with headers that are too long is an error', async () => {
    await using bench = await openWithBlob(bytes);
    bench.server.script(on('GET', BLOBS, withHeaders({ 'x-long': 'x'.repeat(100_000) }), { times: 1000 }));
    const { done } = fetchInto(bench, blob);
    await assertRefused(bench, done, { code: 'SAME1801', side: 'reading from', digest: blob.digest });
  });

  it('of a blob that vanishes in the middle says so', async () => {
    await using bench = await openWithBlob(bytes);
    bench.server.script(on('GET', BLOBS, cutAnswer(100_000)), on('GET', BLOBS, answers(404)));
    const { done } = fetchInto(bench, blob);
    await assertRefused(bench, done, { code: 'SAME1305', side: 'reading from', digest: blob.digest });
  });

  it('that comes compressed, unasked, is refused', async () => {
    await using bench = await openWithBlob(bytes);
    bench.server.script(on('GET', BLOBS, gzipped(), { times: 1000 }));
    const { store, done } = fetchInto(bench, blob);
    await assertRefused(bench, done, { code: 'SAME1801', digest: blob.digest });
    assert.equal(await store.has(blob.digest), false);
    assert.ok(bench.server.log.every(({ headers }) => headers['accept-encoding'] === 'identity'));
  });

  it('that nobody reads on ends its connection', async () => {
    await using bench = await openWithBlob(bytes);
    for await (const chunk of bench.repository.stream(blob)) {
      assert.ok(chunk.length > 0);
      break;
    }
    assert.equal(bench.server.asked('GET', BLOBS).length, 1);
  });
});
