import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { manifest, openRig, type Rig } from '../e2e/rig.ts';

/** What clauses ask for that an adapter cannot be asked: of one whole command, or of several. */
const study = manifest(
  'run: echo "{\\"score\\":$SAME_PARAM_N}" > metrics.json',
  'parameters:\n  n: {type: integer, default: 1}',
);

async function done(rig: Rig, words: string[], options: Parameters<Rig['same']>[1] = {}) {
  const ended = await rig.same(words, options);
  assert.equal(ended.code, 0, `same ${words.join(' ')}: ${ended.stderr}`);
  return ended;
}

const filesBelow = (directory: string) =>
  globSync('**/*', { cwd: directory, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();

describe('a command', () => {
  it('says a finding as a line that begins with its code, and in JSON as its members', async () => {
    using rig = openRig();
    const text = await rig.same(['run', 'nothing:1.0']);
    assert.match(text.stderr, /^SAME1204 /m);
    assert.equal(text.stdout, '');
    const json = await rig.same(['run', 'nothing:1.0', '--json']);
    const line = JSON.parse(json.stdout || json.stderr);
    assert.equal(JSON.stringify(line).includes('"code":"SAME1204"'), true);
  });

  it('writes data to standard output and everything else to standard error, in JSON one document', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': study });
    for (const words of [
      ['create', '-f', 'study'],
      ['show', 'study:1.0'],
      ['run', 'study:1.0', '--n=3'],
      ['list', 'runs'],
      ['list', 'programs'],
      ['export', '-n', 'study:1.0', '--portable'],
    ]) {
      const { stdout } = await done(rig, [...words, '--json']);
      assert.equal(JSON.parse(stdout).apiVersion, 'same/v1', words.join(' '));
    }
  });

  it('resolves the reference before it reads any later word', async () => {
    using rig = openRig();
    const { code, stderr } = await rig.same(['run', 'nothing:1.0', '--no-such-parameter=1', 'stray']);
    assert.equal(code, 3);
    assert.match(stderr, /^SAME1204 /m);
    assert.doesNotMatch(stderr, /SAME1101|SAME1902/);
  });

  it('that refuses leaves everything as it was', async () => {
    using rig = openRig();
    rig.write({
      'study/same.yaml': study,
      'broken/same.yaml': 'apiVersion: same/v1\n',
      'no.tgz': 'no bundle',
    });
    await done(rig, ['create', '-f', 'study']);
    const look = () =>
      filesBelow(rig.home)
        .filter((path) => !path.includes('/cache/'))
        .map((path) => [path, readFileSync(path, 'base64')]);
    const before = look();
    for (const words of [
      ['create', '-f', 'broken'],
      ['run', 'study:1.0', '--n=x'],
      ['run', 'study:1.0', '--m=1'],
      ['import', 'no.tgz'],
      ['export', '-n', 'study:0.9'],
      ['commit', 'study:1.0', '--as', '1.1', '--set', 'n=x'],
    ])
      assert.notEqual((await rig.same(words)).code, 0, words.join(' '));
    assert.deepEqual(look(), before);
  });

  it('writes nothing but its home, what it was told to write and the directory of temporary files', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': study, 'here/a': '' });
    const cwd = rig.path('here');
    const outside = () => filesBelow(rig.root).filter((path) => !path.startsWith(rig.home));
    const before = outside();
    const out = rig.path('out.tgz');
    for (const words of [
      ['create', '-f', rig.path('study')],
      ['run', 'study:1.0'],
      ['show', 'study:1.0'],
      ['export', '-n', 'study:1.0', '-o', out],
      ['import', out],
      ['list', 'runs'],
    ])
      await done(rig, words, { cwd });
    assert.deepEqual(outside(), [...before, out].sort());
  });
});

describe('a bundle', () => {
  it('is never executed by reading, showing, importing or exporting it', async () => {
    using rig = openRig();
    const mark = rig.path('ran');
    rig.write({
      'study/same.yaml': manifest(`run: [sh, mark.sh]`, ''),
      'study/mark.sh!': `#!/bin/sh\ntouch '${mark}'\n`,
      'study/.git-hooks/post-checkout!': `#!/bin/sh\ntouch '${mark}'\n`,
    });
    await done(rig, ['create', '-f', 'study']);
    await done(rig, ['export', '-n', 'study:1.0', '-o', 'study.tgz']);
    const elsewhere = { env: { SAME_HOME: rig.path('elsewhere') } };
    for (const words of [
      ['show', './study.tgz'],
      ['import', 'study.tgz'],
      ['show', 'study:1.0'],
      ['run', 'study:1.0', '--plan'],
      ['export', '-n', 'study:1.0', '-o', 'again.tgz'],
    ])
      await done(rig, words, elsewhere);
    assert.equal(existsSync(mark), false);
    await done(rig, ['run', 'study:1.0'], elsewhere);
    assert.equal(existsSync(mark), true);
  });

  it('has its name from what is in it, whatever its file is called', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': study });
    await done(rig, ['create', '-f', 'study']);
    await done(rig, ['export', '-n', 'study:1.0', '-o', 'study.tgz']);
    renameSync(rig.path('study.tgz'), rig.path('other:9.9.tgz'));
    const elsewhere = { env: { SAME_HOME: rig.path('elsewhere') } };
    await done(rig, ['import', './other:9.9.tgz'], elsewhere);
    const { stdout } = await done(rig, ['list', 'programs', '--json'], elsewhere);
    const { items } = JSON.parse(stdout) as { items: { name: string; version: string }[] };
    assert.deepEqual(
      items.map(({ name, version }) => [name, version]),
      [['study', '1.0']],
    );
  });

  it('is named for its program in the current directory, and said with a leading ./', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': study.replace('name: study', 'name: group/study') });
    await done(rig, ['create', '-f', 'study']);
    const { stdout, stderr } = await done(rig, ['export', '-n', 'group/study:1.0']);
    assert.ok(existsSync(rig.path('group-study:1.0.tgz')));
    assert.match(stdout + stderr, /\.\/group-study:1\.0\.tgz/);
    await done(rig, ['export', '-n', 'group/study:1.0', '--portable']);
    assert.ok(existsSync(rig.path('group-study-1.0.tgz')));
  });
});

describe('a run', () => {
  it('has a record that nothing changes afterwards', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': study });
    await done(rig, ['create', '-f', 'study']);
    const { id } = (await done(rig, ['run', 'study:1.0', '--json'])).json();
    const [path] = filesBelow(rig.home).filter((file) => file.endsWith(`${id}/run.json`));
    const before = readFileSync(path!);
    for (const words of [
      ['run', 'study:1.0', '--n=2'],
      ['show', 'run', id],
      ['logs', id],
      ['export', '-n', 'study:1.0', '--history', 'all', '-o', 'study.tgz'],
      ['import', 'study.tgz'],
      ['commit', 'study:1.0', '--as', '1.1', '--run', id],
    ])
      await done(rig, words);
    assert.deepEqual(readFileSync(path!), before);
  });

  it('gives its parameters to a version that is committed from it, and --set wins over them', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': study });
    await done(rig, ['create', '-f', 'study']);
    const { id } = (await done(rig, ['run', 'study:1.0', '--n=5', '--json'])).json();
    await done(rig, ['commit', 'study:1.0', '--as', '1.1', '--run', id]);
    assert.match((await done(rig, ['run', 'study:1.1', '--json'])).stdout, /"default": 5/);
    await done(rig, ['commit', 'study:1.0', '--as', '1.2', '--run', id, '--set', 'n=6']);
    assert.match((await done(rig, ['run', 'study:1.2', '--json'])).stdout, /"default": 6/);
    const { code, stderr } = await rig.same(['commit', 'study:1.0', '--as', '1.3', '--set', 'n=x']);
    assert.deepEqual([code, /^SAME1102 /m.test(stderr)], [2, true]);
  });

  it('is what a version that is not there is exported from; without one it is refused', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': study });
    await done(rig, ['create', '-f', 'study']);
    for (const [version, words] of [
      ['1.1', ['export', '-n', 'study:1.1']],
      ['0.9', ['export', '-n', 'study:0.9']],
    ] as const) {
      const { code, stderr } = await rig.same([...words]);
      assert.deepEqual([code, /^SAME1204 /m.test(stderr)], [3, true], version);
    }
    await done(rig, ['run', 'study:1.0', '--n=5']);
    await done(rig, ['export', '-n', 'study:1.1']);
    assert.match((await done(rig, ['run', 'study:1.1', '--json'])).stdout, /"default": 5/);
  });
});

describe('a reference', () => {
  it('that leads nowhere is refused with the versions that exist and names that are near', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': study });
    await done(rig, ['create', '-f', 'study']);
    const version = await rig.same(['run', 'study:2.0']);
    assert.match(version.stderr, /^SAME1204 .*2\.0.*\b1\.0/ms);
    const name = await rig.same(['run', 'stduy:1.0']);
    assert.match(name.stderr, /^SAME1204 .*did you mean study/ms);
    assert.deepEqual([version.code, name.code], [3, 3]);
  });
});

describe('a lock', () => {
  it('is written by same lock alone; creating leaves the source as it is and says so', async () => {
    using rig = openRig();
    const packages = 'environments: {default: {python: {version: "3.11", packages: []}}}';
    rig.write({ 'study/same.yaml': manifest('run: "true"', packages) });
    const created = await rig.same(['create', '-f', 'study']);
    assert.equal(existsSync(rig.path('study/same.lock')), false);
    assert.equal(created.code, 0, created.stderr);
    assert.match(created.stderr, /SAME1503 identity not reproducible from source: commit same\.lock/);
    await done(rig, ['lock', '-f', 'study']);
    const lock = readFileSync(rig.path('study/same.lock'), 'utf8');
    const again = await done(rig, ['create', '-f', 'study']);
    assert.doesNotMatch(again.stderr, /SAME1503/);
    assert.equal(readFileSync(rig.path('study/same.lock'), 'utf8'), lock);
  });
});
