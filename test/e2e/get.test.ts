import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { manifest, openRig } from './rig.ts';

const study = manifest(
  'run: mkdir tree; echo a > tree/a; echo b > table.csv; echo c > {{outputs.loose}}\n' +
    'outputs: {table: {path: table.csv}, tree: {path: tree/}, loose: {}}',
);

describe('same get run', () => {
  it('copies files and directories that the steps wrote, byte for byte', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': study });
    assert.equal((await rig.same(['run', '-f', 'study'])).code, 0);
    const got = await rig.same(['get', 'run', 'latest', '-o', 'results']);
    assert.equal(got.code, 0, got.stderr);
    assert.deepEqual(got.stdout.trim().split('\n').sort(), [
      'results/main/loose',
      'results/main/table.csv',
      'results/main/tree/a',
    ]);
    assert.equal(readFileSync(rig.path('results/main/table.csv'), 'utf8'), 'b\n');
    assert.equal(readFileSync(rig.path('results/main/tree/a'), 'utf8'), 'a\n');
  });

  it('warns of results that lie where the next create packs them', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': study });
    const cwd = rig.path('study');
    assert.equal((await rig.same(['run'], { cwd })).code, 0);
    for (const words of [[], ['-o', 'kept/results']]) {
      const { code, stderr } = await rig.same(['get', 'run', 'latest', ...words], { cwd });
      assert.equal(code, 0, stderr);
      assert.match(stderr, /is in the folder of a program .*the next create packs it/);
      assert.match(stderr, /-o \S+|files\.exclude/);
    }
    const beside = await rig.same(['get', 'run', 'latest', '-o', '../results'], { cwd });
    assert.equal(beside.code, 0);
    assert.doesNotMatch(beside.stderr, /the folder of a program/);
  });

  it('refuses a folder that is there and a step that is not', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': study, 'results/mine': 'keep' });
    assert.equal((await rig.same(['run', '-f', 'study'])).code, 0);
    const there = await rig.same(['get', '-o', 'results']);
    assert.equal(there.code, 4);
    assert.match(there.stderr, /^SAME1403 results is there already/);
    assert.equal(readFileSync(rig.path('results/mine'), 'utf8'), 'keep');
    const none = await rig.same(['get', '--step', 'other', '-o', 'new']);
    assert.match(none.stderr, /^SAME1902 .*has no step "other" \(steps: main\)/);
    assert.ok(!existsSync(rig.path('new')));
  });
});

describe('a bundle in the folder of its program', () => {
  it('is no part of the program: exporting there changes no digest', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': study, 'study/data.tgz': 'no bundle' });
    const first = (await rig.same(['create', '-f', 'study', '--json'])).json();
    const cwd = rig.path('study');
    assert.equal((await rig.same(['export', '-n', 'study:1.0'], { cwd })).code, 0);
    assert.ok(existsSync(rig.path('study/study:1.0.tgz')));
    const again = await rig.same(['create', '-f', 'study', '--json']);
    assert.equal(again.json().digest, first.digest);
    assert.match(again.stderr, /left out study:1\.0\.tgz: it is a bundle/);
  });
});
