import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import type { SameError } from '../../src/errors/same-error.ts';
import type { Program } from '../../src/program/schema.ts';
import { openDirectory } from '../../src/sources/directory.ts';
import { selectFiles } from '../../src/sources/select-files.ts';
import type { SourceTree } from '../../src/sources/source.ts';
import { expandUpstream } from '../../src/sources/upstream.ts';
import { startGitHttps, unavailable } from '../components/git-https.ts';
import { type Content, contents, git, manifest, paths, Workplace, write } from './repository.ts';

const workplace = new Workplace();
const workDirectory = workplace.fresh('work');
after(() => workplace.dispose());
const opened: SourceTree[] = [];
afterEach(() => {
  for (const tree of opened.splice(0)) tree[Symbol.dispose]();
  assert.deepEqual(readdirSync(workDirectory), []);
});

const theirs = workplace.repository({
  'main.py': 'print("two")\r\nprint("one")\r\n',
  'old.py': 'old\n',
  'run.sh': { executable: '#!/bin/sh\n' },
  '.gitattributes': '*.py text eol=lf filter=evil\n',
});
const revision = git(theirs, 'rev-parse', 'HEAD');
git(theirs, 'commit', '--quiet', '--allow-empty', '-m', 'later');

/** A patch between two states of the upstream's files, as `git diff` writes it. */
function patch(change: (directory: string) => void): string {
  const copy = workplace.fresh('patch');
  git(copy, 'clone', '--quiet', '--no-checkout', theirs, '.');
  git(copy, 'config', 'core.attributesFile', '/dev/null');
  git(copy, 'checkout', '--quiet', revision);
  change(copy);
  git(copy, 'add', '--all', '--intent-to-add');
  return `${git(copy, 'diff', '--binary', revision)}\n`;
}

async function expanded(
  files: Record<string, Content>,
  upstream: Partial<NonNullable<Program['upstream']>>,
  options: { dereference?: boolean } = {},
): Promise<SourceTree> {
  const directory = workplace.fresh();
  write(directory, { 'same.yaml': manifest('a', '1.0'), ...files });
  const tree = await openDirectory(directory);
  const whole = await expandUpstream(
    tree,
    { git: `file://${theirs}`, revision, ...upstream },
    { workDirectory, ...options },
  );
  opened.push(whole);
  return whole;
}

test('without upstream the tree is as it was', async () => {
  const tree = await openDirectory(workplace.repository({ 'same.yaml': manifest('a', '1.0') }));
  assert.equal(await expandUpstream(tree, undefined, { workDirectory }), tree);
});

test('the exact revision comes below src, its bytes and modes as git has them', async () => {
  const tree = await expanded({ 'run.py': '1' }, {});
  assert.deepEqual(paths(tree), [
    'run.py',
    'same.yaml',
    'src/.gitattributes',
    'src/main.py',
    'src/old.py',
    'src/run.sh',
  ]);
  assert.deepEqual(
    tree.files.filter((file) => file.executable).map((file) => file.path),
    ['src/run.sh'],
  );
  assert.deepEqual(paths(await expanded({}, { to: 'third/party/' })).slice(1, 3), [
    'third/party/.gitattributes',
    'third/party/main.py',
  ]);
});

test('patches change, add, delete and rename files, in order and always alike', async () => {
  const first = patch((copy) => write(copy, { 'old.py': 'new\n', 'added/file.py': 'x\n' }));
  const second = first
    .replaceAll('-old', '-new')
    .replaceAll('+new', '+newer')
    .replace(/diff --git a\/added[\s\S]*?(?=diff --git a\/old|$)/, '');
  const files = { 'patches/1.patch': first, 'patches/2.patch': second };
  const upstream = { patches: ['patches/1.patch', './patches/2.patch'] };
  const tree = await expanded(files, upstream);
  const old = tree.files.find(({ path }) => path === 'src/old.py')!;
  assert.equal((await old.bytes()).toString(), 'newer\n');
  assert.equal(paths(tree).includes('src/added/file.py'), true);
  const main = tree.files.find(({ path }) => path === 'src/main.py')!;
  assert.equal((await main.bytes()).toString(), `${git(theirs, 'show', `${revision}:main.py`)}\n`);
  assert.deepEqual(await contents(await expanded(files, upstream)), await contents(tree));
  const renaming = patch((copy) => {
    git(copy, 'mv', 'old.py', 'other.py');
    git(copy, 'rm', '--quiet', 'run.sh');
  });
  const renamed = paths(await expanded({ 'p.patch': renaming }, { patches: ['p.patch'] }));
  assert.deepEqual(renamed, ['p.patch', 'same.yaml', 'src/.gitattributes', 'src/main.py', 'src/other.py']);
});

test('a patch that does not apply, is not there or leaves the source is refused by name', async () => {
  const evil = '--- a/x\n+++ b/../../evil\n@@ -0,0 +1 @@\n+x\n';
  const link =
    'diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n';
  const hook =
    'diff --git a/.git/hooks/x b/.git/hooks/x\nnew file mode 100755\n--- /dev/null\n+++ b/.git/hooks/x\n@@ -0,0 +1 @@\n+x\n';
  const other = '--- a/old.py\n+++ b/old.py\n@@ -1 +1 @@\n-something else\n+x\n';
  for (const [text, message] of [
    [evil, /the patch p\.patch does not apply/],
    [link, /a patch makes l a symbolic link/],
    [hook, /the patch p\.patch does not apply/],
    [other, /the patch p\.patch does not apply: .*old\.py/],
    ['no patch', /the patch p\.patch does not apply/],
  ] as const) {
    await assert.rejects(expanded({ 'p.patch': text }, { patches: ['p.patch'] }), {
      code: 'SAME1212',
      message,
    });
  }
  await assert.rejects(expanded({}, { patches: ['p.patch'] }), {
    code: 'SAME1212',
    message: /not among the program's files/,
  });
  assert.equal(existsSync(join(workDirectory, '../evil')), false);
});

test('a file of the program at the same path must be the same file', async () => {
  const same = { 'src/old.py': 'old\n' };
  assert.equal((await expanded(same, {})).files.length, 5);
  await assert.rejects(
    expanded({ 'src/old.py': 'mine\n', 'src/main.py': 'mine\n' }, {}),
    (error: SameError) => {
      assert.deepEqual(
        error.findings.map(({ code, place }) => [code, place]),
        [
          ['SAME1212', 'src/main.py'],
          ['SAME1212', 'src/old.py'],
        ],
      );
      return true;
    },
  );
});

test('links of the source are refused below its directory, unless excluded or followed', async () => {
  const linked = workplace.repository({ a: '1', l: { link: 'a' } });
  const upstream = { git: `git+file://${linked}`, revision: git(linked, 'rev-parse', 'HEAD') };
  const tree = await expanded({}, upstream);
  await assert.rejects(selectFiles(tree), { code: 'SAME1210', message: /src\/l is a symbolic link/ });
  assert.deepEqual(paths(await selectFiles(tree, { exclude: ['src/l'] })), ['same.yaml', 'src/a']);
  assert.deepEqual(paths(await expanded({}, upstream, { dereference: true })), [
    'same.yaml',
    'src/a',
    'src/l',
  ]);
});

for (const [address, code] of [
  ['../theirs', 'SAME1212'],
  ['/srv/theirs', 'SAME1212'],
  ['https://example.org/a/b@main', 'SAME1212'],
  ['https://example.org/a/b//c', 'SAME1212'],
  ['ext::sh', 'SAME1208'],
  ['http://example.org/a/b', 'SAME1208'],
  ['--upload-pack=x', 'SAME1212'],
  ['file:///no/where', 'SAME1205'],
]) {
  test(`upstream.git ${address} is refused with ${code}`, async () => {
    await assert.rejects(expanded({}, { git: address }), { code });
  });
}

test('a revision that is not there and a directory outside are refused', async () => {
  await assert.rejects(expanded({}, { revision: '0'.repeat(40) }), { code: 'SAME1211' });
  const tree = git(theirs, 'rev-parse', `${revision}^{tree}`);
  await assert.rejects(expanded({}, { revision: tree }), { code: 'SAME1211' });
  for (const to of ['..', '/src', 'a/../b', '.']) {
    await assert.rejects(expanded({}, { to }), { code: 'SAME1212', message: /is not a directory inside/ });
  }
});

describe('over a real HTTPS server', { skip: unavailable() ?? false }, () => {
  test('an old revision is fetched by its hash', async () => {
    const server = await startGitHttps();
    try {
      git(server.repositories, 'clone', '--quiet', '--bare', `file://${theirs}`, 'o/theirs.git');
      workplace.configure(`[http]\n\tsslCAInfo = ${server.caFile}\n`);
      const tree = await expanded({}, { git: `${server.url}/o/theirs` });
      assert.deepEqual(await contents(tree), await contents(await expanded({}, {})));
    } finally {
      await server.dispose();
    }
  });
});
