import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { openLab, ran } from './registry-lab.ts';

const kept = 'home/cache/compile/push';

describe('the compiled code of a push', () => {
  it('is kept by the first one that had nothing to send, and by nothing else', async () => {
    await using lab = await openLab();
    const { rig, place } = lab;
    await ran(rig, 'study:1.0', 2);
    await lab.remote(['push', 'study:1.0', place]);
    for (const words of [
      ['--help'],
      ['study:9.9', place],
      ['study:1.0', place, '--nope'],
      ['run', 'latest', place],
    ]) {
      await rig.same(['push', ...words, '--plain-http']);
    }
    assert.equal(existsSync(rig.path(kept)), false);
    const again = await rig.same(['push', 'study:1.0', place, '--plain-http']);
    assert.equal(again.code, 0, again.stderr);
    const first = readFileSync(rig.path(kept));
    const quick = await rig.same(['push', 'study:1.0', place, '--plain-http']);
    assert.deepEqual([quick.code, quick.stdout, quick.stderr], [0, again.stdout, again.stderr]);
    assert.deepEqual(readFileSync(rig.path(kept)), first);
    const names = readdirSync(rig.path('home/cache/compile'));
    assert.deepEqual(
      names.filter((name) => name.includes('tmp')),
      [],
    );
  });

  it('does all that a push does: what is new goes, and what is refused stays refused', async () => {
    await using lab = await openLab();
    const { rig, place } = lab;
    await ran(rig, 'study:1.0', 2);
    for (let times = 0; times < 3; times++) await lab.remote(['push', 'study:1.0', place]);
    assert.ok(existsSync(rig.path(kept)));
    const run = await ran(rig, 'study:1.0', 4);
    const pushed = await rig.same(['push', 'study:1.0', place, '--plain-http', '--json', '--history=latest']);
    assert.deepEqual(pushed.json().runs, [run]);
    assert.equal(pushed.json().sent > 0, true);
    const nowhere = await rig.same(['push', 'study:9.9', place, '--plain-http']);
    assert.equal(nowhere.code, 3, nowhere.stderr);
  });

  it('is not all that makes it quick: what speaks HTTP and what hashes are not loaded', async () => {
    await using lab = await openLab();
    const { rig, place } = lab;
    await lab.remote(['push', 'study:1.0', place]);
    rig.write({
      'look.cjs': `process.on('exit', () => {
        const loaded = process.moduleLoadList.map((name) => name.replace('NativeModule ', ''));
        const heavy = loaded.filter((name) => /^(_?http|https|tls|crypto|zlib|child_process)/.test(name));
        require('node:fs').writeFileSync(${JSON.stringify(rig.path('loaded'))}, JSON.stringify(heavy));
      })`,
    });
    for (let times = 0; times < 2; times++) {
      const { code, stderr } = await rig.same(
        ['push', 'study:1.0', place, '--plain-http', '--history=none'],
        {
          env: { NODE_OPTIONS: `--require=${rig.path('look.cjs')}` },
        },
      );
      assert.equal(code, 0, stderr);
      assert.deepEqual(JSON.parse(readFileSync(rig.path('loaded'), 'utf8')), []);
    }
  });

  it('is made again when it is damaged, and by several at once', async () => {
    await using lab = await openLab();
    const { rig, place } = lab;
    await ran(rig, 'study:1.0', 2);
    for (let times = 0; times < 2; times++) await lab.remote(['push', 'study:1.0', place]);
    const whole = readFileSync(rig.path(kept));
    const flipped = Buffer.from(whole);
    flipped[whole.length >> 1]! ^= 1;
    for (const bytes of [flipped, whole.subarray(0, 1000), Buffer.alloc(0)]) {
      writeFileSync(rig.path(kept), bytes);
      const words = ['push', 'study:1.0', place, '--plain-http'];
      const ended = await Promise.all([rig.same(words), rig.same(words), rig.same(words)]);
      assert.deepEqual(
        ended.map(({ code }) => code),
        [0, 0, 0],
      );
      assert.ok(readFileSync(rig.path(kept)).length > 1000);
    }
  });
});

describe('the words of a push', () => {
  it('mean the same when they are plain and when the argument parser has them', async () => {
    await using lab = await openLab();
    const { rig, place } = lab;
    await ran(rig, 'study:1.0', 2);
    await lab.remote(['push', 'study:1.0', place]);
    for (const words of [
      ['study:1.0', place],
      ['program', 'study:1.0', place, '--json'],
      ['programs', 'study:1.0', place, '-q'],
      ['study:1.0'],
      ['study:1.0', place, '--force'],
      ['study:9.9', place],
      ['stuudy', place],
      ['progam', place],
      ['study:1.0', `oci://${lab.registry.host}/other/name:2.0`],
      ['study:1.0', 'oci://localhost:1/lab'],
    ]) {
      const plain = ['push', ...words, '--plain-http', '--history', 'none'];
      // The end of options is left to the argument parser; what is asked for is the same.
      const [one, other] = [await rig.same(plain), await rig.same([...plain, '--'])];
      const said = [one.code, one.stdout, one.stderr];
      assert.deepEqual(said, [other.code, other.stdout, other.stderr], words.join(' '));
    }
  });
});
