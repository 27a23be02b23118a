import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { deleteRuns } from '../../src/operations/delete-runs.ts';
import type { Ports } from '../../src/operations/ports.ts';
import { openDiskRunStore } from '../../src/runs/disk-run-store.ts';
import { newRunId } from '../../src/runs/run-id.ts';
import { begun } from '../runs/record.ts';

const root = mkdtempSync(join(tmpdir(), 'same-deleted-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** A home with three runs, of which another command deletes the second when one is about to be deleted. */
function open() {
  const runs = openDiskRunStore(mkdtempSync(join(root, 'home-')));
  const ids = [1, 2, 3].map(() => {
    const record = begun({ id: newRunId() });
    runs.begin(record).finish({ ...record, status: 'failed' });
    return record.id;
  });
  const told: string[] = [];
  const hurried: Ports['runs'] = {
    ...runs,
    remove(id) {
      if (runs.list().length === 3) runs.remove(ids[1]!);
      runs.remove(id);
    },
  };
  const ports = {
    runs: hurried,
    openRunIndex: async () => ({ named: () => ({ rows: [], total: 0 }) }),
    openAnnotations: async () => ({ remove() {} }),
    progress: (line: string) => told.push(line),
  } as unknown as Ports;
  return { ports, ids, told, left: () => runs.list().map(({ record }) => record.id) };
}

describe('runs that another command deletes at the same time', () => {
  it('are told of, and keep none of the others', async () => {
    const { ports, ids, told, left } = open();
    assert.deepEqual(await deleteRuns(ports, ids), [{ id: ids[0] }, { id: ids[2] }]);
    assert.deepEqual(told, [`run ${ids[1]} was deleted by another command`]);
    assert.deepEqual(left(), []);
  });

  it('are not here where one alone was asked for', async () => {
    const { ports, ids, told, left } = open();
    await assert.rejects(deleteRuns(ports, [ids[1]!]), { code: 'SAME1608' });
    assert.deepEqual(told, []);
    assert.deepEqual(left(), [ids[2], ids[0]]);
  });
});
