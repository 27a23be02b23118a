import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { study, table } from './bad-words.ts';
import { assertRefused, listing } from './refusal.ts';
import { openRig, type Rig } from './rig.ts';

describe('bundles', () => {
  let rig: Rig;
  let bundle: Buffer;
  before(async () => {
    rig = openRig();
    rig.write({ 'study/same.yaml': study, 'study/data.txt': 'x'.repeat(3000), 'study/a/b.txt': 'b\n' });
    assert.equal((await rig.same(['create', '-f', 'study'])).code, 0);
    assert.equal((await rig.same(['export', '-n', 'study:1.0', '-o', 'study.tgz'])).code, 0);
    bundle = readFileSync(rig.path('study.tgz'));
  });
  after(() => rig[Symbol.dispose]());

  table(
    () => rig,
    [
      [
        'an export of a name that is not there',
        ['export', '-n', 'stdy:1.0'],
        { code: 'SAME1204', exit: 3, message: 'did you mean study?' },
      ],
      [
        'an export of a later version without a run to make it from',
        ['export', '-n', 'study:1.1'],
        {
          code: 'SAME1204',
          exit: 3,
          message: 'no succeeded run',
          hint: 'same commit program study:1.0 --as 1.1',
        },
      ],
      [
        'an export of an earlier version',
        ['export', '-n', 'study:0.9'],
        { code: 'SAME1204', exit: 3, message: 'versions: 1.0', hint: 'study:1.0' },
      ],
      [
        'an export onto a file that is something else',
        ['export', '-n', 'study:1.0', '-o', 'study/data.txt'],
        { code: 'SAME1403', exit: 4, place: 'study/data.txt', hint: '--force' },
      ],
      [
        'an import of a file that is not there',
        ['import', 'none.tgz'],
        { code: 'SAME1205', exit: 3, message: 'none.tgz' },
      ],
      ['an import of a folder', ['import', 'study'], { code: 'SAME1306' }],
      ['an import of a file that is no bundle', ['import', 'study/data.txt'], { code: 'SAME1306' }],
      ['a run of a bundle', ['run', '-f', 'study.tgz'], { code: 'SAME1208', hint: 'same import study.tgz' }],
    ],
  );
  test('an import of an archive that is no bundle is refused', async () => {
    execFileSync('tar', ['czf', rig.path('plain.tgz'), '-C', rig.path('study'), '.']);
    await assertRefused(rig, ['import', 'plain.tgz'], { code: 'SAME1306', hint: 'same create' });
  });

  // Refusals into an empty home: what is left behind would be the first thing in it.
  const damage: [string, (bytes: Buffer) => Buffer][] = [
    ['half a bundle', (bytes) => bytes.subarray(0, bytes.length >> 1)],
    ['a bundle that lacks its last byte', (bytes) => bytes.subarray(0, -1)],
    ['an empty file', () => Buffer.alloc(0)],
    ...[0.1, 0.3, 0.5, 0.7, 0.9].map((part): [string, (bytes: Buffer) => Buffer] => [
      `a bundle with one bit flipped at ${part * 100} %`,
      (bytes) => {
        const flipped = Buffer.from(bytes);
        flipped[Math.floor(bytes.length * part)]! ^= 4;
        return flipped;
      },
    ]),
  ];
  for (const [title, change] of damage) {
    test(`${title} is refused by import and by create, and leaves nothing`, async () => {
      using empty = openRig();
      empty.write({ 'bad.tgz': change(bundle) });
      const home = listing(empty.home);
      for (const words of [
        ['import', 'bad.tgz'],
        ['create', '-f', 'bad.tgz'],
      ]) {
        const ended = await empty.same([...words, '--json']);
        const { kind, exitCode, findings } = ended.json();
        assert.equal(kind, 'Error');
        assert.equal(exitCode, ended.code);
        assert.match(findings[0].code, /^SAME130[1-7]$/, ended.stderr);
        assert.deepEqual(await (await empty.same(['list', '--json'])).json().items, []);
        assert.deepEqual(listing(empty.home), home, `${words[0]} left something: ${ended.stderr}`);
      }
    });
  }
});
