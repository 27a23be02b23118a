import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { deleteRun } from '../../src/operations/delete.ts';
import type { Ports } from '../../src/operations/ports.ts';
import { resumedRun } from '../../src/operations/resume-run.ts';
import { showRun } from '../../src/operations/show-run.ts';
import { openDiskRunStore } from '../../src/runs/disk-run-store.ts';
import { openScannedIndex } from '../../src/runs/index/scanned-index.ts';
import { monthOf, newRunId } from '../../src/runs/run-id.ts';
import { rowOf } from '../../src/runs/run-row.ts';
import { begun } from '../runs/record.ts';

const root = mkdtempSync(join(tmpdir(), 'same-named-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** A store of runs that failed, one of them damaged, which a look at every record would tell of. */
function rigOf(displays: readonly string[]) {
  const directory = mkdtempSync(join(root, 'runs-'));
  const told: string[] = [];
  const runs = openDiskRunStore(directory, ({ message }) => told.push(message));
  const records = displays.map((display) => {
    const record = begun();
    const final = { ...record, status: 'failed' as const, finishedAt: record.startedAt, display };
    runs.begin(record).finish(final);
    return final;
  });
  const damaged = newRunId();
  const { year, month } = monthOf(damaged);
  mkdirSync(join(directory, year, month, damaged), { recursive: true });
  writeFileSync(join(directory, year, month, damaged, 'run.json'), '{');
  const ports = {
    runs,
    openRunIndex: async () => openScannedIndex(() => records.map((record) => rowOf({ record, own: true }))),
  } as unknown as Ports;
  return { ports, records, damaged, told };
}

describe('a run that a text names', () => {
  it('is looked for without reading every record, also where there is none or it is damaged', async () => {
    const { ports, damaged, told } = rigOf(['ab_cd:1']);
    await assert.rejects(showRun(ports, 'nope'), { code: 'SAME1608' });
    await assert.rejects(showRun(ports, damaged.slice(-12)), { code: 'SAME1612' });
    for (const text of ['nope', 'ffffffffffff'])
      await assert.rejects(resumedRun(ports, text), { code: 'SAME1608', message: /there is no run/ });
    assert.deepEqual(told, []);
  });

  it('is gone on with by its id, a part of that, or what it is displayed as', async () => {
    const { ports, records, told } = rigOf(['ab_cd:1', 'ab_cd:2', 'ab_cd:2']);
    const [{ id, display }, { display: shared }] = records as [(typeof records)[0], (typeof records)[0]];
    for (const text of [id, id.slice(-12), display])
      assert.equal((await resumedRun(ports, text)).record.id, id, text);
    await assert.rejects(resumedRun(ports, shared), { code: 'SAME1608', message: /names 2 runs/ });
    await assert.rejects(deleteRun(ports, shared), { code: 'SAME1608', message: /names 2 runs/ });
    assert.deepEqual(told, []);
  });
});
