import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { assertRefused, listing } from './refusal.ts';
import { manifest, openRig, type Rig } from './rig.ts';

const study = manifest(
  'run: echo "{\\"score\\":1}" > metrics.json',
  'parameters: {n: {type: integer, default: 1}}\nclaims: [{id: t, metric: score, expect: 1}]',
);

// biome-ignore lint/suspicious/noExplicitAny: records of every shape
type Damage = (record: any) => void;

describe('a record of a run that is none', () => {
  let rig: Rig;
  let path: string;
  let id: string;
  let written: string;
  before(async () => {
    rig = openRig();
    rig.write({ 'study/same.yaml': study });
    await works(['create', '-f', 'study']);
    await works(['run', 'study']);
    const files = readdirSync(rig.home, { recursive: true, encoding: 'utf8' });
    path = join(rig.home, files.find((file) => file.endsWith('run.json'))!);
    chmodSync(path, 0o644);
    written = readFileSync(path, 'utf8');
    id = JSON.parse(written).id;
  });
  after(() => rig[Symbol.dispose]());
  beforeEach(() => writeFileSync(path, written));

  const works = async (words: string[]) => {
    const ended = await rig.same(words);
    assert.equal(ended.code, 0, ended.stderr);
    return ended;
  };
  const damage = (change: Damage) => {
    const record = JSON.parse(written);
    change(record);
    writeFileSync(path, JSON.stringify(record));
  };

  for (const [what, change, message] of [
    ['an unknown outcome', (record) => (record.claims[0].outcome = 'missed'), /claims\.0\.outcome/],
    ['another version', (record) => (record.program.version = '9.9'), /of study:9\.9; it is of study:1\.0/],
    ['text that is no Unicode', (record) => (record.warnings = ['\ud800']), /surrogate/],
  ] as [string, Damage, RegExp][]) {
    it(`does not travel, and nothing is written: ${what}`, async () => {
      damage(change);
      const state = listing(rig.root);
      await assertRefused(rig, ['export', '-n', 'study:1.0', '-o', 'study.tgz'], {
        code: 'SAME1612',
        exit: 7,
        place: id,
        message,
        hint: new RegExp(`--history none.*same delete run ${id}`),
      });
      await assertRefused(rig, ['export', '-n', 'study:1.1', '-o', 'study.tgz'], {
        code: 'SAME1612',
        exit: 7,
      });
      assert.deepEqual(listing(rig.root), state);
      assert.ok(!existsSync(rig.path('study.tgz')));
    });
  }

  it('does not keep the program from travelling alone, nor from being shown', async () => {
    damage((record) => (record.claims[0].outcome = 'missed'));
    const shown = await works(['show', 'study']);
    assert.match(shown.stderr, /warning: SAME1612 the digests are those without a run: run /);
    await works(['export', '-n', 'study:1.0', '-o', 'alone.tgz', '--history', 'none']);
    await works(['verify', 'integrity', 'alone.tgz']);
  });

  for (const [what, change] of [
    ['an unknown outcome', (record) => (record.claims[0].outcome = 'missed')],
    ['a claim without figures', (record) => (record.claims = [{}])],
    ['a value that is text', (record) => (record.metrics[0].value = 'one')],
    ['a name that is no text', (record) => (record.metrics[0].name = { toString: 1, valueOf: 1 })],
    ['usage that is no figure', (record) => (record.usage = { durationMs: { valueOf: 1, toString: 1 } })],
    ['a machine without anything', (record) => (record.machine = {})],
    ['an error of null', (record) => (record.error = null)],
    ['outputs of figures', (record) => (record.steps[0].outputs = { o: 1 })],
    ['no finish', (record) => Object.assign(record, { claims: [{}], finishedAt: undefined })],
  ] as [string, Damage][]) {
    it(`is named where it is looked at: ${what}`, async () => {
      damage(change);
      for (const words of [
        ['show', 'run', id],
        ['logs', id],
        ['get', 'run', id, '-o', 'got'],
      ]) {
        const { code, stderr, stdout } = await rig.same([...words, '--json']);
        assert.equal(code, 7, stderr);
        for (const finding of JSON.parse(stdout).findings) {
          assert.equal(finding.code, 'SAME1612');
          assert.ok(finding.place.includes(id));
        }
      }
      for (const words of [
        ['list', 'runs'],
        ['show', 'study'],
      ])
        await works(words);
    });
  }

  it('can be deleted', async () => {
    damage((record) => (record.claims[0].outcome = 'missed'));
    await works(['delete', 'run', id]);
    assert.equal((await works(['list', 'runs', '--json'])).json().items.length, 0);
  });
});

describe('how many runs of a program are here', () => {
  it('is what the named command lists: of this version, those of authors too', async () => {
    using author = openRig();
    using rig = openRig();
    for (const home of [author, rig]) home.write({ 'study/same.yaml': study });
    for (const words of [
      ['create', '-f', 'study'],
      ['run', 'study'],
      ['export', '-n', 'study:1.0', '-o', 'study.tgz'],
    ])
      assert.equal((await author.same(words)).code, 0);
    for (const words of [
      ['import', author.path('study.tgz')],
      ['run', 'study', '--n', '2'],
      ['commit', 'program', 'study:1.0', '--as', '1.1', '--set', 'n=3'],
      ['run', 'study:1.1'],
    ])
      assert.equal((await rig.same(words)).code, 0);
    for (const [reference, version, count] of [
      ['study', '1.1', 1],
      ['study:1.0', '1.0', 2],
    ] as const) {
      const { stdout } = await rig.same(['show', 'program', reference]);
      const [, said, command] = /^([0-9]+) runs? here: same (.*)$/m.exec(stdout)!;
      assert.equal(command, `list runs -n study:${version}`);
      const { items } = (await rig.same([...command!.split(' '), '--json'])).json();
      assert.deepEqual([Number(said), items.length], [count, count]);
      const { runs } = (await rig.same(['show', 'program', reference, '--json'])).json();
      assert.equal(runs.length, count);
    }
  });
});
