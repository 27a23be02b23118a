import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openRig } from './rig.ts';

it('Logs of several steps stand below a heading each, and those of one are as they were printed', async () => {
  using rig = openRig();
  rig.write({
    'study/same.yaml': `
apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
pipeline:
  steps:
    train: {run: "echo seed {{matrix.seed}}; echo warned >&2", matrix: {seed: [3, 5]}}
    mute: {run: "true"}
  finally:
    last: {run: "printf over"}
`,
  });
  const { code, stderr } = await rig.same(['run', '-f', 'study']);
  assert.equal(code, 0, stderr);
  const all = await rig.same(['logs', 'latest']);
  assert.equal(
    all.stdout,
    '==> train.0.stdout <==\nseed 3\n==> train.1.stdout <==\nseed 5\n==> last.stdout <==\nover',
  );
  assert.equal(all.stderr, '==> train.0.stderr <==\nwarned\n==> train.1.stderr <==\nwarned\n');
  assert.equal((await rig.same(['logs', 'latest', '-f'])).stdout, all.stdout);
  const one = await rig.same(['logs', 'latest', '--step', 'train.1']);
  assert.deepEqual([one.stdout, one.stderr], ['seed 5\n', 'warned\n']);
});
