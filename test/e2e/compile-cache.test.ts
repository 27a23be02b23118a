import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, it } from 'node:test';
import { manifest, openRig, type Rig } from './rig.ts';

const kept = 'home/cache/compile/run';

async function study(rig: Rig): Promise<void> {
  rig.write({
    'study/same.yaml': manifest(
      'run: [sh, -c, "exit $0", "{{parameters.code}}"]',
      'parameters:\n  code: {type: integer, default: 0}\n  word: {type: string, default: a, pattern: "^[a-z]+$"}',
    ),
  });
  assert.equal((await rig.same(['create', '-f', 'study'])).code, 0);
}

describe('the compiled code of a run', () => {
  it('is kept by the first good run, and by nothing that does less', async () => {
    using rig = openRig();
    await study(rig);
    for (const words of [['--help'], ['study', '--plan'], ['study', '--code=3'], ['study', '--nope']]) {
      await rig.same(['run', ...words]);
      assert.equal(existsSync(rig.path(kept)), false, words.join(' '));
    }
    assert.equal((await rig.same(['run', 'study'])).code, 0);
    const first = readFileSync(rig.path(kept));
    assert.equal((await rig.same(['run', 'study', '--word=b'])).code, 0);
    assert.deepEqual(readFileSync(rig.path(kept)), first);
    assert.equal((await rig.same(['run', 'study', '--word=B'])).code, 2);
    assert.equal((await rig.same(['run', 'study', '--code=3'])).code, 1);
    assert.deepEqual(
      readdirSync(rig.path('home/cache/compile')).filter((name) => name.includes('tmp')),
      [],
    );
  });

  it('is made again when it is damaged or torn', async () => {
    using rig = openRig();
    await study(rig);
    assert.equal((await rig.same(['run', 'study'])).code, 0);
    const whole = readFileSync(rig.path(kept));
    const flipped = Buffer.from(whole);
    flipped[whole.length >> 1]! ^= 1;
    const none = whole.subarray(0, whole.indexOf('\n') + 1 + readFileSync('dist/same.cjs').length);
    for (const bytes of [
      flipped,
      whole.subarray(0, 1000),
      none,
      Buffer.alloc(whole.length),
      Buffer.alloc(0),
    ]) {
      writeFileSync(rig.path(kept), bytes);
      assert.equal((await rig.same(['run', 'study'])).code, 0);
      assert.ok(readFileSync(rig.path(kept)).length > 1000);
    }
  });

  it('is private, and made anew where others could write it', async () => {
    using rig = openRig();
    await study(rig);
    const directory = rig.path('home/cache/compile');
    assert.equal((await rig.same(['run', 'study'])).code, 0);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    rig.write({ [`${kept}-planted`]: '' });
    chmodSync(directory, 0o777);
    assert.equal((await rig.same(['run', 'study'])).code, 0);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    assert.equal(existsSync(rig.path(`${kept}-planted`)), false);
  });

  it('is neither taken from nor left in a place that leads elsewhere', async () => {
    using rig = openRig();
    await study(rig);
    const directory = rig.path('home/cache/compile');
    rmSync(directory, { recursive: true });
    rig.write({ 'of-another/file': '' });
    symlinkSync(rig.path('of-another'), directory);
    assert.equal((await rig.same(['run', 'study'])).code, 0);
    assert.deepEqual(readdirSync(rig.path('of-another')), ['file']);
  });

  it('is not needed: a run goes on where it cannot be written or is not wanted', async () => {
    using rig = openRig();
    await study(rig);
    const off = await rig.same(['run', 'study'], { env: { NODE_DISABLE_COMPILE_CACHE: '1' } });
    assert.equal(off.code, 0);
    assert.equal(existsSync(rig.path(kept)), false);
    rig.write({ [`${kept}/in-its-place`]: '' });
    chmodSync(rig.path('home/cache/compile'), 0o500);
    const { code, stderr } = await rig.same(['run', 'study']);
    chmodSync(rig.path('home/cache/compile'), 0o700);
    assert.equal(code, 0, stderr);
  });
});
