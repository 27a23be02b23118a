import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { until } from '../components/facts.ts';
import { openMounts, unavailable } from './mounts.ts';
import { assertRefused } from './refusal.ts';
import { type Ended, manifest, openRig, type Rig } from './rig.ts';

const skip = process.env.CI ? false : unavailable();
/** 1980-01-02T00:00:00Z */
const MATERIALISED_AT_MS = 315_619_200_000;

async function works(rig: Rig, words: string[]): Promise<Ended> {
  const ended = await rig.same(words);
  assert.equal(ended.code, 0, ended.stderr);
  return ended;
}

const filesBelow = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();

const digestOf = async (rig: Rig, words: string[]): Promise<string> =>
  (await works(rig, [...words, '--json'])).json().digest;

describe('unpack', () => {
  let rig: Rig;
  let program: string;
  before(async () => {
    rig = openRig();
    rig.write({
      'study/same.yaml': manifest('run: sh tools/run.sh', '# a comment stays'),
      'study/tools/run.sh!': 'echo hello\n',
      'study/données/é.csv': 'a,b\n',
      'study/README.md': '# Study\n',
      'study/empty': '',
    });
    program = await digestOf(rig, ['create', '-f', 'study']);
    await works(rig, ['export', '-n', 'study:1.0', '-o', 'study.tgz']);
    await works(rig, ['export', '-n', 'study:1.0', '--format', 'oci-dir', '-o', 'study.oci']);
  });
  after(() => rig[Symbol.dispose]());

  it('writes the tree that the program was made from, whatever it is unpacked from', async () => {
    for (const source of ['study.tgz', './study.oci', 'study:1.0']) {
      const at = rig.path('out', source.replaceAll(/\W/g, '-'));
      const said = (await works(rig, ['unpack', source, '-o', at, '--json'])).json();
      assert.equal(said.digest, program);
      assert.deepEqual(filesBelow(at), filesBelow(rig.path('study')));
      assert.equal(said.files, filesBelow(at).length);
      let sizeBytes = 0;
      for (const path of filesBelow(at)) {
        const stat = statSync(join(at, path));
        const bytes = readFileSync(join(at, path));
        assert.ok(bytes.equals(readFileSync(rig.path('study', path))), path);
        assert.equal(stat.mode & 0o777, path === 'tools/run.sh' ? 0o755 : 0o644);
        assert.equal(stat.mtimeMs, MATERIALISED_AT_MS);
        sizeBytes += stat.size;
      }
      assert.equal(said.sizeBytes, sizeBytes);
      assert.equal(await digestOf(rig, ['create', '-f', at]), program);
    }
  });

  it('writes into ./NAME-VERSION, with modes that no umask changes, and says what to do next', async () => {
    const under = ['sh', '-c', 'umask 077; exec "$0" "$@"'];
    const { code, stdout, stderr } = await rig.same(['unpack', 'study.tgz'], { under });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^unpacked study:1\.0 \(sha256:[0-9a-f]{64}\) into \.\/study-1\.0, 5 files\n$/);
    assert.match(stderr, /^run it with: same run program -f \.\/study-1\.0$/m);
    assert.equal(statSync(rig.path('study-1.0/tools/run.sh')).mode & 0o777, 0o755);
    assert.equal(await digestOf(rig, ['create', '-f', 'study-1.0']), program);
  });

  it('says at once that nothing can be written below /proc', {
    skip: !existsSync('/proc/self'),
  }, async () => {
    const under = ['timeout', '-s', 'KILL', '20'];
    for (const words of [
      ['unpack', 'study.tgz', '-o', '/proc/x'],
      ['unpack', 'study.tgz', '-o', '/proc/x/y'],
      ['export', '-n', 'study:1.0', '-o', '/proc/y/z.tgz'],
    ])
      await assertRefused(rig, words, { code: 'SAME1404', exit: 5, place: '/proc/', under });
    const { code, stderr } = await rig.same(['import', rig.path('study.tgz')], {
      env: { SAME_HOME: '/proc/s' },
      under,
    });
    assert.equal(code, 5, stderr);
    assert.match(stderr, /^SAME140[14] .*\/proc\/s/m);
  });

  it('says of a damaged file how to see all that is wrong with it, as import does', async () => {
    const bytes = readFileSync(rig.path('study.tgz'));
    writeFileSync(rig.path('cut.tgz'), bytes.subarray(0, bytes.length - 100));
    const hint = 'get the file again, or see all problems with: same verify integrity cut.tgz';
    for (const verb of ['unpack', 'import']) {
      const { code, stderr } = await rig.same([verb, 'cut.tgz']);
      assert.notEqual(code, 0);
      assert.ok(stderr.includes(hint), stderr);
    }
  });

  it('refuses an empty name of a directory', async () => {
    await assertRefused(rig, ['unpack', 'study.tgz', '-o', ''], { code: 'SAME1902', place: '-o' });
  });

  it('takes an empty directory, and refuses one with something in it and a file', async () => {
    mkdirSync(rig.path('empty'));
    await works(rig, ['unpack', 'study:1.0', '-o', 'empty']);
    rig.write({ 'full/mine': 'mine', file: 'mine' });
    for (const at of ['full', 'file', 'empty']) {
      const { code, stderr } = await rig.same(['unpack', 'study.tgz', '-o', at]);
      assert.equal(code, 4);
      assert.match(stderr, /^SAME1403 .* is there already/);
    }
    const inside = await rig.same(['unpack', 'study.tgz', '-o', 'file/inside']);
    assert.match(inside.stderr, /^SAME1404 ENOTDIR while writing file\/inside /);
    assert.deepEqual(readdirSync(rig.path('full')), ['mine']);
    assert.equal(readFileSync(rig.path('file'), 'utf8'), 'mine');
  });

  it('stores nothing and writes nothing of a bundle that is not whole', async () => {
    using other = openRig();
    const bytes = readFileSync(rig.path('study.tgz'));
    other.write({ 'cut.tgz': bytes.subarray(0, -20) });
    const { code, stderr } = await other.same(['unpack', 'cut.tgz', '-o', 'a/b/c']);
    assert.equal(code, 7, stderr);
    assert.deepEqual(readdirSync(other.root).sort(), ['cut.tgz', 'home']);
    await works(other, ['unpack', rig.path('study.tgz'), '-o', 'a/b/c']);
    assert.equal(existsSync(join(other.home, 'content')), false);
    assert.deepEqual(readdirSync(join(other.home, 'work')), []);
  });

  it('leaves nothing after Ctrl-C, and what a kill left goes with the next one', async () => {
    using other = openRig();
    other.write({ 'study/same.yaml': manifest('run: echo hello') });
    writeFileSync(other.path('study/zeros'), '');
    truncateSync(other.path('study/zeros'), 2 ** 29);
    await works(other, ['create', '-f', 'study']);
    mkdirSync(other.path('out'));
    const begun = () => readdirSync(other.path('out')).some((name) => name.startsWith('.same-'));
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const { child, ended } = other.start(['unpack', 'study', '-o', 'out/study']);
      await until('a tree is being written', begun);
      child.kill(signal);
      const { code } = await ended;
      assert.equal(code, signal === 'SIGINT' ? 130 : null);
      assert.equal(existsSync(other.path('out/study')), false);
      if (signal === 'SIGINT') assert.deepEqual(readdirSync(other.path('out')), []);
    }
    await works(other, ['unpack', 'study', '-o', 'out/study']);
    assert.deepEqual(readdirSync(other.path('out')), ['study']);
  });

  it('leaves nothing on a disk that is full', { skip }, async () => {
    using other = openRig();
    other.write({ 'study/same.yaml': manifest('run: echo hello'), 'study/big': Buffer.alloc(2 ** 21) });
    await works(other, ['create', '-f', 'study']);
    mkdirSync(other.path('out'));
    using mounts = await openMounts(other.root);
    mounts.shell(`mount -t tmpfs -o size=1m none ${other.path('out')}`);
    const { code, stderr } = await other.same(['unpack', 'study', '-o', 'out/a/study'], {
      under: mounts.under,
    });
    assert.equal(code, 5);
    assert.match(stderr, /^SAME1402 /);
    assert.deepEqual(readdirSync(mounts.seen(other.path('out'))), []);
  });
});
