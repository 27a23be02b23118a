import assert from 'node:assert/strict';
import { chmodSync, lstatSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { assertRefused } from './refusal.ts';
import { openRig, type Rig } from './rig.ts';

describe('names of registries', () => {
  let rig: Rig;
  const config = (): string => readFileSync(rig.path('home/config.yaml'), 'utf8');
  before(() => {
    rig = openRig();
  });
  after(() => rig[Symbol.dispose]());

  it('are set, listed in their order, and forgotten', async () => {
    assert.match((await rig.same(['list', 'aliases'])).stderr, /no aliases yet/);
    const created = await rig.same(['create', 'alias', 'Lab', 'oci://Registry.example.org/Papers']);
    assert.equal(created.stdout, 'oci://Lab stands for oci://registry.example.org/Papers\n', created.stderr);
    assert.equal((await rig.same(['create', 'alias', 'default', 'oci://localhost:5000'])).code, 0);
    const items = [
      { name: 'Lab', address: 'oci://registry.example.org/Papers' },
      { name: 'default', address: 'oci://localhost:5000' },
    ];
    const listed = (await rig.same(['list', 'alias', '--json'])).json();
    assert.deepEqual([listed.kind, listed.items], ['AliasList', items]);
    const text = await rig.same(['list', 'aliases']);
    assert.match(
      text.stdout,
      /^ALIAS +ADDRESS\noci:\/\/Lab +oci:\/\/registry.example.org\/Papers\noci:\/\/default +/,
    );
    const deleted = await rig.same(['delete', 'alias', 'default']);
    assert.equal(deleted.stdout, 'deleted alias default (was oci://localhost:5000)\n');
    assert.equal(config(), 'registries:\n  aliases:\n    Lab: "oci://registry.example.org/Papers"\n');
    const gone = (await rig.same(['delete', 'alias', 'LAB', '--json'])).json();
    assert.deepEqual([gone.kind, gone.name, gone.address], ['Deleted', ...Object.values(items[0]!)]);
    assert.deepEqual((await rig.same(['list', 'aliases', '--json'])).json().items, []);
  });

  it('keep the comments, the order, the mode and the place of a file that was written by hand', async () => {
    rig.write({
      'dotfiles/same.yaml':
        '# my registries\nregistries:\n  aliases:\n    # at work\n    work: oci://localhost:5000/all # slow\n    lab: oci://ghcr.io/org\n',
    });
    chmodSync(rig.path('dotfiles/same.yaml'), 0o600);
    using other = openRig();
    await other.same(['list', 'aliases']);
    other.write({ 'home/.keep': '' });
    symlinkSync(rig.path('dotfiles/same.yaml'), other.path('home/config.yaml'));
    assert.equal((await other.same(['create', 'alias', 'new', 'oci://ghcr.io/new'])).code, 0);
    assert.equal((await other.same(['delete', 'alias', 'lab'])).code, 0);
    assert.equal(
      readFileSync(rig.path('dotfiles/same.yaml'), 'utf8'),
      '# my registries\nregistries:\n  aliases:\n    # at work\n    work: oci://localhost:5000/all # slow\n    new: "oci://ghcr.io/new"\n',
    );
    assert.ok(lstatSync(other.path('home/config.yaml')).isSymbolicLink());
    assert.equal(statSync(rig.path('dotfiles/same.yaml')).mode & 0o777, 0o600);
  });

  it('stay when set to what they are, and are replaced by force alone', async () => {
    rig.write({ 'home/config.yaml': 'registries: {aliases: {lab: oci://ghcr.io/org}} # mine\n' });
    const again = await rig.same(['create', 'alias', 'LAB', 'oci://GHCR.io/Org', '--json']);
    const { name, address, changed, replaced } = again.json();
    assert.deepEqual([name, address, changed, replaced], ['lab', 'oci://ghcr.io/org', false, null]);
    assert.equal(config(), 'registries: {aliases: {lab: oci://ghcr.io/org}} # mine\n');
    await assertRefused(rig, ['create', 'alias', 'lab', 'oci://ghcr.io/other'], {
      code: 'SAME1805',
      exit: 2,
      message: 'alias "lab" stands for oci://ghcr.io/org, not for oci://ghcr.io/other',
      hint: 'same create alias lab oci://ghcr.io/other --force',
    });
    const forced = await rig.same(['create', 'alias', 'lab', 'oci://ghcr.io/other', '--force']);
    assert.deepEqual(
      [forced.stdout, forced.stderr],
      ['oci://lab stands for oci://ghcr.io/other\n', 'replaced oci://ghcr.io/org\n'],
    );
    assert.equal(config(), 'registries: {aliases: {lab: "oci://ghcr.io/other"}} # mine\n');
  });

  it('are all there when many are set at once', async () => {
    using other = openRig();
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const ended = await Promise.all(
      names.map((name) => other.same(['create', 'alias', name, `oci://ghcr.io/${name}`])),
    );
    assert.deepEqual(
      ended.map(({ code, stderr }) => [code, stderr]),
      names.map(() => [0, '']),
    );
    const { items } = (await other.same(['list', 'aliases', '--json'])).json();
    assert.deepEqual(items.map((item: { name: string }) => item.name).sort(), names);
  });

  it('are refused where they could not be told from hosts, or lead nowhere', async () => {
    for (const [words, refusal] of [
      [['create', 'alias', 'my.lab', 'oci://ghcr.io'], { message: '"my.lab" is no name of an alias' }],
      [['create', 'alias', 'localhost', 'oci://ghcr.io'], { hint: 'not localhost' }],
      [['create', 'alias', 'work', 'oci://lab/x'], { message: 'aliases do not lead to aliases' }],
      [['create', 'alias', 'work', 'ghcr.io/org'], { hint: 'oci://ghcr.io/org' }],
      [['create', 'alias', 'work', 'https://ghcr.io/org'], { message: 'no address of a registry' }],
      [['create', 'alias', 'work', 'oci://ghcr.io/org/study:1.0'], { hint: 'without version or digest' }],
      [['delete', 'alias', 'lap'], { message: 'there is no alias "lap" — did you mean lab?' }],
    ] as const)
      await assertRefused(rig, [...words], { code: 'SAME1805', exit: 2, ...refusal });
    await assertRefused(rig, ['create', 'alias', 'work'], { code: 'SAME1902', message: 'address' });
  });

  it('are not touched in a file with problems, which are all told with their places', async () => {
    rig.write({ 'home/config.yaml': 'registry: {}\nregistries:\n  aliases:\n    a.b: oci://c\n    d: 5\n' });
    for (const words of [
      ['list', 'aliases'],
      ['create', 'alias', 'x', 'oci://ghcr.io'],
      ['delete', 'alias', 'd'],
    ])
      await assertRefused(rig, words, {
        code: ['SAME1004', 'SAME1805', 'SAME1805', 'SAME1005'],
        exit: 2,
        place: /config\.yaml:1:1\n.*config\.yaml:4:5\n.*config\.yaml:4:10\n.*config\.yaml:5:8/,
      });
  });

  it('need a home that is a directory', async () => {
    using other = openRig();
    other.write({ home: 'a file' });
    await assertRefused(other, ['create', 'alias', 'lab', 'oci://ghcr.io'], { code: 'SAME1404', exit: 5 });
  });
});
