import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { SweepRecord } from '../../src/sweeps/sweep.ts';
import { isAlive, until } from '../components/facts.ts';
import {
  directoryOf,
  hold,
  journalLines,
  openStudy,
  release,
  runsOf,
  started,
  sweep,
  valuesOf,
  works,
} from './sweep-lab.ts';

/** Sweeps undisturbed, and then killed whenever its journals have grown by so many lines: both must come to the same. */
async function comesToTheSame(words: string[], step: number): Promise<void> {
  using rig = await openStudy();
  const undisturbed = await sweep(rig, words);
  let lines = journalLines(rig);
  for (let kills = 0; ; kills++) {
    const again = kills === 0 ? ['sweep', 'study:1.0', ...words, '--no-cache'] : ['sweep', '--resume'];
    const { child, ended } = rig.start([...again, '--json']);
    let over = false;
    void ended.then(() => {
      over = true;
    });
    await until('its journal grew, or it ended', () => over || journalLines(rig) >= lines + step);
    if (!over) child.kill('SIGKILL');
    const { signal, code, stderr, json } = await ended;
    lines = journalLines(rig);
    assert.ok(kills < 30);
    if (signal === null) assert.equal(code, 0, stderr);
    const record: SweepRecord =
      signal === null ? json() : (await works(rig, ['show', 'sweep', 'latest', '--json'])).json();
    // It may have been final already when it was killed: then there is nothing to go on with.
    if (record.status === 'interrupted') continue;
    assert.ok(kills >= 2, `killed ${kills} times`);
    assert.deepEqual(
      record.results.map(({ values, objective, status }) => [values, objective, status]),
      undisturbed.results.map(({ values, objective, status }) => [values, objective, status]),
    );
    const mine = (await runsOf(rig)).filter(({ parent }) => parent === record.id);
    assert.equal(mine.filter(({ status }) => status === 'succeeded').length, record.trials);
    break;
  }
}

describe('a sweep that was stopped', () => {
  const search = ['--seed=range(0,6)', '--objective=min:loss'];

  it('by Ctrl-C exits with 130, leaves no process, and goes on with what has not ended', async () => {
    using rig = await openStudy();
    hold(rig, 2, 3);
    const { child, ended } = rig.start(['sweep', 'study:1.0', ...search, '-j', '2']);
    await until('two trials are held', () => started(rig).length === 4);
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    assert.equal(code, 130, stderr);
    const id = /same sweep --resume=(\S+)/.exec(stderr)![1]!;
    for (const line of started(rig)) assert.equal(isAlive(Number(line.split(' ')[1])), false);
    const stopped: SweepRecord = (await works(rig, ['show', 'sweep', id, '--json'])).json();
    assert.equal(stopped.status, 'interrupted');
    const over = stopped.results.filter(({ status }) => status === 'succeeded');
    assert.deepEqual(
      over.map(({ number }) => number),
      [0, 1],
    );
    release(rig, 2, 3);
    const resumed = await works(rig, ['sweep', 'study:1.0', ...search, '--resume', '--json']);
    const record: SweepRecord = resumed.json();
    assert.equal(record.id, id);
    assert.equal(record.status, 'succeeded');
    assert.equal(record.best, 0);
    assert.deepEqual(
      record.results.map(({ values }) => values.seed),
      [0, 1, 2, 3, 4, 5],
    );
    for (const trial of over) assert.deepEqual(record.results[trial.number], trial);
    const runs = await runsOf(rig);
    for (const run of runs) assert.equal(run.parent, id);
    for (const { seed } of valuesOf(record)) {
      const ends = runs.filter((run) => run.parameters.seed!.value === seed && run.status === 'succeeded');
      assert.equal(ends.length, 1, `seed ${seed}`);
      // An unfinished trial goes on from its run.
      assert.equal(
        ends[0]!.resumes,
        stopped.results[seed as number]?.status === 'interrupted'
          ? stopped.results[seed as number]!.run
          : undefined,
      );
    }
  });

  it('by kill -9 at any line of its journal loses nothing, and runs no trial again that had ended', async () => {
    await comesToTheSame(search, 2);
  });

  it('by kill -9 learns what it would have learnt undisturbed', async () => {
    const space = ['--lr=log(1e-5,1e-1)', '--seed=range(0,3)'];
    const tpe = ['--algorithm=tpe', '--same-trials=14', '--objective=min:loss', '-j2'];
    await comesToTheSame([...space, ...tpe], 9);
  });

  it('by what is wrong with the machine says so, and goes on once it is right', async () => {
    using rig = await openStudy();
    hold(rig, 0);
    const { ended } = rig.start(['sweep', 'study:1.0', ...search]);
    await until('a trial runs', () => started(rig).length === 1);
    const refs = join(rig.home, 'content/refs');
    renameSync(refs, `${refs}.away`);
    release(rig, 0);
    const { code, stderr } = await ended;
    assert.equal(code, 3, stderr);
    assert.match(stderr, /trial 0 succeeded/);
    assert.match(stderr, /^SAME1204/m);
    const id = /go on with it: same sweep --resume=(\S+)/.exec(stderr)![1]!;
    renameSync(`${refs}.away`, refs);
    const record: SweepRecord = (await works(rig, ['sweep', '--resume', '-j', '2', '--json'])).json();
    assert.deepEqual([record.id, record.status, record.results.length], [id, 'succeeded', 6]);
    assert.equal(started(rig).length, 6);
  });

  it('takes a run that had ended before its end was noted for what it is', async () => {
    using rig = await openStudy();
    const record = await sweep(rig, search);
    const directory = directoryOf(rig, record);
    rmSync(join(directory, 'sweep.json'));
    const journal = join(directory, 'journal.1.jsonl');
    const lines = readFileSync(journal, 'utf8').split('\n');
    assert.match(lines.at(-2)!, /"trial-ended"/);
    // A torn last line says nothing.
    writeFileSync(journal, `${lines.slice(0, -2).join('\n')}\n${lines.at(-2)!.slice(0, 40)}`);
    const resumed: SweepRecord = (await works(rig, ['sweep', '--resume', '--json'])).json();
    assert.deepEqual(resumed.results, record.results);
    assert.equal(started(rig).length, 6);
    assert.equal((await runsOf(rig)).length, 6);
  });

  it('is known as running while it does, and only one command goes on with it', async () => {
    using rig = await openStudy();
    hold(rig, 0);
    const first = rig.start(['sweep', 'study:1.0', ...search, '--json']);
    await until('a trial runs', () => started(rig).length === 1);
    const [{ status, id }] = (await works(rig, ['list', 'sweeps', '--json'])).json().items;
    assert.equal(status, 'running');
    assert.match(
      (await works(rig, ['sweep', `--resume=${id}`], 4)).stderr,
      /SAME1622 sweep .* is still going/,
    );
    first.child.kill('SIGKILL');
    await first.ended;
    release(rig, 0);
    const both = await Promise.all([1, 2, 3].map(() => rig.same(['sweep', `--resume=${id}`, '--json'])));
    assert.deepEqual(
      both.map(({ code }) => code).sort(),
      [0, 4, 4],
      both.map(({ stderr }) => stderr).join('\n'),
    );
  });

  it('is not gone on with under another search', async () => {
    using rig = await openStudy();
    hold(rig, 0);
    const { child, ended } = rig.start(['sweep', 'study:1.0', ...search]);
    await until('a trial runs', () => started(rig).length === 1);
    child.kill('SIGINT');
    const { stderr } = await ended;
    const id = /--resume=(\S+)/.exec(stderr)![1]!;
    const other = await works(rig, ['sweep', 'study:1.0', '--seed=range(0,7)', `--resume=${id}`], 2);
    assert.match(other.stderr, /SAME1902 sweep .* is another search: its space is not what is said here/);
    const bare = await works(rig, ['sweep', '--resume', '--trials=2'], 2);
    assert.match(bare.stderr, /SAME1902 --resume without a program/);
    const planned = await works(rig, ['sweep', 'study:1.0', ...search, '--resume', '--plan'], 2);
    assert.match(planned.stderr, /SAME1902 --resume and --plan cannot both be/);
    assert.match((await works(rig, ['sweep'], 2)).stderr, /SAME1902 sweep what\?/);
  });

  it('says which file is damaged, and its runs are still there', async () => {
    using rig = await openStudy();
    const record = await sweep(rig, ['--model=a,b']);
    const directory = join(
      rig.home,
      'sweeps',
      record.startedAt.slice(0, 4),
      record.startedAt.slice(5, 7),
      record.id,
    );
    appendFileSync(join(directory, 'sweep.json'), '}');
    const shown = await works(rig, ['show', 'sweep', record.id], 7);
    assert.match(shown.stderr, /^SAME1623 .*sweep\.json/m);
    const listed = await works(rig, ['list', 'sweeps']);
    assert.match(listed.stderr, /SAME1623/);
    assert.equal((await runsOf(rig)).length, 2);
  });
});
