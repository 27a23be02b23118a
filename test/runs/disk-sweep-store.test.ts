import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { SameError } from '../../src/errors/same-error.ts';
import { openDiskSweepStore } from '../../src/runs/disk-sweep-store.ts';
import { newRunId } from '../../src/runs/run-id.ts';
import type { TrialRecord } from '../../src/sweeps/sweep.ts';
import { sweepRecord } from './sweep-record.ts';

function open() {
  const directory = mkdtempSync(join(tmpdir(), 'same-sweeps-'));
  const id = newRunId();
  const at = new Date().toISOString();
  const path = join(directory, at.slice(0, 4), at.slice(5, 7), id);
  const record = sweepRecord(id, at);
  return {
    store: openDiskSweepStore(directory),
    record,
    id,
    path,
    /** Makes it as if the process that wrote it were gone: its boot is over. */
    die() {
      const file = join(path, 'owner.1.json');
      const owner = JSON.parse(readFileSync(file, 'utf8'));
      writeFileSync(file, JSON.stringify({ ...owner, boot: 'another boot' }));
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

const trial = (number: number, status: TrialRecord['status']): TrialRecord => ({
  number,
  values: { seed: number },
  status,
  run: newRunId(),
});

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof SameError, String(error));
    return error.code;
  }
  return 'nothing was refused';
}

describe('a sweep in files', () => {
  it('is running while its process lives, and what its journal says so far', () => {
    using home = open();
    const journal = home.store.begin(home.record);
    const first = trial(0, 'running');
    journal.started(first);
    const ended: TrialRecord = { ...first, status: 'succeeded' };
    journal.ended(ended);
    journal.started(trial(1, 'running'));
    const { record } = home.store.get('latest');
    assert.equal(record.status, 'running');
    assert.deepEqual(record.results[0], ended);
    assert.equal(record.results[1]!.status, 'running');
    assert.equal(
      refusal(() => home.store.resume(home.id)),
      'SAME1622',
    );
  });

  it('is interrupted once its process is gone, and gone on with in another journal', () => {
    using home = open();
    const journal = home.store.begin(home.record);
    journal.ended(trial(0, 'succeeded'));
    journal.started(trial(1, 'running'));
    journal.close();
    home.die();
    const { record } = home.store.get(home.id);
    assert.deepEqual(
      [record.status, record.results.map(({ status }) => status)],
      ['interrupted', ['succeeded', 'interrupted']],
    );
    const resumed = home.store.resume(home.id);
    assert.deepEqual(resumed.record.results, record.results);
    assert.equal(
      refusal(() => home.store.resume(home.id)),
      'SAME1622',
    );
    resumed.journal.ended({ ...record.results[1]!, status: 'failed' });
    assert.equal(home.store.get(home.id).record.results[1]!.status, 'failed');
    assert.deepEqual(readdirSync(home.path).sort(), [
      'journal.1.jsonl',
      'journal.2.jsonl',
      'owner.1.json',
      'owner.2.json',
    ]);
  });

  it('has one that goes on where a process died before its journal was there', () => {
    using home = open();
    home.store.begin(home.record).close();
    home.die();
    writeFileSync(join(home.path, 'owner.2.json'), readFileSync(join(home.path, 'owner.1.json')));
    home.store.resume(home.id).journal.close();
    assert.ok(readdirSync(home.path).includes('journal.3.jsonl'));
  });

  it('leaves out a last line that is torn, and is damaged by any other', () => {
    using home = open();
    const journal = home.store.begin(home.record);
    journal.ended(trial(0, 'succeeded'));
    journal.close();
    const file = join(home.path, 'journal.1.jsonl');
    appendFileSync(file, '{"event":{"type":"trial-end');
    assert.equal(home.store.get(home.id).record.results.length, 1);
    appendFileSync(file, '\n{}\n');
    assert.equal(
      refusal(() => home.store.get(home.id)),
      'SAME1623',
    );
    const { sweeps, findings } = home.store.survey();
    assert.deepEqual([sweeps, findings.map(({ code }) => code)], [[], ['SAME1623']]);
  });

  it('is nothing where the process died before it had begun', () => {
    using home = open();
    home.store.begin(home.record).close();
    writeFileSync(join(home.path, 'journal.1.jsonl'), '{"event":');
    assert.deepEqual(home.store.survey(), { sweeps: [], findings: [] });
    assert.equal(
      refusal(() => home.store.get(home.id)),
      'SAME1620',
    );
  });

  it('cannot be judged where its process is on another machine', () => {
    using home = open();
    home.store.begin(home.record).close();
    const file = join(home.path, 'owner.1.json');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), host: 'another host' }));
    const { record, elsewhere } = home.store.get(home.id);
    assert.deepEqual([record.status, elsewhere], ['running', true]);
    assert.equal(
      refusal(() => home.store.resume(home.id)),
      'SAME1622',
    );
  });

  it('is its record once that is written', () => {
    using home = open();
    const journal = home.store.begin(home.record);
    journal.finish({ ...home.record, status: 'succeeded', results: [trial(0, 'succeeded')] });
    assert.equal(home.store.get(home.id.slice(-8)).record.status, 'succeeded');
    assert.equal(
      refusal(() => home.store.resume(home.id)),
      'SAME1622',
    );
    assert.equal(
      refusal(() => home.store.get('ffff')),
      'SAME1620',
    );
  });
});
