import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { openDiskAnnotations } from '../../../src/runs/annotations.ts';
import { openDiskRunStore } from '../../../src/runs/disk-run-store.ts';
import { openRunIndex } from '../../../src/runs/index/run-index.ts';
import { RunFiles } from '../../../src/runs/run-files.ts';
import { monthOf } from '../../../src/runs/run-id.ts';
import type { RunRecord } from '../../../src/runs/run-record.ts';
import { rowOf } from '../../../src/runs/run-row.ts';
import { begun } from '../record.ts';

const root = mkdtempSync(join(tmpdir(), 'same-index-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

/** A home of runs, own ones as files and those of others as they are read. */
export function openHome() {
  const home = join(root, String(++count));
  const others = new Map<string, RunRecord[]>();
  const annotations = openDiskAnnotations(join(home, 'runs/annotations'));
  const damaged: string[] = [];
  const store = openDiskRunStore(join(home, 'runs'));
  const options = {
    path: join(home, 'index.sqlite'),
    waitMs: 50,
    files: new RunFiles(join(home, 'runs')),
    annotations: { directory: join(home, 'runs/annotations'), of: (id: string) => annotations.of(id) },
    onDamaged: ({ message }: { message: string }) => damaged.push(message),
    others: {
      directory: join(home, 'referrers'),
      read: async (program: string) => ({ records: others.get(program) ?? [], whole: true }),
    },
    scanOwn: () => store.list().map((run) => rowOf(run, annotations.of(run.record.id).tags)),
    scanOthers: async () =>
      [...others.values()]
        .flat()
        .map((record) => rowOf({ record, own: false }, annotations.of(record.id).tags)),
  };
  return {
    home,
    options,
    annotations,
    damaged,
    store,
    open: () => openRunIndex({ ...options, files: new RunFiles(join(home, 'runs')) }),
    /** A final run. */
    add(more: Partial<RunRecord> = {}): RunRecord {
      const record = begun({ status: 'succeeded', finishedAt: '2026-01-31T10:00:00.000Z', ...more });
      const { year, month } = monthOf(record.id);
      mkdirSync(join(home, 'runs', year, month, record.id), { recursive: true });
      writeFileSync(join(home, 'runs', year, month, record.id, 'run.json'), `${JSON.stringify(record)}\n`);
      return record;
    },
    addOther(program: string, record: RunRecord): void {
      mkdirSync(join(home, 'referrers', program), { recursive: true });
      writeFileSync(join(home, 'referrers', program, record.id), '');
      others.set(`sha256:${program}`, [...(others.get(`sha256:${program}`) ?? []), record]);
    },
  };
}

/** Ids of all runs of a home, as its index has them. */
export async function idsOf(home: ReturnType<typeof openHome>): Promise<string[]> {
  const index = await home.open();
  const { rows, total } = index.search({});
  index.close();
  assert.equal(rows.length, total);
  return rows.map(({ id }) => id);
}
