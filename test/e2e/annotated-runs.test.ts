import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { begun } from '../runs/record.ts';
import { assertRefused } from './refusal.ts';
import { openRig } from './rig.ts';
import { directoryOf, idOf, outcome, storeRun } from './stored-runs.ts';

describe('what is said of a run', () => {
  it('is kept beside its record, shown with it, and found by', async () => {
    using rig = openRig();
    const id = storeRun(rig, 1);
    storeRun(rig, 2);
    const path = join(directoryOf(rig, id), 'run.json');
    const record = readFileSync(path);
    const tagged = await rig.same(['tag', 'run', id, 'kept', 'paper=table 1']);
    assert.equal(tagged.stdout, `run ${id}\n  tags kept paper=table 1\n`);
    assert.equal((await rig.same(['note', 'run', id, 'diverged\n\u001b[2Jlater'])).code, 0);
    const shown = await rig.same(['show', 'run', id]);
    assert.match(
      shown.stdout,
      /^ {2}tags kept paper=table 1\n {2}note\n {4}diverged\n {4}\\u001b\[2Jlater$/m,
    );
    const json = (await rig.same(['show', 'run', id, '--json'])).json();
    assert.deepEqual(json.tags, { kept: '', paper: 'table 1' });
    assert.match(json.note, /^diverged\n/);
    const found = await rig.same([
      'list',
      'runs',
      '--where',
      "tags.paper like 'table%'",
      '--columns',
      'id,tags.*',
    ]);
    assert.match(found.stdout, new RegExp(`^id +tags\\.kept +tags\\.paper\n${id} +"" +table 1\n$`));
    assert.match((await rig.same(['list', 'runs'])).stdout, /TAGS\n[\s\S]*kept paper=table 1/);
    assert.equal((await rig.same(['tag', 'run', id, '--remove', 'kept'])).code, 0);
    const emptied = await rig.same(['note', 'run', id, '', '--json']);
    assert.deepEqual(emptied.json().tags, { paper: 'table 1' });
    assert.equal(emptied.json().note, undefined);
    assert.deepEqual(readFileSync(path), record);
  });

  it('stands over what its steps logged, which stays, in listings and in the index', async () => {
    using rig = openRig();
    const steps = begun().steps.map((step, at) =>
      at === 0 ? { ...step, logged: { parameters: { lr: '0.1' }, tags: { team: 'x' } } } : step,
    );
    const id = storeRun(rig, 1, { steps });
    assert.equal((await rig.same(['list', 'runs'])).code, 0);
    assert.equal((await rig.same(['tag', 'run', 'latest', 'keep'])).code, 0);
    assert.match((await rig.same(['list', 'runs'])).stdout, / team=x keep$/m);
    assert.equal((await rig.same(['check', 'store'])).code, 0);
    assert.equal((await rig.same(['reindex'])).code, 0);
    assert.equal((await rig.same(['check', 'store'])).code, 0);
    const { stdout } = await rig.same(['show', 'run', id]);
    assert.match(stdout, /^ {2}logged parameters\n {4}lr: 0\.1$/m);
    assert.match(stdout, /^ {2}tags team=x keep$/m);
    for (const words of [
      ['show', 'run', id],
      ['list', 'runs'],
    ]) {
      const json = (await rig.same([...words, '--json'])).json();
      assert.deepEqual((json.items?.[0] ?? json).tags, { team: 'x', keep: '' });
    }
    await assertRefused(rig, ['tag', 'run', id, '--remove', 'team'], {
      code: 'SAME1902',
      exit: 2,
      message: /is in its record, which stays as it is/,
      hint: `same tag run ${id} team=VALUE`,
    });
  });

  it('is read from standard input, and goes with its run', async () => {
    using rig = openRig();
    const id = storeRun(rig, 1);
    const piped = await rig.same(['note', 'run', 'latest', '-'], {
      under: ['sh', '-c', 'printf "from a pipe\\n" | "$@"', 'sh'],
    });
    assert.equal(piped.stdout, `run ${id}\n  note\n    from a pipe\n`);
    assert.deepEqual(readdirSync(rig.path('home/runs/annotations')), [`${id}.jsonl`]);
    assert.equal((await rig.same(['delete', 'run', id])).stdout, `deleted run ${id}\n`);
    assert.deepEqual(readdirSync(rig.path('home/runs/annotations')), []);
  });

  it('is refused whole where a part of it is wrong', async () => {
    using rig = openRig();
    const id = storeRun(rig, 1);
    const { code, stderr } = await rig.same([
      'tag',
      'run',
      id,
      'a=1',
      'a=2',
      '=x',
      'b',
      '--remove',
      'b',
      '--remove',
      'c',
    ]);
    assert.equal(code, 2);
    assert.equal(stderr.trim().split('\n').length, 5);
    assert.match(
      stderr,
      /tag a is given twice[\s\S]*"" is no name of a tag[\s\S]*tag b is given and removed[\s\S]*has no tag c/,
    );
    await assertRefused(rig, ['tag', 'run', id], { code: 'SAME1902', exit: 2, message: /NAME=VALUE/ });
    await assertRefused(rig, ['tag', 'run', 'nope', 'a'], { code: 'SAME1608', exit: 3 });
    await assertRefused(rig, ['note', 'run', id, 'x'.repeat(65537)], { code: 'SAME1902', exit: 2 });
    assert.equal((await rig.same(['show', 'run', id, '--json'])).json().tags, undefined);
  });
});

describe('several runs', () => {
  it('are deleted all, or none where one is not here', async () => {
    using rig = openRig();
    const [a, b, c] = [1, 2, 3].map((number) => storeRun(rig, number));
    const { code, stderr } = await rig.same(['delete', 'run', a!, 'nope', 'neither']);
    assert.equal(code, 3);
    assert.match(stderr, /"nope"[\s\S]*"neither"/);
    const { stdout } = await rig.same(['delete', 'run', a!, b!, a!]);
    assert.equal(stdout, `deleted run ${a}\ndeleted run ${b}\n`);
    assert.deepEqual(
      (await rig.same(['list', 'runs', '--json'])).json().items.map(({ id }: { id: string }) => id),
      [c],
    );
  });

  it('that a filter finds are shown first, and deleted with --yes', async () => {
    using rig = openRig();
    for (const number of [1, 2, 3]) storeRun(rig, number, outcome({ n: number }));
    const words = ['delete', 'run', '--where', 'parameters.n < 3'];
    const preview = await rig.same(words);
    assert.deepEqual(preview.stdout.match(/019a\S+/g), [idOf(2), idOf(1)]);
    assert.equal(preview.stderr, 'nothing is deleted yet; to delete these 2: the same with --yes\n');
    assert.equal((await rig.same(['list', 'runs', '--json'])).json().total, 3);
    const json = (await rig.same([...words, '--yes', '--json'])).json();
    assert.deepEqual([json.deleted, json.items.length], [true, 2]);
    assert.equal((await rig.same(['list', 'runs', '--json'])).json().total, 1);
    for (const [more, message] of [
      [[], /takes ids of runs or --where$/],
      [[idOf(3), '--where', 'own = true'], /not both/],
      [[idOf(3), '--yes'], /--yes has nothing to do/],
      [['--where', 'n = 1'], /there is no field "n"/],
    ] as const)
      await assertRefused(rig, ['delete', 'run', ...more], { code: 'SAME1902', exit: 2, message });
  });
});
