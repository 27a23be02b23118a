import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { frame, JournalWriter, readJournal } from '../../src/runs/journal.ts';
import { withSmallFiles } from '../components/small-disk.ts';

const root = mkdtempSync(join(tmpdir(), 'same-journal-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const fresh = () => join(root, `${++count}.jsonl`);
const written = (bytes: string | Buffer) => {
  const path = fresh();
  writeFileSync(path, bytes);
  return path;
};

describe('a line of the journal', () => {
  it('holds the event and the CRC-32 of its bytes in eight digits', () => {
    // The check value of the CRC of ISO 3309 and gzip.
    assert.equal(crc32('123456789'), 0xcbf43926);
    assert.equal(frame({ type: 'a', at: 1 }), '{"event":{"type":"a","at":1},"crc":"d8e1546f"}\n');
    const short = Array.from({ length: 5000 }, (_, n) => frame({ n })).filter((line) =>
      line.includes('"crc":"0'),
    );
    assert.ok(short.length > 0);
    for (const line of short) assert.match(line, /"crc":"[0-9a-f]{8}"\}\n$/);
  });

  it('is itself JSON and one line, whatever the event holds', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const line = frame({ value });
        assert.equal(line.indexOf('\n'), line.length - 1);
        assert.deepEqual(JSON.parse(line).event, JSON.parse(JSON.stringify({ value })));
      }),
    );
  });
});

describe('a journal', () => {
  it('gives back the events in order, whatever they hold', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 8 }), (values) => {
        const path = fresh();
        const journal = new JournalWriter(path);
        for (const [i, value] of values.entries()) journal.append([{ value }], i % 3 === 0);
        journal.close();
        assert.deepEqual(readJournal(path), {
          events: JSON.parse(JSON.stringify(values.map((value) => ({ value })))),
        });
      }),
      { numRuns: 50 },
    );
  });

  it('has one writer: a second cannot open it', () => {
    const path = fresh();
    const journal = new JournalWriter(path);
    journal.append([{ n: 1 }], false);
    assert.throws(() => new JournalWriter(path), { code: 'EEXIST' });
    journal.close();
    assert.equal(readFileSync(path, 'utf8'), frame({ n: 1 }));
  });

  it('that cannot be written whole says so', () => {
    const module = `
      const { JournalWriter } = await import(${JSON.stringify(import.meta.resolve('../../src/runs/journal.ts'))});
      new JournalWriter(process.argv[1]).append(['x'.repeat(20_000)], false);`;
    const { status, stderr } = withSmallFiles(module, fresh());
    assert.notEqual(status, 0);
    assert.match(stderr, /EFBIG/);
  });

  it('that is not there or empty has no events', () => {
    assert.deepEqual(readJournal(join(root, 'absent')), { events: [] });
    assert.deepEqual(readJournal(written('')), { events: [] });
  });

  it('torn anywhere in its last line gives all events before it and no damage', () => {
    const whole = frame({ n: 1 }) + frame({ n: 2 });
    const last = frame({ n: 3, text: 'é"}' });
    const bytes = Buffer.from(last);
    for (let length = 0; length < bytes.length - 1; length++) {
      const path = written(Buffer.concat([Buffer.from(whole), bytes.subarray(0, length)]));
      assert.deepEqual(readJournal(path), { events: [{ n: 1 }, { n: 2 }] }, `torn after ${length} bytes`);
    }
    assert.equal(readJournal(written(whole + last)).events.length, 3);
  });

  it('whose last line has a wrong CRC or zeros ends before it', () => {
    const whole = frame({ n: 1 });
    for (const last of ['{"event":{"n":2},"crc":"00000000"}\n', '\0'.repeat(512), `${'\0'.repeat(20)}\n`]) {
      assert.deepEqual(readJournal(written(whole + last)), { events: [{ n: 1 }] }, JSON.stringify(last));
    }
  });

  it('damaged in any byte before its last line says at which line, and never gives a changed event', () => {
    const lines = [frame({ n: 1, t: 'abc' }), frame({ n: 2, t: 'def' }), frame({ n: 3 })];
    const bytes = Buffer.from(lines.join(''));
    const firstTwo = lines[0]!.length + lines[1]!.length;
    // Without the line feed before it, the last line is longer and torn.
    for (let at = 0; at < firstTwo - 1; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at] = damaged[at]! ^ 0x01;
      const { events, damaged: line } = readJournal(written(damaged));
      const expected = at < lines[0]!.length ? 1 : 2;
      assert.equal(line, expected, `byte ${at}`);
      assert.deepEqual(events, [{ n: 1, t: 'abc' }].slice(0, expected - 1), `byte ${at}`);
    }
  });

  it('with a line cut out of its middle or a foreign line is damaged', () => {
    const [a, b, c] = [frame({ n: 1 }), frame({ n: 2 }), frame({ n: 3 })];
    assert.equal(readJournal(written(a + b.slice(0, 10) + b + c)).damaged, 2);
    assert.equal(readJournal(written(`${a}hello\n${c}`)).damaged, 2);
    assert.equal(readJournal(written(`${a}${b.replace('"event":', '"event": ')}${c}`)).damaged, 2);
  });
});
