import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BlobReader } from '../../src/registry/blob-reader.ts';
import { bytesOf } from './fault-bench.ts';

const bytes = bytesOf(1000);

/** A blob that is handed out in pieces of 100 bytes, each once it is let go; and which readings were ended. */
function slowBlob() {
  const gates: (() => void)[] = [];
  const ended: number[] = [];
  const open = async function* (startBytes: number) {
    try {
      for (let at = startBytes; at < bytes.length; at += 100) {
        await new Promise<void>((done) => gates.push(done));
        yield bytes.subarray(at, at + 100);
      }
    } finally {
      ended.push(startBytes);
    }
  };
  const letGo = () => gates.splice(0).forEach((done) => void done());
  return { open, ended, letGo, waiting: () => gates.length };
}

async function all(chunks: AsyncIterable<Uint8Array>, letGo: () => void): Promise<Buffer> {
  const timer = setInterval(letGo, 1);
  try {
    const read: Uint8Array[] = [];
    for await (const chunk of chunks) read.push(chunk);
    return Buffer.concat(read);
  } finally {
    clearInterval(timer);
  }
}

describe('a blob that is read in stretches', () => {
  it('is read once where they follow each other', async () => {
    let opened = 0;
    const reader = new BlobReader(async function* () {
      opened++;
      yield bytes;
    }, bytes.length);
    const first = await all(reader.take(0, 333), () => {});
    const second = await all(reader.take(333, 667), () => {});
    assert.ok(Buffer.concat([first, second]).equals(bytes));
    assert.equal(opened, 1);
  });

  it('is whole though a stretch before, of a request that failed, still waits for its bytes', async () => {
    const { open, ended, letGo, waiting } = slowBlob();
    const reader = new BlobReader(open, bytes.length);
    const failed = reader.take(0, 500);
    const late = failed.next();
    while (waiting() === 0) await new Promise(setImmediate);
    const again = reader.take(0, 1000)[Symbol.asyncIterator]();
    const first = again.next();
    while (waiting() < 2) await new Promise(setImmediate);
    letGo();
    assert.equal((await late).value?.length, 100);
    await failed.return();
    assert.deepEqual(ended, [0], 'the reading that nobody wants, and no other');
    const rest = await all({ [Symbol.asyncIterator]: () => again }, letGo);
    assert.ok(Buffer.concat([(await first).value as Uint8Array, rest]).equals(bytes));
    reader.throwIfFailed();
  });

  it('is not said to have failed by a reading that was left', async () => {
    const failures: ((error: Error) => void)[] = [];
    let opened = 0;
    const reader = new BlobReader(async function* () {
      if (opened++ === 0) await new Promise((_, fail) => failures.push(fail));
      yield bytes;
    }, bytes.length);
    const late = reader.take(0, 500).next();
    while (failures.length === 0) await new Promise(setImmediate);
    const whole = await all(reader.take(0, 1000), () => {});
    failures[0]!(new Error('too late'));
    await assert.rejects(late, /too late/);
    assert.ok(whole.equals(bytes));
    reader.throwIfFailed();
  });

  it('says of its own failure that it is one', async () => {
    const reader = new BlobReader(async function* () {
      yield bytes.subarray(0, 10);
      throw new Error('damaged');
    }, bytes.length);
    await assert.rejects(
      all(reader.take(0, 1000), () => {}),
      /damaged/,
    );
    assert.throws(() => reader.throwIfFailed(), /damaged/);
  });
});
