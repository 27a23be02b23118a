import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { SweepRecord } from '../../src/sweeps/sweep.ts';
import { until } from '../components/facts.ts';
import { openRig } from './rig.ts';
import {
  hold,
  openStudy,
  PROGRAM,
  release,
  runsOf,
  script,
  started,
  sweep,
  valuesOf,
  works,
} from './sweep-lab.ts';

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

  it('says of an option that may be a parameter nothing else, and of others what is wrong', async () => {
    using rig = await openStudy();
    const words = ['--trials=3,4', '--sampler-seed=x'];
    const { stderr } = await works(rig, ['sweep', 'study:1.0', ...words], 2);
    const said = stderr.split('\n').filter((line) => line.startsWith('SAME'));
    assert.equal(said.length, 2, stderr);
    assert.match(
      said[0]!,
      /^SAME1902 --trials is an option of same, and the program has a parameter "trials"/,
    );
    assert.match(said[1]!, /^SAME1902 --sampler-seed is a number/);
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
