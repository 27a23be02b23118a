import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { study, studyRig, table } from './bad-words.ts';
import { assertRefused } from './refusal.ts';
import { openRig, type Rig } from './rig.ts';

describe('words that same does not understand', () => {
  const rig = studyRig();
  table(rig, [
    ['an unknown verb', ['creat', '-f', 'study'], { code: 'SAME1902', message: 'did you mean create?' }],
    ['a noun before its verb', ['run', 'list'], { code: 'SAME1902', hint: 'try: same list runs' }],
    ['another noun before its verb', ['runs', 'list'], { code: 'SAME1902', hint: 'try: same list runs' }],
    [
      'a noun that the verb does not take',
      ['create', 'run'],
      { code: 'SAME1902', message: 'same create takes program' },
    ],
    ['a noun that no verb has', ['list', 'studies'], { code: 'SAME1902' }],
    [
      'a noun mistyped, which could be a name',
      ['verify', 'intergity'],
      { code: 'SAME1204', exit: 3, message: '"intergity"', hint: 'did you mean: same verify integrity' },
    ],
    [
      'a noun mistyped before a name',
      ['show', 'rnu', 'latest'],
      { code: 'SAME1902', message: 'too many arguments', hint: 'did you mean: same show run' },
    ],
    [
      'a noun mistyped where no name goes',
      ['list', 'rums'],
      { code: 'SAME1902', hint: 'did you mean: same list runs' },
    ],
    [
      'a name mistyped that is like a noun too',
      ['verify', 'studyy'],
      { code: 'SAME1204', exit: 3, message: 'did you mean study?', hint: 'same create program' },
    ],
    [
      'an unknown option',
      ['create', '-f', 'study', '--derefrence'],
      { code: 'SAME1901', message: /derefrence.*Did you mean --dereference/ },
    ],
    [
      'an option of one value given twice',
      ['plot', 'runs', 'latest', '--metric', 'loss', '--metric=acc'],
      { code: 'SAME1902', message: '--metric is given twice' },
    ],
    [
      'an option of one value given twice, once in its short form',
      ['export', '-n', 'study:1.0', '--name', 'study:1.0'],
      { code: 'SAME1902', message: '--name is given twice' },
    ],
    [
      'an option of a choice given twice',
      ['export', '-n', 'study:1.0', '--history', 'all', '--history', 'none'],
      { code: 'SAME1902', message: '--history is given twice' },
    ],
    [
      'jobs given twice',
      ['run', 'study', '-j1', '-j2'],
      { code: 'SAME1902', message: '--jobs is given twice' },
    ],
    [
      'jobs of a sweep given twice',
      ['sweep', 'study', '-j1', '-j2', '--x=1,2'],
      { code: 'SAME1902', message: '--jobs is given twice' },
    ],
    ['an option without its value', ['create', '-f'], { code: 'SAME1902', message: 'needs a value' }],
    ['a required option left out', ['create'], { code: 'SAME1902', message: '--file' }],
    ['a word too many', ['show', 'study', 'study'], { code: 'SAME1902', message: 'too many arguments' }],
    [
      'a choice that is none',
      ['export', '-n', 'study:1.0', '--history', 'some'],
      { code: 'SAME1608', exit: 3, message: 'none, latest, all, best, best:METRIC, "where CONDITION"' },
    ],
    [
      'deleting a program that is not there',
      ['delete', 'study:3'],
      { code: 'SAME1204', exit: 3, message: '1.0' },
    ],
    [
      'deleting without saying which version',
      ['delete', 'study'],
      { code: 'SAME1902', message: 'NAME:VERSION' },
    ],
    [
      'deleting a run that is not there',
      ['delete', 'run', 'beef'],
      { code: 'SAME1608', exit: 3, hint: 'same list runs' },
    ],
    [
      'showing a run that is not there',
      ['show', 'run', 'beef'],
      { code: 'SAME1608', exit: 3, hint: 'same list runs' },
    ],
    ['showing the latest of no runs', ['show', 'run', 'latest'], { code: 'SAME1608', exit: 3 }],
    ['logs of a run that is not there', ['logs', 'beef'], { code: 'SAME1608', exit: 3 }],
    ['committing what is not there', ['commit', 'study:2', '--as', '3'], { code: 'SAME1204', exit: 3 }],
    ['committing as no version', ['commit', 'study:1.0', '--as', 'a_b'], { code: 'SAME1202' }],
    ['committing as itself', ['commit', 'study:1.0', '--as', '1.0'], { code: 'SAME1207', exit: 4 }],
    [
      'committing an unknown default',
      ['commit', 'study:1.0', '--as', '2', '--set', 'epoch=1'],
      { code: 'SAME1101', hint: 'did you mean --epochs?' },
    ],
    [
      'committing a wrong default',
      ['commit', 'study:1.0', '--as', '2', '--set', 'epochs=0'],
      { code: 'SAME1103' },
    ],
    ['locking what is no folder', ['lock', '-f', 'nowhere'], { code: 'SAME1205', exit: 3 }],
  ]);
});

describe('a name that is taken', () => {
  let rig: Rig;
  let digest: string;
  before(async () => {
    rig = openRig();
    rig.write({ 'study/same.yaml': study });
    digest = (await rig.same(['create', '-f', 'study', '--json'])).json().digest;
  });
  after(() => rig[Symbol.dispose]());
  const spelt = (name: string, version: string) =>
    study.replace('name: study, version: "1.0"', `name: ${name}, version: "${version}"`);

  test('by a folder is replaced by the folder, and both digests are printed', async () => {
    rig.write({ 'study/note.txt': 'two\n' });
    const ended = await rig.same(['create', '-f', 'study']);
    assert.equal(ended.code, 0, ended.stderr);
    const said = ended.stdout + ended.stderr;
    const created = /\(sha256:[0-9a-f]{64}\)/.exec(said)?.[0];
    assert.notEqual(created, `(${digest})`);
    assert.match(said, new RegExp(`replaced ${digest}`));
  });
  test('by an exported program is refused, both digests being shown', async () => {
    const exported = await rig.same(['export', '-n', 'study:1.0', '-o', 'study.tgz', '--json']);
    assert.equal(exported.code, 0, exported.stderr);
    rig.write({ 'study/note.txt': 'three\n' });
    const [finding] = await assertRefused(rig, ['create', '-f', 'study'], {
      code: 'SAME1206',
      exit: 4,
      place: 'study:1.0',
      message: exported.json().digests.program,
      hint: 'same delete study:1.0',
    });
    assert.equal(finding!.message.match(/sha256:[0-9a-f]{64}/g)!.length, 2);
  });
  test('an import of another program under a taken name is refused', async () => {
    using other = openRig();
    other.write({ 'study/same.yaml': study, 'study/note.txt': 'other\n' });
    await other.same(['create', '-f', 'study']);
    assert.equal((await other.same(['export', '-n', 'study:1.0', '-o', rig.path('other.tgz')])).code, 0);
    await assertRefused(rig, ['import', 'other.tgz'], { code: 'SAME1206', exit: 4 });
    await assertRefused(rig, ['create', '-f', 'other.tgz'], { code: 'SAME1206', exit: 4 });
  });
  test('a version that is equal in order and spelt differently is refused', async () => {
    rig.write({ 'other/same.yaml': spelt('study', '1.0.0') });
    await assertRefused(rig, ['create', '-f', 'other'], {
      code: 'SAME1207',
      exit: 4,
      message: 'study:1.0',
      hint: '1.0',
    });
  });
  test('a name that differs in case is refused', async () => {
    rig.write({ 'other/same.yaml': spelt('Study', '2.0') });
    await assertRefused(rig, ['create', '-f', 'other'], { code: 'SAME1207', exit: 4, message: '"study"' });
  });
});
