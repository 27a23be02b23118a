import assert from 'node:assert/strict';

import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { manifest, openRig } from './rig.ts';

/** Writes other bytes of the same length over a blob. */
function damage(home: string, digest: string): void {
  const path = join(home, 'content/blobs/sha256', digest.replace(/^(tree:)?sha256:/, ''));
  const bytes = readFileSync(path);
  chmodSync(path, 0o644);
  writeFileSync(path, Buffer.alloc(bytes.length, '#'));
}

it('A result whose series or list of files is damaged is not reused: the step runs again', async () => {
  using rig = openRig();
  rig.write({
    'study/same.yaml': manifest(
      `run: 'mkdir -p out/d && echo one > out/d/file && echo "{\\"step\\": 1, \\"loss\\": 0.5}" > metrics.jsonl'
outputs: {d: {path: out/d}}`,
    ),
  });
  const run = async () => (await rig.same(['run', '-f', 'study', '--json'])).json();
  const first = await run();
  const [{ outputs }] = first.steps;
  const { series } = first.metrics[0];
  for (const digest of [series, outputs.d.digest]) {
    const again = await run();
    assert.equal(again.steps[0].cached, true);
    damage(rig.home, digest);
    const mended = await run();
    assert.equal(mended.status, 'succeeded');
    assert.equal(mended.steps[0].cached, false, `${digest} was damaged`);
    assert.deepEqual(mended.steps[0].outputs, outputs);
  }
});
