import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { openRig, type Rig } from './rig.ts';

describe('what the cells of a step printed and wrote', () => {
  let rig: Rig;
  before(async () => {
    rig = openRig();
    rig.write({
      'study/same.yaml': `apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
pipeline:
  steps:
    train:
      matrix: {seed: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}
      outputs: {model: {path: model.txt}}
      run: "echo seed {{matrix.seed}}; echo {{matrix.seed}} > {{outputs.model}}"
    report: {run: "echo report"}
  finally:
    clean:
      outputs: {note: {path: notes/note.txt}}
      run: "echo clean; echo bye > {{outputs.note}}"
`,
    });
    for (const words of [
      ['create', '-f', 'study'],
      ['run', 'study'],
      ['run', 'study', '--force=report'],
    ]) {
      const { code, stderr } = await rig.same(words);
      assert.equal(code, 0, stderr);
    }
  });
  after(() => rig[Symbol.dispose]());

  const printed = async (...words: string[]) => (await rig.same(['logs', 'latest', ...words])).stdout;
  const numbers = Array.from({ length: 11 }, (_, seed) => seed);

  it('is printed in the order of the plan, of those that were reused too', async () => {
    const all = await printed();
    assert.deepEqual(
      all.split('\n').filter((line) => line.startsWith('seed')),
      numbers.map((seed) => `seed ${seed}`),
    );
    assert.match(all, /^report$/m);
    assert.match(all, /clean\n$/);
  });

  it('is printed of a step with all its cells, and of one cell', async () => {
    const blocks = numbers.map((seed) => `==> train.${seed}.stdout <==\nseed ${seed}\n`);
    assert.equal(await printed('--step', 'train'), blocks.join(''));
    assert.equal(await printed('--step', 'train.10'), 'seed 10\n');
    assert.equal(await printed('--step', 'train.1', '-f'), 'seed 1\n');
    const { items } = (await rig.same(['logs', 'latest', '--step', 'train.1', '--json'])).json();
    assert.deepEqual(
      items.filter(({ text }: { text: string }) => text !== ''),
      [{ step: 'train.1', attempt: 0, stream: 'stdout', text: 'seed 1\n' }],
    );
    const refused = await rig.same(['logs', 'latest', '--step', 'train.11']);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /has no step "train\.11" \(steps: report, train, clean\)/);
  });

  it('is fetched into a folder for each cell', async () => {
    for (const [step, folders] of [
      [undefined, [...numbers.map((seed) => `train.${seed}`), 'clean']],
      ['train', numbers.map((seed) => `train.${seed}`)],
      ['train.10', ['train.10']],
    ] as const) {
      const into = rig.path(`got-${step}`);
      const { code, stderr } = await rig.same([
        'get',
        'run',
        'latest',
        '-o',
        into,
        ...(step === undefined ? [] : ['--step', step]),
      ]);
      assert.equal(code, 0, stderr);
      assert.deepEqual(readdirSync(into).sort(), [...folders].sort());
      assert.equal(
        readFileSync(
          `${into}/${folders.at(-1)}/${folders.at(-1) === 'clean' ? 'note' : 'model'}.txt`,
          'utf8',
        ),
        folders.at(-1) === 'clean' ? 'bye\n' : '10\n',
      );
    }
  });

  it('is told of the run: which were reused, and from which run', async () => {
    const shown = (await rig.same(['show', 'run', 'latest'])).stdout;
    assert.match(shown, /^ {4}train\.3 {3}seed=3 {3}reused {2,}from run [0-9a-f-]{36}$/m);
    assert.match(shown, /^ {4}report .* succeeded /m);
    assert.match(shown, /^ {2}13 steps: 1[12] reused, [12] ran$/m);
  });
});
