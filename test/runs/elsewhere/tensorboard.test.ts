import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readEventRecords, readMessage, shortest } from '../../../src/runs/elsewhere/event-file.ts';
import { readTensorBoard } from '../../../src/runs/elsewhere/tensorboard.ts';
import { eventFile, framedRecord } from '../../components/event-files.ts';

function read(files: Record<string, Buffer>) {
  return readTensorBoard(
    {
      read: (path) => ({ bytes: files[path.replace('logs/', '')]! }),
      kind: () => 'directory',
      names: () => [],
      entries: () => Object.keys(files).map((path) => ({ path, kind: 'file' as const })),
    },
    'logs',
    'logs',
  );
}

describe('the reader of event files', () => {
  it('tells scalars, also as tensors, and hyper-parameters, of files that the real writers wrote', () => {
    const { runs, problems } = read({
      'one/events.out.tfevents.1.host': eventFile('scalars'),
      'two/hp/events.out.tfevents.1.host': eventFile('hyperParameters'),
      'events.out.tfevents.1.host.1.0': eventFile('tensors'),
      'one/notes.txt': Buffer.from('no event file'),
    });
    assert.deepEqual(problems, []);
    assert.deepEqual(
      runs.map(({ id, status }) => [id, status]),
      [
        ['.', 'succeeded'],
        ['one', 'succeeded'],
        ['two/hp', 'succeeded'],
      ],
    );
    const [tensors, scalars, study] = runs;
    assert.deepEqual(
      tensors!.points.map(({ name, step, value }) => [name, step, value]),
      [
        ['acc', 0, 0.5],
        ['acc', 1, 0.6],
        ['acc', 2, 0.7],
      ],
    );
    assert.deepEqual(
      scalars!.points.map(({ step, value, atMs }) => [step, value, atMs]),
      [1, 0.5, 0.33333334, 0.25, 0.2].map((value, step) => [step, value, 1700000000250 + 1000 * step]),
    );
    assert.equal(scalars!.startedMs, 1700000000250);
    assert.match(scalars!.warnings.join(), /does not say how the run ended/);
    assert.deepEqual(study!.parameters, { lr: 0.1, bsize: 32, opt: 'adam', flag: true });
    assert.deepEqual(
      study!.points.map(({ name, value }) => [name, value]),
      [['hparam/accuracy', 0.9]],
    );
    assert.deepEqual(study!.warnings, []);
  });

  it('names file and byte of what is damaged, wherever it is, and forgives an end within a record', () => {
    const whole = eventFile('scalars');
    const { records } = readEventRecords(whole);
    const starts = new Set([0, ...records.map(({ offset }) => offset), whole.length]);
    for (let length = 0; length < whole.length; length += 7) {
      const { runs, problems } = read({ 'a.tfevents.b': whole.subarray(0, length) });
      if (length > 0 && length < records[1]!.offset) assert.equal(problems.length, 1, String(length));
      for (const run of runs) {
        const isTorn = !starts.has(length);
        assert.equal(
          run.warnings.some((text) => text.includes('ends within a record')),
          isTorn,
          String(length),
        );
      }
    }
    for (const at of [...whole.keys()].filter((key) => key % 5 === 0)) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 0x20;
      const { problems } = read({ 'a.tfevents.b': damaged });
      assert.equal(problems.length, 1, `byte ${at}`);
      assert.match(problems[0]!.place ?? '', /^logs\/a\.tfevents\.b:byte [0-9]+$/);
    }
  });

  it('takes bytes that are no event for a problem, whatever their check sums', () => {
    const bad = [Buffer.from([0xff]), Buffer.from([0x0a, 0x7f]), Buffer.from([0x03]), Buffer.from('text')];
    for (const bytes of bad) {
      const { problems } = read({ 'a.tfevents.b': framedRecord(bytes) });
      assert.equal(problems.length, 1, bytes.toString('hex'));
    }
    assert.equal(readMessage(Buffer.from([0x08])), undefined);
    assert.match(read({}).problems[0]!.message, /no event file/);
  });

  it('tells a single-precision number as it was logged', () => {
    for (const value of [0.1, 0.9, 1e-5, 123.456, 3, 1e20]) assert.equal(shortest(Math.fround(value)), value);
  });
});
