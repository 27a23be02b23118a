import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { begun } from '../runs/record.ts';
import { assertRefused } from './refusal.ts';
import { manifest, openRig, type Rig } from './rig.ts';
import { idOf, outcome, storeRun } from './stored-runs.ts';

const metric = (value: number) => [{ name: 'per', step: 'one', value, direction: 'lower' as const }];

describe('runs beside one another', () => {
  let rig: Rig;
  before(() => {
    rig = openRig();
    const environments = (numpy: string) => ({
      default: { key: 'k', locked: true, variables: {}, resolved: { packages: { numpy, scipy: '1.0' } } },
    });
    storeRun(rig, 0xa1, {
      ...outcome({ lr: 0.1, epochs: 3 }),
      metrics: metric(17.8),
      environments: environments('2.0'),
    });
    storeRun(rig, 0xa2, {
      ...outcome({ lr: 0.01, epochs: 3 }),
      metrics: metric(17.5),
      environments: environments('2.1'),
      usage: { durationMs: 90_000 },
      machine: { os: 'linux', arch: 'x86_64', cpu: 8, memoryBytes: 1, gpu: ['A100'] },
    });
    storeRun(rig, 0xa3, {
      ...outcome({ lr: 0.1, epochs: 3, extra: [1] }),
      metrics: [],
      environments: environments('2.0'),
    });
  });
  after(() => rig[Symbol.dispose]());

  it('show only what differs, figures with what they are better or worse', async () => {
    const { code, stdout } = await rig.same(['compare', 'runs', idOf(0xa1), idOf(0xa2), idOf(0xa3)]);
    assert.equal(code, 0);
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    assert.deepEqual(rows, [
      ['0000a1', '0000a2', '0000a3'],
      ['durationMs', '1 min 0 s', '1 min 30 s (+30 s)', '1 min 0 s'],
      ['metrics.per (lower is better)', '17.8', '17.5 (-0.3, better)'],
      ['parameters.lr', '0.1', '0.01', '0.1'],
      ['parameters.extra', '[1]'],
      ['packages.default.packages.numpy', '2.0', '2.1', '2.0'],
      ['machine.cpu', '2', '8', '2'],
      ['machine.gpu', 'A100'],
      rows.at(-1),
    ]);
    assert.match(stdout, /^\d+ things are the same in all of them$/m);
    assert.doesNotMatch(stdout, /epochs|scipy/);
    const all = await rig.same(['compare', 'runs', idOf(0xa1), idOf(0xa2), '--all']);
    assert.match(all.stdout, /^parameters\.epochs +3 +3$/m);
  });

  it('show a note as what it is, beside a tag of that name', async () => {
    using noted = openRig();
    for (const number of [0xb1, 0xb2]) storeRun(noted, number);
    await noted.same(['tag', 'run', idOf(0xb1), 'note=table 1']);
    await noted.same(['note', 'run', idOf(0xb1), 'diverged']);
    const words = ['compare', 'runs', idOf(0xb1), idOf(0xb2)];
    const { stdout } = await noted.same(words);
    assert.match(stdout, /^tags\.note +table 1\s*$/m);
    assert.match(stdout, /^note +diverged\s*$/m);
    const { differences } = (await noted.same([...words, '--json'])).json();
    assert.deepEqual(
      differences.filter(({ name }: { name: string }) => name === 'note'),
      [
        { of: 'tags', name: 'note', values: ['table 1', null] },
        { of: 'note', name: 'note', values: ['diverged', null] },
      ],
    );
  });

  it('say the same in JSON, with what each has more than the first', async () => {
    const { runs, differences, equal } = (
      await rig.same(['compare', 'runs', idOf(0xa1), idOf(0xa2), '--json'])
    ).json();
    assert.deepEqual(
      runs.map(({ id }: { id: string }) => id),
      [idOf(0xa1), idOf(0xa2)],
    );
    assert.ok(equal > 5);
    const per = differences.find(({ name }: { name: string }) => name === 'per');
    assert.deepEqual([per.of, per.values, per.direction], ['metrics', [17.8, 17.5], 'lower']);
    assert.ok(Math.abs(per.deltas[1] + 0.3) < 1e-9);
  });

  it('are at least two, and every one that is not here is named', async () => {
    await assertRefused(rig, ['compare', 'runs', idOf(0xa1), idOf(0xa1)], {
      code: 'SAME1902',
      exit: 2,
      message: /are one run/,
    });
    const { code, stderr } = await rig.same(['compare', 'runs', 'nope', idOf(0xa1), 'neither']);
    assert.equal(code, 3);
    assert.match(stderr, /there is no run "nope"[\s\S]*there is no run "neither"/);
  });

  it('are diffed by cause: what came of them, then what they were made from, ranked', async () => {
    const { stdout } = await rig.same(['diff', 'runs', idOf(0xa1), idOf(0xa2)]);
    const headings = stdout.split('\n').filter((line) => /^\w/.test(line));
    assert.deepEqual(headings.slice(2), ['what came of them', 'parameters', 'packages', 'machine']);
    assert.match(stdout, /^ {2}per +17\.8 -> 17\.5 \(-0\.3, better\)$/m);
    assert.match(stdout, /^ {2}lr +0\.1 -> 0\.01$/m);
  });
});

describe('what steps logged', () => {
  it('is compared and diffed like parameters and tags that were given', async () => {
    using rig = openRig();
    const logging = (lr: string, team: string) => ({
      steps: begun().steps.map((step) => ({ ...step, logged: { parameters: { lr }, tags: { team } } })),
    });
    storeRun(rig, 1, logging('0.1', 'x'));
    storeRun(rig, 2, logging('0.01', 'y'));
    const compared = await rig.same(['compare', 'runs', idOf(1), idOf(2)]);
    assert.match(compared.stdout, /^parameters\.lr +0\.1 +0\.01$/m);
    assert.match(compared.stdout, /^tags\.team +x +y$/m);
    const diffed = await rig.same(['diff', 'runs', idOf(1), idOf(2)]);
    assert.match(diffed.stdout, /^ {2}lr +0\.1 -> 0\.01$/m);
  });
});

describe('the code of two runs', () => {
  it('is told file by file, texts by lines, and what is no text by its name', async () => {
    using rig = openRig();
    rig.write({
      'study/same.yaml': manifest('run: sh train.sh'),
      'study/train.sh': 'echo one\necho two\n',
      'study/table.bin': Buffer.from([0, 1]),
    });
    assert.equal((await rig.same(['run', '-f', 'study'])).code, 0);
    rig.write({
      'study/train.sh': 'echo one\necho three\n',
      'study/table.bin': Buffer.from([0, 2]),
      'study/new.txt': 'new\n',
    });
    assert.equal((await rig.same(['run', '-f', 'study'])).code, 0);
    const { items } = (await rig.same(['list', 'runs', '--json'])).json();
    const [now, before] = items.map(({ id }: { id: string }) => id);
    const { files } = (await rig.same(['diff', 'runs', before, now, '--json'])).json();
    assert.deepEqual(files, [
      { path: 'new.txt', change: 'added', lines: ['@@ -1,0 +1,1 @@', '+new'] },
      { path: 'table.bin', change: 'changed' },
      {
        path: 'train.sh',
        change: 'changed',
        lines: ['@@ -1,2 +1,2 @@', ' echo one', '-echo two', '+echo three'],
      },
    ]);
    const { stdout } = await rig.same(['diff', 'runs', before, now]);
    assert.match(
      stdout,
      /^ {2}changed train\.sh\n {4}@@ .*\n {5}echo one\n {4}-echo two\n {4}\+echo three$/m,
    );
    assert.match(stdout, /^ {2}changed table\.bin \(no text of a size to show\)$/m);
  });

  it('is compared by digest where the files of one are not here', async () => {
    using rig = openRig();
    const other = `sha256:${'9'.repeat(64)}`;
    storeRun(rig, 1);
    storeRun(rig, 2, {
      program: { name: 'study', version: '1.1', digest: other, pinned: true },
      code: { digest: other },
    });
    const { stdout } = await rig.same(['diff', 'runs', idOf(1), idOf(2)]);
    assert.match(stdout, /^ {2}version +1\.0 -> 1\.1$/m);
    assert.match(stdout, new RegExp(`the files of run ${idOf(2)} are not here`));
  });

  it('that has no cause in the records is said to have none', async () => {
    using rig = openRig();
    storeRun(rig, 1, { metrics: metric(1) });
    storeRun(rig, 2, { metrics: metric(2) });
    const { stdout } = await rig.same(['diff', 'runs', idOf(1), idOf(2)]);
    assert.match(stdout, /nothing that is recorded of what they were made from differs: chance/);
  });
});
