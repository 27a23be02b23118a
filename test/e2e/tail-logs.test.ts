import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { until } from '../components/facts.ts';
import { assertRefused } from './refusal.ts';
import { manifest, openRig } from './rig.ts';

describe('the last lines of logs', () => {
  it('are as many as were asked for, of each log, whether its last line ends or not', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': manifest("run: printf 'a\\nb\\n\\nc'; printf 'x\\ny\\n' >&2") });
    await rig.same(['run', '-f', 'study']);
    for (const [lines, stdout, stderr] of [
      ['1', 'c', 'y\n'],
      ['2', '\nc', 'x\ny\n'],
      ['3', 'b\n\nc', 'x\ny\n'],
      ['9', 'a\nb\n\nc', 'x\ny\n'],
      ['0', '', ''],
    ] as const) {
      const { items } = (await rig.same(['logs', 'latest', '--tail', lines, '--json'])).json();
      assert.deepEqual(
        items.map(({ text }: { text: string }) => text),
        [stderr, stdout],
        lines,
      );
    }
    await assertRefused(rig, ['logs', 'latest', '--tail', 'x'], {
      code: 'SAME1902',
      exit: 2,
      message: /--tail/,
    });
  });

  it('are followed by everything that is printed afterwards, until the run ends', async () => {
    using rig = openRig();
    const [mark, go] = [rig.path('mark'), rig.path('go')];
    const run = `run: "echo one; echo two; touch ${mark}; while [ ! -e ${go} ]; do sleep 0.05; done; echo three; echo four"`;
    rig.write({ 'study/same.yaml': manifest(run) });
    const going = rig.start(['run', '-f', 'study']);
    await until('the step printed', () => existsSync(mark));
    const following = rig.start(['logs', 'latest', '-f', '--tail', '1']);
    let seen = '';
    following.child.stdout!.on('data', (text: string) => {
      seen += text;
    });
    await until('the last line is shown', () => seen !== '');
    assert.equal(seen, 'two\n');
    writeFileSync(go, '');
    assert.equal((await following.ended).stdout, 'two\nthree\nfour\n');
    assert.equal((await going.ended).code, 0);
  });
});
