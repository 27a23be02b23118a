import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { lookAtRunIndex } from '../../../src/runs/index/run-index.ts';
import { RunFiles } from '../../../src/runs/run-files.ts';
import { monthOf, newRunId } from '../../../src/runs/run-id.ts';
import { sealRuns } from '../../../src/runs/run-sealer.ts';
import { type IndexedRun, testRunIndex } from '../../contract/run-index.ts';
import { begun } from '../record.ts';
import { idsOf, openHome } from './index-lab.ts';

const all = { isDue: () => true, isStored: () => false, isOver: () => false, least: 1 };

/** Where a descriptor of this process leads; it may be closed meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
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
