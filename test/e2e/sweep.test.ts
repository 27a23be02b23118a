import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { RunRecord } from '../../src/runs/run-record.ts';
import type { SweepRecord } from '../../src/sweeps/sweep.ts';
import { isAlive, until } from '../components/facts.ts';
import { type Ended, openRig, type Rig } from './rig.ts';

const PROGRAM = `apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
parameters:
  lr: {type: number, default: 0.1, exclusiveMinimum: 0, maximum: 1}
  seed: {type: integer, default: 0, minimum: 0}
  model: {type: string, enum: [a, b], default: a}
  trials: {type: integer, default: 1}
  title: {type: string, default: x}
profiles:
  quick: {parameters: {trials: 2}}
pipeline:
  steps:
    train: {run: [sh, train.sh, "{{parameters.lr}}", "{{parameters.seed}}", "{{parameters.model}}"]}
`;

/** Reports a loss that is lowest at lr 0.001, seed 0, model b; stays, fails or says nothing as files tell it. */
const script = (root: string) => `echo "$2 $$" >> ${root}/started
while [ -e ${root}/hold.$2 ]; do sleep 0.02; done
[ -e ${root}/fail.$2 ] && exit 3
[ -e ${root}/silent.$2 ] && exit 0
awk -v lr="$1" -v s="$2" -v m="$3" 'BEGIN { printf "{\\"loss\\": %.6f}", (log(lr) / log(10) + 3) ^ 2 + s / 10 + (m == "a") }' > metrics.json
`;

async function openStudy(): Promise<Rig> {
  const rig = openRig();
  rig.write({ 'study/same.yaml': PROGRAM, 'study/train.sh': script(rig.root) });
  await works(rig, ['create', 'program', '-f', 'study']);
  return rig;
}

async function works(rig: Rig, words: string[], code = 0): Promise<Ended> {
  const ended = await rig.same(words);
  assert.equal(ended.code, code, ended.stderr);
  return ended;
}

async function sweep(rig: Rig, words: string[], code = 0): Promise<SweepRecord> {
  return (await works(rig, ['sweep', 'study:1.0', ...words, '--json'], code)).json();
}

const runsOf = async (rig: Rig): Promise<RunRecord[]> =>
  (await works(rig, ['list', 'runs', '--json'])).json().items;
const started = (rig: Rig): string[] =>
  existsSync(rig.path('started')) ? readFileSync(rig.path('started'), 'utf8').trim().split('\n') : [];
const hold = (rig: Rig, ...seeds: number[]) => {
  for (const seed of seeds) rig.write({ [`hold.${seed}`]: '' });
};
const release = (rig: Rig, ...seeds: number[]) => {
  for (const seed of seeds) rmSync(rig.path(`hold.${seed}`));
};
const valuesOf = ({ results }: SweepRecord) => results.map(({ values }) => values);

const directoryOf = (rig: Rig, { id, startedAt }: SweepRecord) =>
  join(rig.home, 'sweeps', startedAt.slice(0, 4), startedAt.slice(5, 7), id);

/** Lines of the journals of all sweeps of a rig. */
function journalLines(rig: Rig): number {
  const directory = join(rig.home, 'sweeps');
  if (!existsSync(directory)) return 0;
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.jsonl'))
    .reduce((sum, name) => sum + readFileSync(join(directory, name), 'utf8').split('\n').length - 1, 0);
}

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
    if (signal !== null) continue;
    assert.equal(code, 0, stderr);
    assert.ok(kills >= 2, `killed ${kills} times`);
    const record: SweepRecord = json();
    assert.deepEqual(
      record.results.map(({ values, objective, status }) => [values, objective, status]),
      undisturbed.results.map(({ values, objective, status }) => [values, objective, status]),
    );
    const mine = (await runsOf(rig)).filter(({ parent }) => parent === record.id);
    assert.equal(mine.filter(({ status }) => status === 'succeeded').length, record.trials);
    break;
  }
}

describe('a sweep', () => {
  it('runs every combination as a run of its own, and says which is best', async () => {
    using rig = await openStudy();
    const words = ['sweep', 'study:1.0', '--seed=range(0,3)', '--model=a,b', '--objective', 'min:loss'];
    const ended = await works(rig, [...words, '--set', 'lr=0.01']);
    assert.match(ended.stderr, /\[6\/6\] trial 5 succeeded in .*: seed=2 model=b, loss 1\.2$/m);
    assert.match(ended.stderr, /same commit program study:1\.0 --as VERSION --run/);
    assert.match(
      ended.stdout,
      /best by min:loss\n +TRIAL +seed +model +loss +STATUS +RUN\n +1 +0 +b +1 +succeeded/,
    );
    const record: SweepRecord = (await works(rig, ['show', 'sweep', 'latest', '--json'])).json();
    assert.equal(record.status, 'succeeded');
    assert.equal(record.algorithm, 'grid');
    assert.equal(record.best, 1);
    assert.deepEqual(valuesOf(record)[5], { seed: 2, model: 'b' });
    const runs = new Map((await runsOf(rig)).map((run) => [run.id, run]));
    assert.equal(runs.size, 6);
    for (const { run, values } of record.results) {
      const { parent, parameters, status } = runs.get(run!)!;
      assert.deepEqual([parent, status], [record.id, 'succeeded']);
      assert.deepEqual(parameters.seed, { value: values.seed, source: '--seed', default: 0 });
      assert.equal(parameters.lr!.value, 0.01);
      assert.equal(parameters.trials!.source, 'default');
    }
    assert.match((await works(rig, ['list', 'sweeps'])).stdout, /study:1\.0 +succeeded .* 6\/6 +loss=1$/m);
  });

  it('goes on when a trial fails, says why, and exits with 1', async () => {
    using rig = await openStudy();
    rig.write({ 'fail.1': '', 'silent.2': '' });
    const record = await sweep(rig, ['--seed=range(0,4)', '--objective=min:loss'], 1);
    assert.equal(record.status, 'failed');
    assert.equal(record.best, 0);
    assert.deepEqual(
      record.results.map(({ status, error }) => [status, error?.code]),
      [
        ['succeeded', undefined],
        ['failed', 'SAME1601'],
        ['failed', 'SAME1606'],
        ['succeeded', undefined],
      ],
    );
    assert.match(record.results[2]!.error!.message, /no step reported a metric "loss"/);
    const ended = await works(rig, ['sweep', `--resume=${record.id}`], 4);
    assert.match(ended.stderr, /^SAME1622 sweep .* has ended/m);
  });

  it('tries the same values for the same seed in another home, with tpe and several at a time too', async () => {
    const search = ['--lr=log(1e-5,1e-1)', '--seed=range(0,3)', '--model=a,b', '--objective=min:loss'];
    const tried: unknown[] = [];
    for (const algorithm of ['tpe', 'tpe', 'sobol', 'random']) {
      using rig = await openStudy();
      const record = await sweep(rig, [
        ...search,
        '--algorithm',
        algorithm,
        '--same-trials=14',
        '-j',
        '3',
        '--sampler-seed=5',
      ]);
      assert.equal(record.results.length, 14);
      tried.push(valuesOf(record));
    }
    assert.deepEqual(tried[0], tried[1]);
    assert.deepEqual((tried[0] as unknown[]).slice(0, 10), (tried[3] as unknown[]).slice(0, 10));
    assert.notDeepEqual(tried[2], tried[3]);
  });

  it('runs as many trials at a time as it is told', async () => {
    using rig = await openStudy();
    hold(rig, 0, 1, 2);
    const { ended } = rig.start(['sweep', 'study:1.0', '--seed=range(0,5)', '--jobs=3', '--json']);
    await until('three trials run', () => started(rig).length === 3);
    release(rig, 0, 1, 2);
    const record: SweepRecord = (await ended).json();
    assert.equal(record.status, 'succeeded');
    assert.equal(started(rig).length, 5);
  });

  it('does not give the same GPUs to several trials', async () => {
    using rig = openRig();
    rig.write({
      'study/same.yaml': PROGRAM.replace('pipeline:', 'resources: {gpu: {count: 1}}\npipeline:'),
      'study/train.sh': script(rig.root),
    });
    await works(rig, ['create', 'program', '-f', 'study']);
    const words = ['sweep', 'study:1.0', '--model=a,b', '--allow-unmet'];
    const ended = await works(rig, [...words, '--jobs=2'], 2);
    assert.match(ended.stderr, /^SAME1902 step train asks for GPUs/m);
    await works(rig, words);
  });

  it('with --plan shows the trials and leaves nothing', async () => {
    using rig = await openStudy();
    const { stdout } = await works(rig, ['sweep', 'study:1.0', '--model=a,b', '--seed=0,7', '--plan']);
    assert.match(stdout, /TRIAL +model +seed\n +0 +a +0\n +1 +a +7\n +2 +b +0\n +3 +b +7/);
    const plan = (await works(rig, ['sweep', 'study:1.0', '--model=a,b', '--plan', '--json'])).json();
    assert.deepEqual(plan.planned, [{ model: 'a' }, { model: 'b' }]);
    assert.deepEqual(await runsOf(rig), []);
    assert.equal(existsSync(join(rig.home, 'sweeps')), false);
  });

  it('reports every problem at once before anything runs', async () => {
    using rig = await openStudy();
    const words = [
      '--lr=linear(0,2)',
      '--model=a,c',
      '--seeds=1',
      '--algorithm=best',
      '--objective=loss',
      '--jobs=0',
    ];
    const ended = await works(rig, ['sweep', 'study:1.0', ...words], 2);
    const said = ended.stderr.split('\n').filter((line) => line.startsWith('SAME'));
    assert.deepEqual(
      said.map((line) => line.slice(0, 8)),
      ['SAME1101', 'SAME1103', 'SAME1103', 'SAME1103', 'SAME1902', 'SAME1902', 'SAME1902'],
      ended.stderr,
    );
    assert.equal(existsSync(join(rig.home, 'sweeps')), false);
  });

  it('plans every trial before the first one starts', async () => {
    using rig = await openStudy();
    const ended = await works(rig, ['sweep', 'study:1.0', '--title=["a","b","c\\u0000"]'], 2);
    assert.match(ended.stderr, /^SAME1103 trial 2: parameter "title": a NUL byte/m);
    assert.deepEqual(started(rig), []);
    assert.deepEqual(await runsOf(rig), []);
  });

  for (const [words, code, message] of [
    [['--lr=0.5'], 2, /SAME1621 nothing varies/],
    [['--lr=log(1e-3,1)'], 2, /SAME1902 how many trials\?/],
    [['--model=a,b', '--same-trials=3'], 2, /SAME1902 --trials=3 is more than there are combinations: 2/],
    [['--lr=log(1e-3,1)', '--algorithm=grid'], 2, /SAME1902 a grid needs a list of values/],
    [['--model=a,b', '--sampler-seed=1'], 2, /SAME1902 --sampler-seed is for algorithms that draw/],
    [['--model=a,b', '--algorithm=tpe', '--same-trials=2'], 2, /SAME1902 tpe learns from results/],
    [['--model=a,b', '--trials=1'], 2, /SAME1902 --trials is an option of same, and the program has/],
    [['--model=a,b', '--resume'], 3, /SAME1620 there is no sweep of this search/],
  ] as [string[], number, RegExp][]) {
    it(`is refused: ${words.join(' ')}`, async () => {
      using rig = await openStudy();
      const ended = await works(rig, ['sweep', 'study:1.0', ...words], code);
      assert.match(ended.stderr, message);
      assert.deepEqual(started(rig), []);
    });
  }

  it('reaches a parameter called like an option by --set and after --', async () => {
    using rig = await openStudy();
    for (const words of [
      ['--set', 'trials=3,4'],
      ['--', '--trials=3,4'],
    ])
      assert.deepEqual(valuesOf((await works(rig, ['sweep', 'study:1.0', '--json', ...words])).json()), [
        { trials: 3 },
        { trials: 4 },
      ]);
  });

  it('takes the same value in all trials from a profile and a file, and says so in their runs', async () => {
    using rig = await openStudy();
    rig.write({ 'p.json': '{"seed": 4}' });
    const record = await sweep(rig, ['--model=a,b', '--profile=quick', '--parameters=p.json']);
    assert.deepEqual(record.parameters, { seed: 4 });
    for (const { parameters } of await runsOf(rig)) {
      assert.deepEqual([parameters.trials!.value, parameters.trials!.source], [2, 'profile quick']);
      assert.deepEqual([parameters.seed!.value, parameters.seed!.source], [4, '--seed']);
    }
  });
});

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
