import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ChangedMeanwhile, IndexRefresh } from '../../../src/runs/index/refresh.ts';
import { openRunIndex } from '../../../src/runs/index/run-index.ts';
import { IndexTables } from '../../../src/runs/index/tables.ts';
import { RunFiles } from '../../../src/runs/run-files.ts';
import { idsOf, openHome } from './index-lab.ts';

describe('the index of runs that several processes have', () => {
  it('looks at every run while another process holds the database', async () => {
    const home = openHome();
    const first = home.add();
    assert.deepEqual(await idsOf(home), [first.id]);
    const { openDatabase } = await import('../../../src/host/database.ts');
    const other = openDatabase(home.options.path);
    other.exec('BEGIN IMMEDIATE');
    const second = home.add();
    assert.deepEqual((await idsOf(home)).sort(), [first.id, second.id].sort());
    other.exec('COMMIT');
    other.close();
  });

  it('is right for every process of several that find and add runs at once, one of them killed', async () => {
    const home = openHome();
    for (let number = 0; number < 30; number++) home.add();
    const script = `
      import { writeFileSync, mkdirSync } from 'node:fs';
      import { lookAtRunIndex, openRunIndex } from ${JSON.stringify(join(import.meta.dirname, '../../../src/runs/index/run-index.ts'))};
      import { RunFiles } from ${JSON.stringify(join(import.meta.dirname, '../../../src/runs/run-files.ts'))};
      import { openDiskRunStore } from ${JSON.stringify(join(import.meta.dirname, '../../../src/runs/disk-run-store.ts'))};
      import { begun } from ${JSON.stringify(join(import.meta.dirname, '../record.ts'))};
      const home = ${JSON.stringify(home.home)};
      const store = openDiskRunStore(home + '/runs');
      const none = { directory: home + '/none', of: () => ({ tags: {} }), read: async () => ({ records: [], whole: true }) };
      const mine = new Set();
      for (let turn = 0; turn < Number(process.argv[1]); turn++) {
        const record = begun({ status: 'succeeded', finishedAt: '2026-01-31T10:00:00.000Z' });
        store.begin(record).finish(record);
        mine.add(record.id);
        process.stdout.write('.');
        const index = await openRunIndex({
          path: home + '/index.sqlite', files: new RunFiles(home + '/runs'), annotations: none, others: none,
          onDamaged: (finding) => { throw new Error(finding.message); },
          scanOwn: () => { throw new Error('every run was looked at'); }, scanOthers: async () => [],
        });
        const { rows, total } = index.search({});
        index.close();
        const ids = new Set(rows.map(({ id }) => id));
        if (ids.size !== total || [...mine].some((id) => !ids.has(id))) throw new Error('a run is not there');
      }`;
    // The one that is killed would never end.
    const children = [Number.POSITIVE_INFINITY, 15, 15].map((turns) =>
      spawn(process.execPath, ['--input-type=module', '-e', script, String(turns)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    );
    const ends = children.map(
      (child) => new Promise<number | null>((done) => child.on('exit', (code) => done(code))),
    );
    let turns = 0;
    for await (const dots of children[0]!.stdout!) {
      turns += dots.length;
      // It is finding, or adding the next.
      if (turns >= 3) children[0]!.kill('SIGKILL');
    }
    assert.deepEqual(await Promise.all(ends), [null, 0, 0]);
    assert.deepEqual(
      await idsOf(home),
      home.store.list().map(({ record }) => record.id),
    );
  });

  it('is right in a process that goes on while another makes the index anew', async () => {
    const home = openHome();
    const addOf = (name: string, value: string) =>
      home.add({ parameters: { [name]: { value, source: '--x' } } }).id;
    const gone = addOf('zeta', 'a');
    addOf('alpha', 'a');
    const going = await home.open();
    assert.equal(going.search({}).total, 2);
    home.store.remove(gone);
    const files = new RunFiles(join(home.home, 'runs'));
    (await openRunIndex({ ...home.options, files }, true)).close();
    const added = addOf('alpha', 'b');
    const where = { field: { of: 'parameters', name: 'alpha' }, operator: '=', value: 'b' } as const;
    assert.deepEqual(
      going.search({ where }).rows.map(({ id }) => id),
      [added],
    );
    going.close();
    const fresh = await home.open();
    assert.deepEqual(
      fresh.search({ where }).rows.map(({ id }) => id),
      [added],
    );
    fresh.close();
  });

  it('begins again where another process makes the index anew between two batches of runs', async () => {
    const home = openHome();
    for (let number = 0; number < 4; number++) home.add();
    (await home.open()).close();
    const { openDatabase } = await import('../../../src/host/database.ts');
    const [database, others] = [openDatabase(home.options.path), openDatabase(home.options.path)];
    const [tables, foreign] = [new IndexTables(database), new IndexTables(others)];
    const refresh = new IndexRefresh(tables, home.options, 1);
    for (let number = 0; number < 3; number++) home.add();
    tables.begin('BEGIN IMMEDIATE');
    const begin = tables.begin.bind(tables);
    tables.begin = (mode) => {
      foreign.begin('BEGIN IMMEDIATE');
      foreign.clear();
      others.exec('COMMIT');
      begin(mode);
    };
    assert.throws(() => refresh.apply(), ChangedMeanwhile);
    database.exec('ROLLBACK');
    database.close();
    others.close();
    const index = await home.open();
    const where = { field: { of: 'run', name: 'status' }, operator: '=', value: 'succeeded' } as const;
    assert.equal(index.search({ where }).total, 7);
    index.close();
  });
});
