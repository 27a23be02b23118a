import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertRefused } from './refusal.ts';
import { openRig, type Rig } from './rig.ts';
import { idOf, outcome, storeRun } from './stored-runs.ts';
import { atTerminal } from './terminal.ts';

describe('a listing of runs', () => {
  let rig: Rig;
  before(() => {
    rig = openRig();
    storeRun(rig, 1, outcome({ lr: 0.1, who: '=HYPERLINK("x")' }, { acc: 0.7, 'two words': 1 }));
    storeRun(rig, 2, outcome({ lr: 0.01, who: 'a,"b"\nc' }, { acc: 0.9 }));
    storeRun(rig, 3, outcome({ lr: 0.001, who: '-1' }, { acc: 0.95 }));
    storeRun(rig, 4, { ...outcome({ lr: 0.001, who: '|<b>' }), status: 'failed' });
  });
  after(() => rig[Symbol.dispose]());
  const listed = async (...words: string[]): Promise<string[]> => {
    const { code, stdout, stderr } = await rig.same(['list', 'runs', '--columns', 'id', ...words]);
    assert.equal(code, 0, stderr);
    return stdout.trim().split('\n').slice(1);
  };

  it('is filtered, sorted and cut, and says what it leaves out', async () => {
    assert.deepEqual(
      await listed(
        '--where',
        'parameters.lr < 0.05 and metrics.acc > 0.8 and status = succeeded',
        '--sort',
        '-metrics.acc',
      ),
      [idOf(3), idOf(2)],
    );
    assert.deepEqual(await listed('--sort', 'metrics.acc,-id'), [1, 2, 3, 4].map(idOf));
    assert.deepEqual(await listed('--where', 'not metrics.acc > 0', '-n', 'STUDY:1.0'), [idOf(4)]);
    assert.deepEqual(await listed('--where', 'metrics.`two words` = 1'), [idOf(1)]);
    const { stdout, stderr } = await rig.same(['list', 'runs', '--limit', '3']);
    assert.deepEqual(stdout.match(/019a\S+/g), [4, 3, 2].map(idOf));
    assert.equal(stderr, 'and 1 more; all of them with --limit all\n');
  });

  it('shows what it always showed where nothing is asked', async () => {
    const { stdout, stderr } = await rig.same(['list', 'runs', '-n', 'study']);
    assert.match(stdout, /^RUN +PROGRAM +STATUS +STARTED +TOOK +METRICS$/m);
    assert.match(
      stdout,
      /^019a\S+01 +study:1\.0 +succeeded +2026-01-31 09:30 +1 min 0 s +acc=0\.7 two words=1$/m,
    );
    assert.equal(stdout.trim().split('\n').length, 5);
    assert.equal(stderr, '');
    const { items, total } = (await rig.same(['list', 'runs', '--json'])).json();
    assert.equal(total, 4);
    assert.equal(items[0].id, idOf(4));
    assert.equal(items[0].own, true);
    assert.equal(items[3].parameters.lr.value, 0.1);
  });

  it('is CSV that a spreadsheet takes for nothing but values', async () => {
    const { stdout } = await rig.same([
      'list',
      'runs',
      '--columns',
      'id,parameters.*,metrics.acc',
      '--sort',
      'id',
      '--format',
      'csv',
    ]);
    assert.equal(
      stdout,
      [
        'id,parameters.lr,parameters.who,metrics.acc',
        `${idOf(1)},0.1,"'=HYPERLINK(""x"")",0.7`,
        `${idOf(2)},0.01,"a,""b""\nc",0.9`,
        `${idOf(3)},0.001,'-1,0.95`,
        `${idOf(4)},0.001,|<b>,`,
        '',
      ].join('\n'),
    );
    // What is there and empty is told from what is not there.
    using tagged = openRig();
    for (const number of [1, 2]) storeRun(tagged, number);
    assert.equal((await tagged.same(['tag', 'run', idOf(1), 'kept'])).code, 0);
    const columns = ['list', 'runs', '--columns', 'id,tags.kept', '--sort', 'id', '--format'];
    assert.equal(
      (await tagged.same([...columns, 'csv'])).stdout,
      `id,tags.kept\n${idOf(1)},""\n${idOf(2)},\n`,
    );
    assert.match(
      (await tagged.same([...columns, 'md'])).stdout,
      new RegExp(`^\\| ${idOf(1)} \\| "" \\|$`, 'm'),
    );
    const [header] = (await rig.same(['list', 'runs', '--format', 'csv'])).stdout.split('\n');
    assert.match(
      header!,
      /^id,display,.*,own,parameters\.lr,parameters\.who,metrics\.acc,metrics\.two words$/,
    );
  });

  it('is Markdown whose cells make no others, and JSON of the columns that were asked for', async () => {
    const words = ['list', 'runs', '--columns', 'parameters.who,metrics.acc', '--where', 'status = failed'];
    const { stdout } = await rig.same([...words, '--format', 'md']);
    assert.equal(stdout, '| parameters.who | metrics.acc |\n| --- | ---: |\n| \\|\\<b> |  |\n');
    for (const more of [['--json'], ['--format', 'json']])
      assert.deepEqual((await rig.same([...words, ...more])).json().items, [{ 'parameters.who': '|<b>' }]);
  });

  it('says everything that is wrong with what is asked, each with its place', async () => {
    const words = [
      'list',
      'runs',
      '--where',
      'params.lr < 1 and status = FINISHED',
      '--sort',
      'metrics.acc DESC',
    ];
    const { code, stderr } = await rig.same([...words, '--columns', 'id,statu', '--limit', '0']);
    assert.equal(code, 2);
    assert.deepEqual(stderr.trim().split('\n'), [
      'SAME1902 --where: there is no field "params.lr" (--where at character 1) — write parameters.lr',
      'SAME1902 --where: there is no status "FINISHED" (--where at character 28) — did you mean succeeded?',
      'SAME1902 --sort: there is "DESC" after a field (--sort at character 1) — write -metrics.acc',
      'SAME1902 --limit takes a number of runs or all, got "0" (--limit)',
      'SAME1902 --columns: there is no field "statu" (--columns at character 4) — did you mean status?',
    ]);
    for (const [more, message] of [
      [['--format', 'xlsx'], /there is no format "xlsx"/],
      [['--format', 'csv', '--json'], /--json is a format, and so is --format csv/],
      [['oci://registry.example.org/a', '--where', 'own = true'], /--where is of runs here/],
    ] as const)
      await assertRefused(rig, ['list', 'runs', ...more], { code: 'SAME1902', exit: 2, message });
  });

  it('warns of a name that no run has, and says which is near', async () => {
    const { code, stdout, stderr } = await rig.same(['list', 'runs', '--where', 'metrics.acx > 0']);
    assert.deepEqual([code, stdout], [0, '']);
    assert.equal(
      stderr,
      'warning: SAME1902 no run here has metrics.acx — did you mean metrics.acc?\nno run meets the filter\n',
    );
  });

  it('ends after 50 runs where a person looks, and says how many more there are', async () => {
    using many = openRig();
    for (let number = 0; number < 53; number++) storeRun(many, number);
    const terminal = { columns: 200, rows: 60 };
    const { written } = await atTerminal(many, ['list', 'runs'], terminal);
    assert.equal(written.match(/019a3b5c/g)!.length, 50);
    assert.match(written, /and 3 more; all of them with --limit all/);
    const all = await atTerminal(many, ['list', 'runs', '--limit', 'all'], terminal);
    assert.equal(all.written.match(/019a3b5c/g)!.length, 53);
    const { stdout } = await many.same(['list', 'runs']);
    assert.equal(stdout.trim().split('\n').length, 54);
  });
});
