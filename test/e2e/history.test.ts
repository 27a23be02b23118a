import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { listTar } from '../../src/bundle/canonical-tar.ts';
import { assertRefused } from './refusal.ts';
import { manifest, openRig, type Rig, type RunOptions } from './rig.ts';

const study = manifest(
  'run: echo "{\\"score\\":$SAME_PARAM_N}" > metrics.json',
  'parameters:\n  n: {type: integer, default: 1}',
);

describe('a name and version that is taken', () => {
  test('is not given to another commit, and stays with the same one', async () => {
    using rig = openRig();
    await created(rig);
    await done(rig, ['commit', 'program', 'study:1.0', '--as', '1.1', '--set', 'n=2']);
    const before = (await done(rig, ['show', 'study:1.1', '--json'])).json().digests.program;
    const [finding] = await assertRefused(
      rig,
      ['commit', 'program', 'study:1.0', '--as', '1.1', '--set', 'n=3'],
      { code: 'SAME1206', exit: 4, message: before, hint: 'same delete study:1.1' },
    );
    assert.match(finding!.message, /^study:1\.1 is pinned to sha256:.*, not to sha256:/);
    await done(rig, ['commit', 'program', 'study:1.0', '--as', '1.1', '--set', 'n=2']);
    assert.equal((await done(rig, ['show', 'study:1.1', '--json'])).json().digests.program, before);
  });

  test('is not taken over by an import', async () => {
    using rig = openRig();
    const elsewhere = { env: { SAME_HOME: rig.path('elsewhere') } };
    await created(rig, study.replace('default: 1', 'default: 7'), elsewhere);
    await done(rig, ['export', '-n', 'study:1.0', '-o', 'theirs.tgz'], elsewhere);
    await created(rig);
    await assertRefused(rig, ['import', 'theirs.tgz'], { code: 'SAME1206', exit: 4 });
  });

  test('goes to one of two commits at once', async () => {
    using rig = openRig();
    await created(rig);
    const both = await Promise.all(
      [2, 3].map((n) =>
        rig.same(['commit', 'program', 'study:1.0', '--as', '1.1', '--set', `n=${n}`, '--json']),
      ),
    );
    assert.deepEqual(both.map(({ code }) => code).sort(), [0, 4]);
    const winner = both.find(({ code }) => code === 0)!.json().digest;
    assert.equal((await done(rig, ['show', 'study:1.1', '--json'])).json().digests.program, winner);
  });
});

describe('derivedFrom that someone wrote by hand', () => {
  test('takes no other program along in an export', async () => {
    using rig = openRig();
    await created(rig, study.replace('name: study', 'name: secret'));
    await done(rig, ['run', 'secret:1.0']);
    const { digest } = (await done(rig, ['list', 'programs', '--json'])).json().items[0];
    for (const [from, file] of [
      ['name: secret, version: "1.0"', 'by-its-name.tgz'],
      ['name: study, version: "1.0"', 'by-our-name.tgz'],
    ]) {
      const claim = `metadata: {name: study, derivedFrom: {${from}, digest: "${digest}"},`;
      await created(rig, study.replace('metadata: {name: study,', claim));
      const exported = (
        await done(rig, ['export', '-n', 'study:1.0', '-o', file!, '--json', '--history', 'all'])
      ).json();
      assert.deepEqual(exported.runs, []);
      assert.ok(!listOf(rig.path(file!)).includes(`blobs/sha256/${digest.slice(7)}`));
      await done(rig, ['delete', 'study:1.0']);
    }
  });
});

async function created(rig: Rig, text = study, options?: RunOptions): Promise<void> {
  rig.write({ 'study/same.yaml': text });
  await done(rig, ['create', '-f', 'study'], options);
}

/** Runs a command that must succeed. */
async function done(rig: Rig, words: string[], options?: RunOptions) {
  const ended = await rig.same(words, options);
  assert.equal(ended.code, 0, `same ${words.join(' ')}\n${ended.stdout}${ended.stderr}`);
  return ended;
}

/** The paths in a bundle file. */
function listOf(file: string): string[] {
  return listTar(gunzipSync(readFileSync(file)), { sorted: false }).map(({ path }) => path);
}
