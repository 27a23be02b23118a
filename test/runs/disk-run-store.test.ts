import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { canonicalJson } from '../../src/bundle/canonical-json.ts';
import { thisProcess } from '../../src/host/process-identity.ts';
import { openDiskRunStore } from '../../src/runs/disk-run-store.ts';
import { frame } from '../../src/runs/journal.ts';
import { monthOf, newRunId } from '../../src/runs/run-id.ts';
import { begun, digest, finished, started } from './record.ts';

const root = mkdtempSync(join(tmpdir(), 'same-runs-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

function openStore() {
  const directory = join(root, String(++count), 'runs');
  const pathOf = (id: string, ...parts: string[]) => {
    const { year, month } = monthOf(id);
    return join(directory, year, month, id, ...parts);
  };
  return { directory, store: openDiskRunStore(directory), pathOf };
}

/** Writes a journal as a process that is gone left it. */
function leaveJournal(directory: string, id: string, lines: string[], owner = deadOwner()): void {
  const { year, month } = monthOf(id);
  mkdirSync(join(directory, year, month, id), { recursive: true });
  const first = frame({ type: 'run-begun', record: begun({ id }), owner });
  writeFileSync(join(directory, year, month, id, 'journal.jsonl'), [first, ...lines].join(''));
}

function deadOwner() {
  return { ...thisProcess(), pid: spawnSync(process.execPath, ['-e', '']).pid };
}

describe('the run store', () => {
  it('that is not there yet is empty, and looking makes nothing', () => {
    const { directory, store } = openStore();
    assert.deepEqual(store.list(), []);
    assert.throws(() => store.get('latest'), { code: 'SAME1608' });
    assert.equal(existsSync(directory), false);
  });

  it('tells where a run was submitted, as it was said last, and nothing where that cannot be read', () => {
    const { store, pathOf } = openStore();
    const record = begun();
    const journal = store.begin(record);
    assert.equal(store.placeOf(record.id), undefined);
    const place = { volume: '9f0e', called: 'namespace studies of context lab' };
    journal.notePlace({ ...place, volume: 'before' });
    journal.notePlace({ called: place.called });
    assert.deepEqual(store.placeOf(record.id), { called: place.called });
    journal.notePlace('nowhere');
    assert.equal(store.placeOf(record.id), 'nowhere');
    journal.notePlace(place);
    assert.deepEqual(store.placeOf(record.id), place);
    appendFileSync(pathOf(record.id, 'place.jsonl'), 'torn');
    assert.deepEqual(store.placeOf(record.id), place);
    writeFileSync(pathOf(record.id, 'place.jsonl'), '{"event":{"type":"run-placed","volume":"9f');
    assert.equal(store.placeOf(record.id), undefined);
  });

  it('shows a run as running while its process lives, and as it ended afterwards', () => {
    const { store, pathOf } = openStore();
    const record = begun();
    const journal = store.begin(record);
    assert.equal(store.get(record.id).record.status, 'running');
    journal.append([started('one')]);
    journal.append([finished('one')]);
    const during = store.get(record.id).record;
    assert.equal(during.status, 'running');
    assert.deepEqual(
      during.steps.map(({ status }) => status),
      ['succeeded', 'pending'],
    );
    const final = { ...record, status: 'failed' as const, display: 'aaaaa_bbbbb_ccccc_ddddd:eeeee' };
    journal.finish(final);
    assert.deepEqual(store.get(record.id), { record: final, own: true });
    assert.equal(readFileSync(pathOf(record.id, 'run.json'), 'utf8'), `${canonicalJson(final as never)}\n`);
  });

  it('lists the newest first', () => {
    const { store } = openStore();
    const ids = ['2024-05-01', '2026-01-31', '2025-12-31'].map((day) => {
      const hex = Date.parse(day).toString(16).padStart(12, '0');
      const id = `${hex.slice(0, 8)}-${hex.slice(8)}${newRunId().slice(13)}`;
      const journal = store.begin(begun({ id }));
      journal.finish(begun({ id, status: 'succeeded' }));
      return id;
    });
    assert.deepEqual(
      store.list().map(({ record }) => record.id),
      [ids[1], ids[2], ids[0]],
    );
  });

  it('lists the same after its files were copied elsewhere, for files are the only truth', () => {
    const { directory, store } = openStore();
    for (const status of ['succeeded', 'failed', 'canceled'] as const) {
      const record = begun();
      const journal = store.begin(record);
      journal.append([finished('one')]);
      journal.finish({ ...record, status });
    }
    leaveJournal(directory, newRunId(), [frame(started('one'))]);
    const copy = join(root, 'copy', 'runs');
    cpSync(directory, copy, { recursive: true });
    const [here, there] = [store.list(), openDiskRunStore(copy).list()];
    assert.equal(here.length, 4);
    assert.deepEqual(there, here);
  });

  it('passes over what is no run', () => {
    const { directory, store, pathOf } = openStore();
    const record = begun();
    store.begin(record).finish(record);
    for (const path of [
      'README',
      '2026/readme',
      '20x6/01',
      '2026/01/not-a-run',
      `2026/01/.deleted-${newRunId()}`,
      '2026/13',
    ]) {
      mkdirSync(join(directory, path), { recursive: true });
    }
    mkdirSync(pathOf(newRunId()), { recursive: true });
    assert.deepEqual(
      store.list().map(({ record: { id } }) => id),
      [record.id],
    );
  });

  it('finds a run by id, beginning and end, and says so when none or several fit, without reading a record for it', () => {
    const { store } = openStore();
    const [a, b] = [begun(), begun()].map((record, i) => {
      const final = { ...record, display: `${'ab'[i]!.repeat(5)}_11111_22222_33333:44444` };
      store.begin(record).finish(final);
      return final;
    });
    assert.equal(store.get(a!.id).record.id, a!.id);
    assert.equal(store.get(a!.id.toUpperCase()).record.id, a!.id);
    assert.equal(store.get(a!.id.slice(-12)).record.id, a!.id);
    assert.throws(() => store.get(b!.display), { code: 'SAME1608', message: /there is no run/ });
    assert.throws(() => store.get(a!.id.slice(0, 4)), { code: 'SAME1608', message: /names 2 runs/ });
    assert.throws(() => store.get('zzz'), { code: 'SAME1608' });
    assert.throws(() => store.get(newRunId()), { code: 'SAME1608' });
    assert.throws(() => store.get('../../../etc'), { code: 'SAME1608' });
  });

  it('has the log files of a run in the order of its steps and attempts', () => {
    const { store, pathOf } = openStore();
    const record = begun();
    const journal = store.begin(record);
    for (const [step, attempt] of [
      ['two', 1],
      ['one', 10],
      ['one', 2],
    ] as const) {
      const paths = journal.logPaths(step, attempt);
      writeFileSync(paths.stdout, `${step}${attempt}`);
      writeFileSync(paths.stderr, '');
    }
    writeFileSync(pathOf(record.id, 'logs', 'other'), '');
    const found = store.logs(record.id).filter(({ stream }) => stream === 'stdout');
    assert.deepEqual(
      found.map(({ step, attempt }) => [step, attempt]),
      [
        ['one', 2],
        ['one', 10],
        ['two', 1],
      ],
    );
    assert.equal(readFileSync(found[1]!.path!, 'utf8'), 'one10');
    journal.finish(record);
  });

  it('keeps printed lines out of the journal', () => {
    const { store, pathOf } = openStore();
    const record = begun();
    const journal = store.begin(record);
    journal.append([{ type: 'step-output', step: 'one', attempt: 1, lines: ['printed'] }]);
    journal.finish(record);
    assert.doesNotMatch(readFileSync(pathOf(record.id, 'journal.jsonl'), 'utf8'), /printed/);
  });

  it('does not begin a run twice', () => {
    const { store } = openStore();
    const record = begun();
    store.begin(record);
    assert.throws(() => store.begin(record));
  });
});

describe('a run whose process is gone', () => {
  it('is interrupted, with all that its journal says', () => {
    const { directory, store } = openStore();
    const id = newRunId();
    const retry = { attempt: 1, retrying: true, status: 'failed', exitCode: 7, outputs: {} } as const;
    leaveJournal(directory, id, [
      frame(started('one')),
      frame(finished('one', retry)),
      frame(started('one', 2, '2026-01-31T09:30:05.000Z')),
      frame(finished('one', { attempt: 2 })),
      frame(started('two', 1, '2026-01-31T09:30:07.000Z')),
    ]);
    const { record, own, elsewhere } = store.get(id);
    assert.equal(record.status, 'interrupted');
    assert.equal(own, true);
    assert.equal(elsewhere, undefined);
    const [one, two] = record.steps;
    assert.deepEqual([one!.status, one!.attempts, one!.exitCode], ['succeeded', 2, 0]);
    assert.equal(one!.startedAt, '2026-01-31T09:30:01.000Z', 'when the first attempt began');
    assert.equal(one!.finishedAt, '2026-01-31T09:30:02.000Z');
    assert.deepEqual(one!.outputs, { o: { digest: digest('d'), sizeBytes: 5 } });
    assert.deepEqual([two!.status, two!.attempts], ['pending', 1]);
    assert.deepEqual(record.parameters, begun().parameters);
  });

  it('is interrupted without the line that was torn', () => {
    const { directory, store } = openStore();
    const id = newRunId();
    leaveJournal(directory, id, [frame(started('one')), frame(finished('one')).slice(0, 60)]);
    const { record } = store.get(id);
    assert.equal(record.status, 'interrupted');
    assert.equal(record.steps[0]!.status, 'pending');
    assert.equal(record.steps[0]!.attempts, 1);
  });

  it('says which steps were skipped and why', () => {
    const { directory, store } = openStore();
    const id = newRunId();
    leaveJournal(directory, id, [
      frame({ type: 'step-skipped', step: 'two', because: 'step one did not succeed' }),
    ]);
    const step = store.get(id).record.steps[1]!;
    assert.deepEqual([step.status, step.because], ['skipped', 'step one did not succeed']);
  });

  it('on another host is running elsewhere and cannot be deleted', () => {
    const { directory, store } = openStore();
    const id = newRunId();
    leaveJournal(directory, id, [], { ...deadOwner(), host: '000000000000' });
    assert.deepEqual([store.get(id).record.status, store.get(id).elsewhere], ['running', true]);
    assert.throws(() => store.remove(id), { code: 'SAME1609' });
  });

  it('is no run when nothing of its first line was written', () => {
    const { directory, store } = openStore();
    const id = newRunId();
    leaveJournal(directory, id, []);
    const { year, month } = monthOf(id);
    const path = join(directory, year, month, id, 'journal.jsonl');
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, 100));
    assert.deepEqual(store.list(), []);
  });
});

describe('a damaged run', () => {
  it('says SAME1612, the line, and how to be rid of it', () => {
    const { directory, store } = openStore();
    const id = newRunId();
    leaveJournal(directory, id, ['rubbish\n', frame(started('one'))]);
    assert.throws(() => store.get(id), { code: 'SAME1612', message: /line 2/ });
    store.remove(id);
    assert.throws(() => store.get(id), { code: 'SAME1608' });
  });

  it('is told of when the damage is in its first line, or another line stands there', () => {
    for (const first of ['rubbish\n', frame(started('one'))]) {
      const { directory, pathOf } = openStore();
      const findings: string[] = [];
      const store = openDiskRunStore(directory, ({ message }) => findings.push(message));
      const id = newRunId();
      leaveJournal(directory, id, []);
      writeFileSync(pathOf(id, 'journal.jsonl'), first + frame(started('one')));
      assert.deepEqual(store.list(), []);
      assert.equal(findings.length, 1);
      assert.match(findings[0]!, /line 1/);
      assert.throws(() => store.get(id), { code: 'SAME1612' });
      store.remove(id);
      assert.throws(() => store.get(id), { code: 'SAME1608' });
    }
  });

  it('does not hide the others from the listing', () => {
    const { directory, store, pathOf } = openStore();
    const good = begun();
    store.begin(good).finish(good);
    leaveJournal(directory, newRunId(), ['rubbish\n', frame(started('one'))]);
    const broken = begun();
    store.begin(broken).finish(broken);
    writeFileSync(pathOf(broken.id, 'run.json'), '{');
    assert.ok(store.list().some(({ record }) => record.id === good.id));
    assert.equal(store.get(good.id).record.id, good.id);
    assert.throws(() => store.get(broken.id), { code: 'SAME1612' });
  });
});

describe('files of a run that hold something else', () => {
  it('are damage too, whatever JSON that is', () => {
    for (const other of ['null', '[]', '{}', '{"id":1}', JSON.stringify(begun())]) {
      const { store, pathOf } = openStore();
      const record = begun();
      store.begin(record).finish(record);
      writeFileSync(pathOf(record.id, 'run.json'), other);
      assert.deepEqual(store.list(), []);
      assert.throws(() => store.get(record.id), { code: 'SAME1612' });
      assert.deepEqual(store.logs(record.id), []);
    }
  });

  it('are damage where only the checksum of a line is right', () => {
    for (const event of [null, 7, { type: 'step-started' }]) {
      const { directory, store } = openStore();
      const id = newRunId();
      leaveJournal(directory, id, [frame(event)]);
      assert.throws(() => store.get(id), { code: 'SAME1612', message: /line 2/ });
    }
  });
});

describe('deleting a run', () => {
  it('removes all of it', () => {
    const { directory, store } = openStore();
    const record = begun();
    const journal = store.begin(record);
    writeFileSync(journal.logPaths('one', 1).stdout, 'x');
    journal.finish({ ...record, status: 'succeeded' });
    store.remove(record.id.slice(-12));
    assert.deepEqual(store.list(), []);
    const left = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    assert.deepEqual(left, []);
  });

  it('that was interrupted is finished by the next deletion and by the next run', () => {
    const { directory, store } = openStore();
    const half = join(directory, `.deleted-${newRunId()}`);
    mkdirSync(join(half, 'logs'), { recursive: true });
    const record = begun();
    store.begin(record).finish({ ...record, status: 'succeeded' });
    assert.equal(existsSync(half), false);
    mkdirSync(join(half, 'logs'), { recursive: true });
    store.remove(record.id);
    assert.equal(existsSync(half), false);
  });

  it('is refused with SAME1609 while it goes on', () => {
    const { store } = openStore();
    const record = begun();
    const journal = store.begin(record);
    assert.throws(() => store.remove(record.id), { code: 'SAME1609' });
    journal.finish({ ...record, status: 'succeeded' });
    store.remove(record.id);
    assert.throws(() => store.remove(record.id), { code: 'SAME1608' });
  });

  it('is the work of one command: to another it is gone, also when that had found it', () => {
    const { directory, store, pathOf } = openStore();
    const record = begun();
    store.begin(record).finish({ ...record, status: 'succeeded' });
    // What is wrong with it is told between finding it and removing it.
    writeFileSync(pathOf(record.id, 'run.json'), '{}');
    const late = openDiskRunStore(directory, () => store.remove(record.id));
    assert.throws(() => late.remove(record.id), { code: 'SAME1608' });
    assert.deepEqual(store.list(), []);
  });

  it('is possible when it was interrupted', () => {
    const { directory, store } = openStore();
    const id = newRunId();
    leaveJournal(directory, id, []);
    appendFileSync(join(directory, monthOf(id).year, monthOf(id).month, id, 'journal.jsonl'), '');
    store.remove(id);
    assert.deepEqual(store.list(), []);
  });
});
