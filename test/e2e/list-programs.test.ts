import assert from 'node:assert/strict';
import { it } from 'node:test';
import { manifest, openRig } from './rig.ts';

it('a listing of programs says what (soft) means while one is, and says it no more once it was exported', async () => {
  using rig = openRig();
  rig.write({ 'study/same.yaml': manifest('run: "true"') });
  const done = async (...words: string[]) => {
    const ended = await rig.same(words);
    assert.equal(ended.code, 0, ended.stderr);
    return ended;
  };
  await done('create', '-f', 'study');
  const soft = await done('list', 'programs');
  assert.match(soft.stdout, /^study +1\.0 .* \(soft\)$/m);
  assert.match(
    soft.stderr,
    /^\(soft\): creating it again from its folder may replace it, until it is exported or pushed$/m,
  );
  await done('export', '-n', 'study:1.0');
  const hard = await done('list', 'programs');
  assert.doesNotMatch(`${hard.stdout}${hard.stderr}`, /soft/);
});
