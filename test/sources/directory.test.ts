import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { SameError } from '../../src/errors/same-error.ts';
import { openDirectory } from '../../src/sources/directory.ts';
import { selectFiles } from '../../src/sources/select-files.ts';
import { contents, git, manifest, paths, Workplace, write } from './repository.ts';

const workplace = new Workplace();
after(() => workplace.dispose());
const same = { 'same.yaml': manifest('a', '1.0') };

test('a directory outside git gives everything but .git, sorted by bytes', async () => {
  const directory = workplace.fresh();
  write(directory, {
    ...same,
    'é.txt': 'x',
    'Z.txt': 'x',
    'a/b': '1',
    'a.b': '2',
    '.hidden': '3',
    run: { executable: '#!' },
  });
  const tree = await openDirectory(directory);
  assert.deepEqual(paths(tree), ['.hidden', 'Z.txt', 'a.b', 'a/b', 'run', 'same.yaml', 'é.txt']);
  assert.deepEqual(
    tree.files.filter((file) => file.executable).map((file) => file.path),
    ['run'],
  );
  assert.deepEqual(tree.origin, { kind: 'directory' });
  assert.equal(tree.soft, true);
});

test('a working copy gives what git tracks, as it is on disk, and says what it leaves out', async () => {
  const directory = workplace.repository({ ...same, 'a.py': 'old', '.gitignore': '*.log\n' });
  const clean = await openDirectory(directory);
  assert.equal(clean.origin.dirty, false);
  assert.equal(clean.origin.diff, undefined);
  write(directory, { 'a.py': 'new', 'b.py': 'untracked', 'x.log': 'ignored' });
  const tree = await openDirectory(directory);
  assert.deepEqual(paths(tree), ['.gitignore', 'a.py', 'same.yaml']);
  assert.equal((await tree.files[1]!.bytes()).toString(), 'new');
  assert.equal(tree.origin.dirty, true);
  assert.match(tree.origin.diff!, /^sha256:[0-9a-f]{64}$/);
  assert.equal(tree.origin.revision, git(directory, 'rev-parse', 'HEAD'));
  assert.deepEqual(tree.notices, ['1 untracked file is left out (git add to take): b.py']);
  assert.equal((await openDirectory(directory)).origin.diff, tree.origin.diff);
});

test('a changed mode and a deleted file make a working copy dirty', async () => {
  const directory = workplace.repository({ ...same, a: { executable: 'x' }, b: 'y' });
  rmSync(join(directory, 'b'));
  const tree = await openDirectory(directory);
  assert.equal(tree.origin.dirty, true);
  assert.deepEqual(tree.notices, ['1 committed file is not in the working copy']);
  assert.deepEqual(paths(tree), ['a', 'same.yaml']);
});

test('where same.yaml is not tracked, everything that git does not ignore is taken', async () => {
  const directory = workplace.repository({ 'a.py': 'x', '.gitignore': '*.log\n' });
  write(directory, { ...same, 'b.py': 'y', 'x.log': 'ignored' });
  const tree = await openDirectory(directory);
  assert.deepEqual(paths(tree), ['.gitignore', 'a.py', 'b.py', 'same.yaml']);
  assert.match(tree.notices.join(), /same\.yaml is not tracked/);
});

test('a fresh same.lock belongs before it is committed', async () => {
  const directory = workplace.repository(same);
  write(directory, { 'same.lock': '{}' });
  const tree = await openDirectory(directory);
  assert.deepEqual(paths(tree), ['same.lock', 'same.yaml']);
  assert.deepEqual(tree.notices, []);
});

test('a directory that the repository around it ignores is read as a plain one', async () => {
  const outer = workplace.repository({ '.gitignore': 'build/\n' });
  write(outer, { 'build/p/same.yaml': same['same.yaml'], 'build/p/a': '1' });
  const tree = await openDirectory(join(outer, 'build/p'));
  assert.deepEqual(paths(tree), ['a', 'same.yaml']);
  assert.deepEqual(tree.origin, { kind: 'directory' });
});

test('a directory inside a repository has its place there as origin, and the remote without login', async () => {
  const directory = workplace.repository({
    'papers/x/same.yaml': same['same.yaml'],
    'papers/x/a': '1',
    b: '2',
  });
  git(directory, 'remote', 'add', 'origin', 'https://ada:secret@example.org/o/r.git');
  const tree = await openDirectory(join(directory, 'papers/x'));
  assert.deepEqual(paths(tree), ['a', 'same.yaml']);
  assert.equal(tree.origin.path, 'papers/x');
  assert.equal(tree.origin.repository, 'https://example.org/o/r.git');
  assert.equal(tree.origin.dirty, false);
});

test('neither filters nor hooks nor a file system monitor of the repository are run', async () => {
  const directory = workplace.repository({
    ...same,
    'a.bin': 'x',
    '.gitattributes': '*.bin filter=evil diff=evil\n',
  });
  const mark = join(workplace.directory, 'executed');
  for (const key of ['filter.evil.clean', 'filter.evil.smudge', 'diff.evil.textconv', 'core.fsmonitor']) {
    git(directory, 'config', key, `touch ${mark}; cat`);
  }
  writeFileSync(join(directory, 'a.bin'), 'changed');
  const tree = await openDirectory(directory);
  assert.equal(tree.origin.dirty, true);
  assert.equal(existsSync(mark), false);
});

test('variables that would lead git elsewhere are not heeded', async () => {
  const other = workplace.repository({ ...same, other: 'x' });
  const directory = workplace.repository({ ...same, a: '1' });
  process.env.GIT_DIR = join(other, '.git');
  try {
    assert.deepEqual(paths(await openDirectory(directory)), ['a', 'same.yaml']);
  } finally {
    delete process.env.GIT_DIR;
  }
});

test('everything that cannot be packed is named, all at once', async () => {
  const directory = workplace.fresh();
  write(directory, {
    ...same,
    'weights.bin': 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n',
    link: { link: 'same.yaml' },
    'e\u0301.txt': 'not NFC',
    'a\\b': 'backslash',
    'line\nbreak': 'control',
  });
  execFileSync('mkfifo', [join(directory, 'pipe')]);
  const tree = await openDirectory(directory);
  await assert.rejects(selectFiles(tree), (error: SameError) => {
    assert.deepEqual(
      error.findings.map((finding) => finding.code),
      Array(6).fill('SAME1210'),
    );
    assert.deepEqual(
      error.findings.map((finding) => finding.message),
      [
        'a\\b has a backslash in its name',
        'e\u0301.txt has a name that is not in Unicode form NFC',
        'line\\x0abreak has a control character in its name',
        'link is a symbolic link',
        'pipe is a named pipe',
        'weights.bin is a Git LFS pointer, not the file itself',
      ],
    );
    return true;
  });
  const exclude = ['*\\\\*', 'e*', 'line*', 'link', 'pipe', '*.bin'];
  assert.deepEqual(paths(await selectFiles(tree, { exclude: [...exclude, 'a*'] })), ['same.yaml']);
});

test('a submodule and an untracked repository inside are refused', async () => {
  const inner = workplace.repository({ a: '1' });
  const directory = workplace.repository(same);
  git(directory, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner, 'vendor/inner');
  const tree = await openDirectory(directory);
  await assert.rejects(selectFiles(tree), { message: /vendor\/inner is a git submodule/ });
});

test('dereference packs what links lead to, inside the tree only', async () => {
  const directory = workplace.fresh();
  write(directory, {
    ...same,
    'data/x': '1',
    'data/y': { executable: '2' },
    'lib/data': { link: '../data' },
    alias: { link: 'lib/data/x' },
    outside: { link: '/etc/passwd' },
    above: { link: '../x' },
    circle: { link: 'circle' },
    'lib/self': { link: '.' },
  });
  const tree = await openDirectory(directory, { dereference: true });
  assert.deepEqual(paths(tree), ['alias', 'data/x', 'data/y', 'lib/data/x', 'lib/data/y', 'same.yaml']);
  assert.deepEqual(
    tree.refused.map(({ path }) => path),
    ['above', 'circle', 'lib/self', 'outside'],
  );
  assert.match((await contents(tree))[4]!, /^lib\/data\/y x 1 Mg==$/);
});

test('globs leave out files and whole directories, never the manifest', async () => {
  const directory = workplace.fresh();
  write(directory, { ...same, 'a.ckpt': '', 'm/b.ckpt': '', 'data/x': '', 'data/.y': '', 'src/a.py': '' });
  const tree = await openDirectory(directory);
  assert.deepEqual(paths(await selectFiles(tree, { exclude: ['**/*.ckpt', 'data/'] })), [
    'same.yaml',
    'src/a.py',
  ]);
  assert.deepEqual(paths(await selectFiles(tree, { exclude: ['**'] })), ['same.yaml']);
});

test('keys, tokens and .env are found, named without their value, and allowed by path', async () => {
  const directory = workplace.fresh();
  const token = `ghp_${'a1B2'.repeat(9)}`;
  const key = `-----BEGIN RSA ${'PRIVATE KEY'}-----\n${'MIIEpAIBAAKCAQEA'.repeat(4)}\n`;
  write(directory, {
    ...same,
    '.env': 'A=1',
    '.env.example': 'A=',
    'big.txt': `${`${'x'.repeat(80)}\n`.repeat(20_000)}t = "${token}"\n`,
    'keys/k.pem': key,
    'aws.py': `k = "AKIA${'Q2W3'.repeat(4)}"\ndoc = "AKIAIOSFODNN7EXAMPLE"\n`,
    'scan.py': 'if "-----BEGIN RSA PRIVATE KEY-----" in text: pass\n',
    'binary.bin': Buffer.concat([Buffer.alloc(4), Buffer.from(token)]),
  });
  const tree = await openDirectory(directory);
  await assert.rejects(selectFiles(tree), (error: SameError) => {
    assert.deepEqual(
      error.findings.map((f) => [f.code, f.place]),
      [
        ['SAME1213', '.env'],
        ['SAME1213', 'aws.py:1'],
        ['SAME1213', 'big.txt:20001'],
        ['SAME1213', 'keys/k.pem:1'],
      ],
    );
    assert.equal(JSON.stringify(error.findings).includes(token), false);
    assert.match(error.findings[0]!.hint!, /files\.allowSecret/);
    return true;
  });
  const allowSecret = ['.env', 'aws.py', 'big.txt', 'keys'];
  assert.equal((await selectFiles(tree, { allowSecret })).files.length, 8);
});

test('a directory without same.yaml says so and names one nearby', async () => {
  const directory = workplace.fresh();
  write(directory, { 'papers/same.yaml': same['same.yaml'] });
  await assert.rejects(openDirectory(directory), (error: SameError) => {
    assert.equal(error.code, 'SAME1205');
    assert.match(error.findings[0]!.hint!, /papers\?$/);
    return true;
  });
});
