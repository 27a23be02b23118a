import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { listTar } from '../../src/bundle/canonical-tar.ts';
import { openMounts, unavailable } from './mounts.ts';
import { assertRefused } from './refusal.ts';
import { manifest, openRig, type Rig, type RunOptions } from './rig.ts';

const study = manifest('run: echo hello');
const skip = process.env.CI ? false : unavailable();

describe('the form of an export', () => {
  let rig: Rig;
  before(async () => {
    rig = await studied();
  });
  after(() => rig[Symbol.dispose]());

  it('changes no digest but that of the file, and gives the file its name', async () => {
    const tgz = await exported(rig, []);
    const tar = await exported(rig, ['--format', 'oci-tar']);
    const directory = await exported(rig, ['--format', 'oci-dir']);
    assert.deepEqual(
      [tgz, tar, directory].map(({ file, format }) => [file, format]),
      [
        ['./study:1.0.tgz', 'tgz'],
        ['./study:1.0.tar', 'oci-tar'],
        ['./study:1.0.oci', 'oci-dir'],
      ],
    );
    for (const name of ['program', 'index', 'archive'] as const) {
      assert.equal(tar.digests[name], tgz.digests[name]);
      assert.equal(directory.digests[name], tgz.digests[name]);
    }
    const archive = readFileSync(rig.path('study:1.0.tar'));
    assert.ok(gunzipSync(readFileSync(rig.path('study:1.0.tgz'))).equals(archive));
    assert.equal(tar.digests.file, tar.digests.archive);
    assert.equal(sha256(archive), tar.digests.archive);
    assert.equal(sha256(readFileSync(rig.path('study:1.0.tgz'))), tgz.digests.file);
    assert.equal('file' in directory.digests, false);
    const inside = readdirSync(rig.path('study:1.0.oci'), { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(rig.path('study:1.0.oci/').length));
    const entries = listTar(archive, { sorted: false });
    assert.deepEqual(inside.sort(), entries.map(({ path }) => path).sort());
    for (const { path, offset, sizeBytes } of entries) {
      const file = rig.path('study:1.0.oci', path);
      assert.ok(readFileSync(file).equals(archive.subarray(offset, offset + sizeBytes)), path);
      assert.equal(statSync(file).mode & 0o777, 0o644);
    }
  });

  it('says the digests by their names, and those of a directory without one of a file', async () => {
    const { stderr } = await done(rig, [
      'export',
      '-n',
      'study:1.0',
      '--format',
      'oci-dir',
      '-o',
      'said.oci',
    ]);
    assert.match(
      stderr,
      /^ {2}program sha256:.*\n {2}index {3}sha256:.*\n {2}archive sha256:.*\n {2}1 run inside/m,
    );
    assert.doesNotMatch(stderr, /undefined|file /);
  });

  it('with --portable has a name without a colon', async () => {
    for (const [format, end] of [
      ['tgz', 'tgz'],
      ['oci-tar', 'tar'],
      ['oci-dir', 'oci'],
    ]) {
      const { file } = await exported(rig, ['--portable', '--format', format!]);
      assert.equal(file, `./study-1.0.${end}`);
    }
  });

  it('is one of three', async () => {
    await assertRefused(rig, ['export', '-n', 'study:1.0', '--format', 'zip'], {
      code: 'SAME1902',
      message: /tgz, oci-tar, oci-dir/,
    });
  });

  it('is read back by import, from a plain tar too, and exported again as the same archive', async () => {
    const first = await exported(rig, ['--format', 'oci-tar', '-o', 'there.tar']);
    const elsewhere = { env: { SAME_HOME: rig.path('elsewhere') } };
    await done(rig, ['import', 'there.tar'], elsewhere);
    const again = await done(
      rig,
      ['export', '-n', 'study:1.0', '--format', 'oci-dir', '-o', 'back.oci', '--json'],
      elsewhere,
    );
    assert.equal(again.json().digests.archive, first.digests.archive);
  });
});

describe('an export into a directory', () => {
  it('replaces a bundle of the same program, and no directory of something else even by force', async () => {
    using rig = await studied();
    const words = ['export', '-n', 'study:1.0', '--format', 'oci-dir', '-o', 'study.oci'];
    mkdirSync(rig.path('study.oci'));
    await done(rig, words);
    await done(rig, words);
    rig.write({ 'mine/notes.txt': 'mine\n' });
    for (const force of [[], ['--force']]) {
      await assertRefused(rig, [...words.slice(0, -1), 'mine', ...force], {
        code: 'SAME1403',
        exit: 4,
        message: 'is a directory that is no bundle',
      });
    }
    rig.write({ 'other/same.yaml': study.replace('name: study', 'name: other') });
    await done(rig, ['create', '-f', 'other']);
    const replacing = words.with(2, 'other:1.0');
    await assertRefused(rig, replacing, { code: 'SAME1403', exit: 4, message: 'is another program' });
    await done(rig, [...replacing, '--force']);
    assert.match(readFileSync(rig.path('study.oci/same.yaml'), 'utf8'), /name: other/);
    assert.deepEqual(
      readdirSync(rig.root).filter((name) => name.startsWith('.')),
      [],
    );
  });

  it('does not take away what lies in a bundle and is no part of one, even by force', async () => {
    using rig = await studied();
    const words = ['export', '-n', 'study:1.0', '--format', 'oci-dir', '-o', 'study.oci', '--force'];
    await done(rig, words);
    await done(rig, words);
    for (const path of ['notes.txt', 'blobs/sha256/notes', 'data/more.csv']) {
      rig.write({ [`study.oci/${path}`]: 'mine\n' });
      await assertRefused(rig, words, { code: 'SAME1403', exit: 4, message: JSON.stringify(path) });
      rmSync(rig.path('study.oci', path.split('/')[0] === 'data' ? 'data' : path), { recursive: true });
    }
    await done(rig, words);
  });

  it('succeeds where the one that was there cannot be removed, and says where that is', {
    skip,
  }, async () => {
    using rig = await studied();
    const words = ['export', '-n', 'study:1.0', '--format', 'oci-dir', '-o', 'study.oci', '--force'];
    await done(rig, words);
    using mounts = await openMounts(rig.root);
    mounts.shell('mount --bind study.oci/blobs study.oci/blobs');
    const { stderr } = await done(rig, words, { under: mounts.under });
    const aside = /^the directory that was there could not be removed and lies at (.*) now$/m.exec(stderr);
    assert.equal(mounts.shell(`test -d ${aside?.[1]} && echo there`), 'there\n');
    await done(rig, ['show', './study.oci']);
  });

  it('is no part of the program that it lies in', async () => {
    using rig = await studied();
    const before = (await done(rig, ['show', 'study:1.0', '--json'])).json().digests.program;
    await done(rig, ['export', '-n', 'study:1.0', '--format', 'oci-dir'], { cwd: rig.path('study') });
    rig.write({ 'study/images/oci-layout': '{"imageLayoutVersion":"1.0.0"}' });
    const elsewhere = { env: { SAME_HOME: rig.path('elsewhere') } };
    const other = await done(rig, ['create', '-f', 'study', '--json'], elsewhere);
    assert.match(other.stderr, /left out study:1\.0\.oci\/: it is a bundle/);
    assert.notEqual(other.json().digest, before);
    rmSync(rig.path('study/images'), { recursive: true });
    assert.equal((await done(rig, ['create', '-f', 'study', '--json'])).json().digest, before);
  });

  it('is never written over a file, nor a file over a directory', async () => {
    using rig = await studied();
    rig.write({ file: 'mine\n', 'folder/file': 'mine\n' });
    await assertRefused(rig, ['export', '-n', 'study:1.0', '--format', 'oci-dir', '-o', 'file', '--force'], {
      code: 'SAME1403',
      exit: 4,
      message: 'is no directory',
    });
    await assertRefused(rig, ['export', '-n', 'study:1.0', '-o', 'folder', '--force'], {
      code: 'SAME1403',
      exit: 4,
      message: 'is a directory',
    });
  });
});

describe('SOURCE_DATE_EPOCH', () => {
  it('annotates the index, depends on nothing else, and changes no program', async () => {
    using rig = await studied();
    const at = (text: string | undefined) => ({ env: { SOURCE_DATE_EPOCH: text } });
    const plain = await exported(rig, [], at(undefined));
    const first = await exported(rig, [], at('1700000000'));
    const bytes = readFileSync(rig.path('study:1.0.tgz'));
    assert.equal(first.digests.program, plain.digests.program);
    assert.notEqual(first.digests.index, plain.digests.index);
    const archive = gunzipSync(bytes);
    const index = listTar(archive, { sorted: false }).find(({ path }) => path === 'index.json')!;
    const text = archive.toString('utf8', index.offset, index.offset + index.sizeBytes);
    assert.match(text, /"org.opencontainers.image.created":"2023-11-14T22:13:20Z"/);
    rmSync(rig.path('study:1.0.tgz'));
    const elsewhere = { env: { SOURCE_DATE_EPOCH: '1700000000', TZ: 'Asia/Tokyo', LANG: 'tr_TR.UTF-8' } };
    await exported(rig, [], elsewhere);
    assert.ok(readFileSync(rig.path('study:1.0.tgz')).equals(bytes));
    const shown = await done(rig, ['show', 'study:1.0', '--json'], at('1700000000'));
    assert.equal(shown.json().digests.archive, first.digests.archive);
    const created = await done(rig, ['create', '-f', 'study', '--json'], at('1'));
    assert.equal(created.json().digest, plain.digests.program);
  });

  it('that is no number of seconds is refused', async () => {
    using rig = await studied();
    for (const text of ['', 'yesterday', '-1', '1.5', '1e3', '253402300800']) {
      await assertRefused(rig, ['export', '-n', 'study:1.0'], {
        code: 'SAME1902',
        place: 'SOURCE_DATE_EPOCH',
        env: { SOURCE_DATE_EPOCH: text },
      });
    }
  });
});

async function studied(): Promise<Rig> {
  const rig = openRig();
  rig.write({ 'study/same.yaml': study, 'study/README.md': '# Study\n', 'study/run.sh!': 'echo run\n' });
  await done(rig, ['create', '-f', 'study']);
  await done(rig, ['run', 'study:1.0']);
  return rig;
}

async function exported(rig: Rig, words: string[], options?: RunOptions) {
  return (await done(rig, ['export', '-n', 'study:1.0', '--json', ...words], options)).json();
}

async function done(rig: Rig, words: string[], options?: RunOptions) {
  const ended = await rig.same(words, options);
  assert.equal(ended.code, 0, `same ${words.join(' ')}\n${ended.stdout}${ended.stderr}`);
  return ended;
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
