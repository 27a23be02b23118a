import assert from 'node:assert/strict';
import { it } from 'node:test';
import { manifest, openRig } from './rig.ts';

it('A run is gone on with on its own engine, and another is refused by both names', async () => {
  using rig = openRig();
  rig.write({ 'study/same.yaml': manifest(`run: test -e ${rig.path('go')}`) });
  const failed = (await rig.same(['run', '-f', 'study', '--json'])).json();
  assert.equal(failed.status, 'failed');
  for (const option of ['--engine', '--target']) {
    const { code, stderr } = await rig.same(['run', '--resume', option, 'podman']);
    assert.equal(code, 2);
    assert.match(stderr, /^SAME1902 run \S+ is of engine local, and cannot go on with podman/m);
  }
  rig.write({ go: '' });
  const { code, stderr } = await rig.same(['run', '--resume', '--engine', 'local']);
  assert.equal(code, 0, stderr);
});
