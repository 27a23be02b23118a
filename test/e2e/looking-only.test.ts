import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { openMounts, unavailable } from './mounts.ts';
import { openRig, type Rig } from './rig.ts';

const mountless = unavailable();
// In continuous integration nothing is skipped: there a machine that cannot mount is a failure.
const skip = process.env.CI ? false : (mountless ?? false);

const MANIFEST = `
apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
parameters: {n: {type: integer, default: 3}}
pipeline:
  steps:
    make: {run: "seq {{parameters.n}} > {{outputs.numbers}}", outputs: {numbers: {}}}
    count: {run: "wc -l < {{inputs.numbers}}", inputs: {numbers: {from: make.numbers}}}
`;

const blobsOf = (rig: Rig) => readdirSync(`${rig.home}/content/blobs/sha256`).sort();

async function openRun(): Promise<Rig> {
  const rig = openRig();
  rig.write({ 'study/same.yaml': MANIFEST });
  const { code, stderr } = await rig.same(['run', '-f', 'study']);
  assert.equal(code, 0, stderr);
  return rig;
}

describe('looking at what would run', () => {
  it('works on a home that cannot be written', { skip }, async () => {
    assert.equal(mountless, undefined);
    using rig = await openRun();
    await rig.same(['create', 'program', '-f', 'study']);
    using mounts = await openMounts(rig.root);
    mounts.shell(`mount --bind ${rig.home} ${rig.home} && mount -o remount,bind,ro ${rig.home}`);
    for (const words of [
      ['why', 'study:1.0', '--n=5'],
      ['why', '-f', 'study', '--accept', 'make'],
      ['run', 'study:1.0', '--plan'],
      ['run', '-f', 'study', '--plan', '--n=4'],
      ['sweep', 'study:1.0', '--n=1,2', '--plan'],
    ]) {
      const { code, stderr } = await rig.same(words, { under: mounts.under });
      assert.equal(code, 0, `${words.join(' ')}: ${stderr}`);
    }
  });

  it('stores nothing, also where a result is to be accepted', async () => {
    using rig = await openRun();
    const yaml = rig.path('study/same.yaml');
    writeFileSync(yaml, readFileSync(yaml, 'utf8').replace('seq ', 'seq  '));
    const before = blobsOf(rig);
    const { steps } = (await rig.same(['why', '-f', 'study', '--accept', 'make', '--json'])).json();
    assert.equal(steps[0].because, 'it was accepted');
    assert.deepEqual(blobsOf(rig), before);
  });
});
