import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openRig, type Rig } from './rig.ts';

const MANIFEST = `
apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
pipeline:
  steps:
    train: {run: "true", matrix: {k: [1, 2]}}
    other: {run: "true"}
`;

async function refused(rig: Rig, words: string[], code: string, text: RegExp): Promise<void> {
  const ended = await rig.same(words, { cwd: rig.path('study') });
  assert.match(ended.stderr, new RegExp(`^${code} `, 'm'), words.join(' '));
  assert.match(ended.stderr, text);
}

describe('words that were meant otherwise', () => {
  it('are said how to write where a run or a sweep is taken for a program, by pages that name it', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': MANIFEST });
    assert.equal((await rig.same(['create', 'program', '-f', 'study'])).code, 0);
    const { id } = (await rig.same(['run', 'study:1.0', '--json'])).json();
    for (const [verb, code] of [
      ['show', 'SAME1204'],
      ['delete', 'SAME1902'],
    ] as const) {
      await refused(rig, [verb, id], code, new RegExp(`did you mean: same ${verb} run ${id}`));
      for (const noun of ['program', 'run', 'sweep'])
        assert.match(
          (await rig.same([verb, noun, '--help'])).stdout,
          new RegExp(`^Usage: same ${verb} ${noun} `),
        );
    }
    await refused(rig, ['show', 'latest'], 'SAME1204', /did you mean: same show run latest/);
    await refused(rig, ['show', 'nothing'], 'SAME1204', /same create program/);
    assert.match((await rig.same(['help', 'show', 'run'])).stdout, /^Usage: same show run /);
  });

  it('are said how to write where an option has its value only after "="', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': MANIFEST });
    await refused(rig, ['run', '--force', 'train'], 'SAME1204', /--force=train/);
    await refused(rig, ['run', '--resume', '8f3a21'], 'SAME1204', /--resume=8f3a21/);
    await refused(rig, ['run', '-f', '.', '--force', 'train'], 'SAME1204|SAME1902', /--force=train/);
    assert.equal((await rig.same(['create', 'program', '-f', 'study'])).code, 0);
    await refused(rig, ['run', 'study:1.0', '--force', 'train'], 'SAME1902', /write --force=train/);
    const { code, stderr } = await rig.same(['run', '--force', 'study:1.0', '--plan']);
    assert.equal(code, 0, stderr);
  });

  it('are a cell where a step is wanted: the step is named', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': MANIFEST });
    for (const [word, option] of [
      ['--step=train.1', '--step train'],
      ['--until=train.0', '--until train'],
      ['--force=train.1', '--force=train'],
      ['--accept=train.0', '--accept train'],
    ] as const) {
      await refused(rig, ['run', word], 'SAME1009', new RegExp(`is a cell of step train.* ${option}$`, 'm'));
    }
  });

  it('are a step that was not chosen', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': MANIFEST });
    const text = /step "train" is not among those that were chosen: other/;
    await refused(rig, ['why', 'train', '--step', 'other'], 'SAME1902', text);
  });
});
