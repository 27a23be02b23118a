import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { openDiskAnnotations } from '../../../src/runs/annotations.ts';
import { openDiskRunStore } from '../../../src/runs/disk-run-store.ts';
import { ChangedMeanwhile, IndexRefresh } from '../../../src/runs/index/refresh.ts';
import { lookAtRunIndex, openRunIndex } from '../../../src/runs/index/run-index.ts';
import { IndexTables } from '../../../src/runs/index/tables.ts';
import { RunFiles } from '../../../src/runs/run-files.ts';
import { monthOf, newRunId } from '../../../src/runs/run-id.ts';
import type { RunRecord } from '../../../src/runs/run-record.ts';
import { rowOf } from '../../../src/runs/run-row.ts';
import { sealRuns } from '../../../src/runs/run-sealer.ts';
import { type IndexedRun, testRunIndex } from '../../contract/run-index.ts';
import { begun } from '../record.ts';

const root = mkdtempSync(join(tmpdir(), 'same-index-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const all = { isDue: () => true, isStored: () => false, isOver: () => false, least: 1 };

/** Where a descriptor of this process leads; it may be closed meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** A home of runs, own ones as files and those of others as they are read. */
function openHome() {
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

function fill(runs: readonly IndexedRun[]) {
  const home = openHome();
  for (const { record, own, tags } of runs) {
    if (own) home.add(record);
    else home.addOther('a'.repeat(64), record);
    if (Object.keys(tags).length > 0)
      home.annotations.append(record.id, { at: '2026-01-31T10:00:00.000Z', tag: tags });
  }
  return home;
}

testRunIndex('the index in a database', async (runs) => {
  const index = await fill(runs).open();
  return { index, [Symbol.dispose]: () => index.close() };
});

describe('the index of runs', () => {
  const idsOf = async (home: ReturnType<typeof openHome>) => {
    const index = await home.open();
    const { rows, total } = index.search({});
    index.close();
    assert.equal(rows.length, total);
    return rows.map(({ id }) => id);
  };

  it('sees a run that was added, ended or deleted since', async () => {
    const home = openHome();
    const first = home.add();
    const index = await home.open();
    assert.deepEqual(
      index.search({}).rows.map(({ id }) => id),
      [first.id],
    );
    const second = begun();
    const journal = home.store.begin(second);
    assert.deepEqual(
      index.search({}).rows.map(({ status }) => status),
      ['running', 'succeeded'],
    );
    journal.finish({ ...second, status: 'failed' });
    assert.deepEqual(
      index.search({}).rows.map(({ status }) => status),
      ['failed', 'succeeded'],
    );
    home.store.remove(first.id);
    assert.deepEqual(
      index.search({}).rows.map(({ id }) => id),
      [second.id],
    );
    assert.equal(index.search({}).total, 1);
    index.close();
  });

  it('makes nothing where there is nothing', async () => {
    const home = openHome();
    assert.deepEqual(await idsOf(home), []);
    assert.equal(existsSync(home.home), false);
  });

  it('is made anew when it is missing, damaged, cut short or of another version', async () => {
    const home = openHome();
    const ids = [home.add().id, home.add().id, home.add().id].sort().reverse();
    assert.deepEqual(await idsOf(home), ids);
    for (const bytes of ['', 'rubbish', 'SQLite format 3\0and then nothing', Buffer.alloc(16384, 7)]) {
      for (const end of ['', '-wal', '-shm']) rmSync(`${home.options.path}${end}`, { force: true });
      writeFileSync(home.options.path, bytes);
      assert.deepEqual(await idsOf(home), ids);
    }
    const { openDatabase } = await import('../../../src/host/database.ts');
    const database = openDatabase(home.options.path);
    database.exec("UPDATE meta SET value = 'another' WHERE key = 'version'");
    database.close();
    assert.deepEqual(await idsOf(home), ids);
  });

  it('looks at every run where no database can be kept', async () => {
    const home = openHome();
    const { id } = home.add();
    mkdirSync(home.options.path);
    assert.deepEqual(await idsOf(home), [id]);
  });

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

  it('keeps no file open where a look finds it stale, of another version or damaged', async () => {
    const home = openHome();
    const { year, month } = monthOf(home.add().id);
    // What changed just now is never surely known.
    utimesSync(join(home.home, 'runs', year, month), 1, 1);
    (await home.open()).close();
    const { openDatabase } = await import('../../../src/host/database.ts');
    const look = () => {
      const index = lookAtRunIndex({ ...home.options, files: new RunFiles(join(home.home, 'runs')) });
      const { kept } = index;
      index.close();
      return kept;
    };
    const openFiles = () =>
      readdirSync('/proc/self/fd').filter((fd) =>
        linkOf(`/proc/self/fd/${fd}`).startsWith(home.options.path),
      );
    const changes = ['DROP TABLE months', "UPDATE meta SET value = 'another' WHERE key = 'version'"];
    assert.equal(look(), true);
    for (const change of changes) {
      const database = openDatabase(home.options.path);
      database.exec(change);
      database.close();
      assert.notEqual(look(), true, change);
      assert.deepEqual(openFiles(), [], change);
    }
  });

  it('answers with own runs, and says that others are missing, where it cannot be read any more', async () => {
    const home = openHome();
    const { id } = home.add();
    home.addOther('b'.repeat(64), begun({ status: 'succeeded' }));
    const index = await home.open();
    assert.equal(index.search({}).total, 2);
    const { openDatabase } = await import('../../../src/host/database.ts');
    const database = openDatabase(home.options.path);
    database.exec('DROP TABLE others; DROP TABLE runs');
    database.close();
    assert.deepEqual(
      index.search({}).rows.map((row) => row.id),
      [id],
    );
    assert.match(home.damaged.join(), /runs that came with bundles are missing/);
    index.close();
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

  it('names what is damaged each time, and lists the others', async () => {
    const home = openHome();
    const { id } = home.add();
    const broken = newRunId();
    const { year, month } = monthOf(broken);
    mkdirSync(join(home.home, 'runs', year, month, broken), { recursive: true });
    writeFileSync(join(home.home, 'runs', year, month, broken, 'run.json'), '{');
    assert.deepEqual(await idsOf(home), [id]);
    assert.deepEqual(await idsOf(home), [id]);
    assert.equal(home.damaged.length, 2);
    assert.match(home.damaged[1]!, /not JSON/);
  });

  it('shows tags as they are now, and an own run before one of its id that came with a bundle', async () => {
    const home = openHome();
    const record = home.add();
    home.addOther('b'.repeat(64), { ...record, status: 'failed' });
    const index = await home.open();
    assert.deepEqual(
      index.search({}).rows.map(({ own, status, tags }) => [own, status, tags]),
      [[true, 'succeeded', {}]],
    );
    home.annotations.append(record.id, { at: '2026-01-31T10:00:00.000Z', tag: { kept: 'yes' } });
    assert.deepEqual(index.search({}).rows[0]!.tags, { kept: 'yes' });
    home.annotations.append(record.id, { at: '2026-01-31T10:00:01.000Z', tag: { kept: null } });
    assert.deepEqual(index.search({}).rows[0]!.tags, {});
    home.store.remove(record.id);
    assert.deepEqual(
      index.search({}).rows.map(({ own, status }) => [own, status]),
      [[false, 'failed']],
    );
    index.close();
  });

  it('shows tags that were logged beneath those that were said, of own runs and of others, and again once these are taken back', async () => {
    const home = openHome();
    const steps = begun().steps.map((step) => ({ ...step, logged: { tags: { team: 'x', size: 's' } } }));
    const own = home.add({ steps });
    const other = begun({ status: 'succeeded', finishedAt: '2026-01-31T10:00:00.000Z', steps });
    home.addOther('b'.repeat(64), other);
    const index = await home.open();
    const said = (at: string, tag: Record<string, string | null>) => {
      for (const { id } of [own, other]) home.annotations.append(id, { at, tag });
    };
    const tags = () => index.search({}).rows.map((row) => ({ ...row.tags }));
    const twice = (one: Record<string, string>) => [one, one];
    assert.deepEqual(tags(), twice({ team: 'x', size: 's' }));
    said('2026-01-31T10:00:00.000Z', { kept: '', team: 'y' });
    assert.deepEqual(tags(), twice({ team: 'y', size: 's', kept: '' }));
    index.rebuild();
    assert.deepEqual(tags(), twice({ team: 'y', size: 's', kept: '' }));
    said('2026-01-31T10:00:01.000Z', { kept: null, team: null });
    assert.deepEqual(tags(), twice({ team: 'x', size: 's' }));
    index.close();
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

  it('sees that a run ended which it saw going on, and which was packed before the next question', async () => {
    const home = openHome();
    const others = [home.add(), home.add()].map(({ id }) => id);
    const record = begun();
    const journal = home.store.begin(record);
    const index = await home.open();
    assert.equal(index.search({}).rows.find(({ id }) => id === record.id)?.status, 'running');
    journal.finish({ ...record, status: 'succeeded', finishedAt: '2026-01-31T10:00:00.000Z' });
    const files = new RunFiles(join(home.home, 'runs'));
    assert.equal(sealRuns(files, { ...all, least: 3 }).runs, 3);
    assert.deepEqual(
      index.search({}).rows.map(({ id, status }) => [id, status]),
      [...others, record.id]
        .sort()
        .reverse()
        .map((id) => [id, 'succeeded']),
    );
    index.close();
  });

  for (const place of ['list', 'run'] as const) {
    it(`warns each time while the ${place} of a pack is damaged, and sees that it was put back in place`, async () => {
      const home = openHome();
      const ids = [home.add().id, home.add().id, home.add().id].sort().reverse();
      const files = new RunFiles(join(home.home, 'runs'));
      sealRuns(files, all);
      const [month] = files.months();
      const path = join(home.home, 'runs', month!, files.month(month!).packs[0]!);
      const whole = readFileSync(path);
      const bytes = Buffer.from(whole);
      const at = place === 'list' ? bytes.indexOf('"kind"') : bytes.lastIndexOf('"kind"');
      bytes.write('!', at);
      writeFileSync(path, bytes);
      const long = new Date('2026-01-31T09:00:00.000Z');
      // Nothing in the time of anything tells that it may change again.
      utimesSync(path, long, long);
      utimesSync(join(home.home, 'runs', month!), long, long);
      for (const times of [1, 2, 3]) {
        assert.equal((await idsOf(home)).length, place === 'list' ? 0 : 2);
        assert.equal(home.damaged.length, times);
      }
      writeFileSync(path, whole);
      utimesSync(path, long, long);
      for (const _ of [1, 2]) assert.deepEqual(await idsOf(home), ids);
      assert.equal(home.damaged.length, 3);
      home.add();
      assert.equal((await idsOf(home)).length, 4);
    });
  }
});
