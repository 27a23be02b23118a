import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { RunPlace } from '../../src/engines/engine.ts';
import type { Ports } from '../../src/operations/ports.ts';
import { firstOf, placeBefore } from '../../src/operations/resume-run.ts';
import { openDiskRunStore } from '../../src/runs/disk-run-store.ts';
import { monthOf, newRunId } from '../../src/runs/run-id.ts';
import type { RunRecord } from '../../src/runs/run-record.ts';
import { begun } from '../runs/record.ts';

const root = mkdtempSync(join(tmpdir(), 'same-resumed-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** A home with runs that go on with each other, the oldest first, each of which has noted a place or has not. */
function chain(places: (RunPlace | 'nowhere' | undefined)[]) {
  const directory = mkdtempSync(join(root, 'home-'));
  const runs = openDiskRunStore(directory);
  const records: RunRecord[] = [];
  for (const place of places) {
    const before = records.at(-1);
    const record = begun({ id: newRunId(), ...(before ? { resumes: before.id } : {}) });
    const journal = runs.begin(record);
    if (place !== undefined) journal.notePlace(place);
    journal.finish({ ...record, status: 'failed' });
    records.push(record);
  }
  const fileOf = ({ id }: RunRecord) => {
    const { year, month } = monthOf(id);
    return join(directory, year, month, id, 'run.json');
  };
  return { ports: { runs } as Ports, records, last: records.at(-1)!, fileOf };
}

describe('runs that go on with each other', () => {
  const [a, b]: RunPlace[] = [
    { volume: 'a', called: 'namespace a of context lab' },
    { called: 'namespace b of context lab' },
  ];

  it('are where the last of them was that was anywhere', () => {
    for (const [places, expected] of [
      [[undefined], undefined],
      [[a], a],
      [[a, undefined, undefined], a],
      [[a, b, undefined], b],
    ] as const) {
      const { ports, last } = chain([...places]);
      assert.deepEqual(placeBefore(ports, last.id), expected, JSON.stringify(places));
    }
  });

  it('are nowhere once everything of them was removed where they were', () => {
    for (const places of [['nowhere'], [a, 'nowhere'], [a, 'nowhere', undefined]] as const) {
      const { ports, last } = chain([...places]);
      assert.equal(placeBefore(ports, last.id), undefined, JSON.stringify(places));
    }
    const { ports, last } = chain([a, 'nowhere', b]);
    assert.deepEqual(placeBefore(ports, last.id), b);
  });

  it('are known as far as they are there, and their records can be read', () => {
    const { ports, records, last, fileOf } = chain([a, undefined, undefined]);
    assert.equal(firstOf(ports, last), records[0]!.id);
    writeFileSync(fileOf(last), '{}');
    assert.equal(placeBefore(ports, last.id), undefined);
    ports.runs.remove(records[0]!.id);
    assert.equal(firstOf(ports, records[1]!), records[0]!.id);
    assert.equal(placeBefore(ports, records[1]!.id), undefined);
  });
});
