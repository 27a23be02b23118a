import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { SameError } from '../../src/errors/same-error.ts';
import { openSource } from '../../src/sources/open-source.ts';
import { selectFiles } from '../../src/sources/select-files.ts';
import type { SourceTree } from '../../src/sources/source.ts';
import { type GitHttps, startGitHttps, unavailable } from '../components/git-https.ts';
import { asTree, contents, git, manifest, manifestVersion, paths, Workplace } from './repository.ts';

const workplace = new Workplace();
const workDirectory = workplace.fresh('work');
after(() => workplace.dispose());

const opened: SourceTree[] = [];
afterEach(() => {
  for (const tree of opened.splice(0)) tree[Symbol.dispose]();
});

async function open(
  text: string,
  options: { dereference?: boolean; signal?: AbortSignal } = {},
): Promise<SourceTree> {
  const tree = asTree(await openSource(text, { workDirectory, manifestVersion, ...options }));
  opened.push(tree);
  return tree;
}

/** A repository of several papers: tags in each of the forms, a default branch that is ahead of all tags. */
function papers(): string {
  const path = workplace.repository({
    'arXiv.5778v1/same.yaml': manifest('arXiv.1303.5778v1', '1.0'),
    'arXiv.5778v1/train.py': 'print(1)\r\n',
    'arXiv.5778v1/run.sh': { executable: '#!/bin/sh\n' },
    'arXiv.5778v1/données/é.bin': Buffer.from([0, 1, 2, 255, 10]),
    'arXiv.5778v1/.gitattributes': '*.sh text eol=crlf\n',
    'deep/er/same.yaml': manifest('deep', '0.1'),
    'README.md': 'papers\n',
  });
  git(path, 'tag', 'arXiv.5778v1/1.0');
  const release = (version: string, tag: string): void => {
    writeFileSync(join(path, 'arXiv.5778v1/same.yaml'), manifest('arXiv.1303.5778v1', version));
    git(path, 'commit', '--quiet', '--all', '-m', version);
    if (tag) git(path, 'tag', '-a', '-m', tag, tag);
  };
  release('1.1', 'arXiv.5778v1-1.1');
  release('1.2', 'arXiv.5778v1@1.2');
  release('1.3', 'v1.3');
  release('1.4', '1.4');
  git(path, 'branch', 'feature/x');
  release('2.0', '');
  git(path, 'tag', '9.9');
  return path;
}

const source = papers();
const program = join(source, 'arXiv.5778v1');

test('a tag by file:// gives the bytes that git has, whatever attributes say', async () => {
  const tree = await open(`git+file://${source}//arXiv.5778v1@arXiv.5778v1/1.0`);
  assert.deepEqual(paths(tree), ['.gitattributes', 'données/é.bin', 'run.sh', 'same.yaml', 'train.py']);
  assert.equal(tree.soft, false);
  assert.deepEqual(tree.origin, {
    kind: 'git',
    repository: undefined,
    revision: git(source, 'rev-parse', 'arXiv.5778v1/1.0^{commit}'),
    ref: 'arXiv.5778v1/1.0',
    path: 'arXiv.5778v1',
  });
  const stored = git(
    source,
    'ls-tree',
    '-r',
    '--format=%(objectname) %(path)',
    'arXiv.5778v1/1.0:arXiv.5778v1',
  );
  for (const file of tree.files) {
    const oid = execFileSync('git', ['hash-object', '--stdin', '--no-filters'], {
      input: await file.bytes(),
    });
    assert.ok(
      file.path === 'données/é.bin' || stored.includes(`${oid.toString().trim()} ${file.path}`),
      file.path,
    );
  }
  tree[Symbol.dispose]();
  tree[Symbol.dispose]();
  assert.deepEqual(readdirSync(workDirectory), []);
});

test('a folder and the default branch of its repository give the same files', async () => {
  const [folder, branch] = [await open(program), await open(`git+file://${source}//arXiv.5778v1`)];
  assert.equal(folder.origin.dirty, false);
  assert.deepEqual(await contents(folder), await contents(branch));
});

test('a branch with a slash, a commit and an abbreviated commit can be named', async () => {
  const commit = git(source, 'rev-parse', 'arXiv.5778v1/1.0');
  for (const ref of ['feature/x', commit, commit.slice(0, 8), 'refs/tags/1.4', 'HEAD']) {
    const tree = await open(`git+file://${source}//arXiv.5778v1@${ref}`);
    assert.ok(tree.origin.revision, ref);
    assert.equal(tree.files.length, 5);
    tree[Symbol.dispose]();
  }
});

test('what is not there is named with what was tried', async () => {
  await assert.rejects(open(`git+file://${source}@nope`), {
    code: 'SAME1211',
    message: /no branch, tag or commit nope/,
  });
  await assert.rejects(open(`git+file://${source}@${'0'.repeat(40)}`), { code: 'SAME1211' });
  await assert.rejects(open(`git+file://${source}//nowhere`), (error: SameError) => {
    assert.equal(error.code, 'SAME1205');
    assert.equal(error.findings[0]!.hint, 'it has programs in arXiv.5778v1, deep/er');
    return true;
  });
  await assert.rejects(open(`git+file://${workplace.directory}/nothing`), { code: 'SAME1205' });
  await assert.rejects(open('no/such/path'), {
    code: 'SAME1205',
    message: /no file or directory "no\/such\/path"/,
  });
  await assert.rejects(open('oci://example.org/a:1.0'), {
    code: 'SAME1208',
    message: /is in a registry, and only what is stored here/,
  });
  assert.deepEqual(readdirSync(workDirectory), []);
});

test('a repository without commits says that it may be empty', async () => {
  const empty = workplace.fresh('empty');
  git(empty, 'init', '--quiet', '-b', 'main');
  await assert.rejects(open(`git+file://${empty}`), { code: 'SAME1211', message: /may be empty/ });
});

for (const ref of [
  '-upload-pack=x',
  '--output=x',
  'a..b',
  'a b',
  'a~1',
  'a^{tree}',
  'x@{1}',
  'a:b',
  '/a',
  'a.lock',
]) {
  test(`the ref ${JSON.stringify(ref)} never reaches git`, async () => {
    const text = `git+file://${source}//arXiv.5778v1@${encodeURIComponent(ref)}`;
    await assert.rejects(open(text), { code: 'SAME1211', message: /cannot be a ref/ });
  });
}

test('nothing of a source is executed', async () => {
  const mark = join(workplace.directory, 'executed');
  const evil = workplace.repository({
    'same.yaml': manifest('evil', '1.0'),
    '.gitattributes': '* filter=evil\n',
    '.gitmodules': `[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch% ${mark}\n`,
  });
  for (const hook of ['post-checkout', 'post-merge', 'reference-transaction', 'post-index-change']) {
    for (const directory of [join(evil, '.git/hooks'), join(workplace.directory, 'template/hooks')]) {
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, hook), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 });
    }
  }
  // The user's own settings that would run something are not what a source decides, and hooks stay off all the same.
  workplace.configure(`[init]\n\ttemplateDir = ${workplace.directory}/template\n`);
  workplace.configure(`[filter "evil"]\n\tsmudge = touch ${mark}; cat\n`);
  const tree = await open(`git+file://${evil}`);
  assert.equal(tree.files.length, 3);
  await assert.rejects(open(`ext::sh -c touch% ${mark}`), { code: 'SAME1205' });
  await assert.rejects(open(`ext::touch%20${mark}`), { code: 'SAME1208' });
  assert.equal(existsSync(mark), false);
});

test('links, submodules and LFS pointers in a repository are refused by name', async () => {
  const inner = workplace.repository({ a: '1' });
  const outer = workplace.repository({
    'same.yaml': manifest('a', '1.0'),
    link: { link: 'same.yaml' },
    'w.bin': 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n',
  });
  git(outer, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner, 'vendor');
  git(outer, 'commit', '--quiet', '--all', '-m', 'submodule');
  const tree = await open(`git+file://${outer}`);
  await assert.rejects(selectFiles(tree), (error: SameError) => {
    assert.deepEqual(
      error.findings.map(({ place }) => place),
      ['link', 'vendor', 'w.bin'],
    );
    return true;
  });
  const followed = await open(`git+file://${outer}`, { dereference: true });
  assert.deepEqual(paths(followed), ['.gitmodules', 'link', 'same.yaml']);
});

test('an interrupted fetch ends with 130', async () => {
  await assert.rejects(open(`git+file://${source}`, { signal: AbortSignal.abort() }), { code: 'SAME1903' });
});

const https = { skip: unavailable() ?? false };

describe('over a real HTTPS server', https, () => {
  let server: GitHttps;
  before(async () => {
    server = await startGitHttps();
    git(server.repositories, 'clone', '--quiet', '--bare', `file://${source}`, 'uoftoronto/papers.git');
    git(server.repositories, 'clone', '--quiet', '--bare', `file://${source}`, 'strict/papers.git');
    git(server.repositories, 'clone', '--quiet', '--bare', `file://${source}`, 'group/sub/papers.git');
    workplace.configure(`[http]\n\tsslCAInfo = ${server.caFile}\n`);
    workplace.configure(`[url "${server.url}/"]\n\tinsteadOf = https://github.com/\n`);
  });
  after(() => server?.dispose());

  test('the headline finds the tag SUBDIR/VERSION', async () => {
    const tree = await open('https://github.com/uoftoronto/papers/arXiv.5778v1:1.0');
    assert.equal(tree.label, 'https://github.com/uoftoronto/papers/arXiv.5778v1');
    assert.deepEqual(tree.origin, {
      kind: 'git',
      repository: 'https://github.com/uoftoronto/papers',
      revision: git(source, 'rev-parse', 'arXiv.5778v1/1.0'),
      ref: 'arXiv.5778v1/1.0',
      path: 'arXiv.5778v1',
    });
    const local = await open(`git+file://${source}//arXiv.5778v1@arXiv.5778v1/1.0`);
    assert.deepEqual(await contents(tree), await contents(local));
  });

  for (const [version, ref] of [
    ['1.1', 'arXiv.5778v1-1.1'],
    ['1.2', 'arXiv.5778v1@1.2'],
    ['1.3', 'v1.3'],
    ['1.4', '1.4'],
    ['2.0', 'main'],
  ]) {
    test(`version ${version} is found at ${ref}, the port not being taken for it`, async () => {
      const tree = await open(`${server.url}/uoftoronto/papers/arXiv.5778v1:${version}`);
      assert.equal(tree.origin.ref, ref);
      assert.equal(
        manifestVersion(await tree.files.find(({ path }) => path === 'same.yaml')!.bytes()).version,
        version,
      );
    });
  }

  test('without a version the default branch is taken', async () => {
    assert.equal((await open(`${server.url}/uoftoronto/papers/arXiv.5778v1`)).origin.ref, 'main');
  });

  test('a version that is nowhere is refused with the refs that were tried and the versions that exist', async () => {
    await assert.rejects(open(`${server.url}/uoftoronto/papers/arXiv.5778v1:3.0`), (error: SameError) => {
      assert.equal(error.code, 'SAME1211');
      assert.match(
        error.message,
        /tried the refs arXiv\.5778v1\/3\.0, arXiv\.5778v1-3\.0, arXiv\.5778v1@3\.0, v3\.0, 3\.0; the default branch main says version 2\.0/,
      );
      assert.equal(error.findings[0]!.hint, 'versions there: 9.9, 2.0, 1.4, 1.3, 1.2, 1.1, 1.0');
      return true;
    });
  });

  test('a tag whose manifest says another version is refused', async () => {
    await assert.rejects(open(`${server.url}/uoftoronto/papers/arXiv.5778v1:9.9`), {
      code: 'SAME1211',
      message: /its ref 9\.9 says version 2\.0/,
    });
  });

  test('/tree/REF/SUBDIR, // and names with .git lead to the same program', async () => {
    const expected = await contents(await open(`${server.url}/uoftoronto/papers/arXiv.5778v1:1.0`));
    for (const address of [
      `${server.url}/uoftoronto/papers/tree/arXiv.5778v1/1.0/arXiv.5778v1`,
      `${server.url}/uoftoronto/papers/-/tree/arXiv.5778v1/1.0/arXiv.5778v1`,
      `${server.url}/uoftoronto/papers.git/arXiv.5778v1:1.0`,
      `${server.url}/group/sub/papers//arXiv.5778v1:1.0`,
      `${server.url}/strict/papers/arXiv.5778v1:1.0`,
      `git+${server.url}/uoftoronto/papers.git//arXiv.5778v1@arXiv.5778v1/1.0`,
    ]) {
      assert.deepEqual(await contents(await open(address)), expected, address);
    }
  });

  test('a server that gives no bare commit is asked for everything', async () => {
    const commit = git(source, 'rev-parse', 'arXiv.5778v1/1.0^{commit}');
    git(
      join(server.repositories, 'uoftoronto/papers.git'),
      'config',
      'uploadpack.allowAnySHA1InWant',
      'false',
    );
    const tree = await open(`git+${server.url}/uoftoronto/papers//arXiv.5778v1@${commit}`);
    assert.equal(tree.origin.revision, commit);
  });

  test('a repository that is not there is named in both forms', async () => {
    await assert.rejects(open(`${server.url}/uoftoronto/nothing/x:1.0`), (error: SameError) => {
      assert.equal(error.code, 'SAME1205');
      assert.match(
        error.findings[0]!.hint!,
        /tried \S+\/uoftoronto\/nothing and \S+\/uoftoronto\/nothing\.git/,
      );
      return true;
    });
  });

  test('a server that cannot be reached is told apart', async () => {
    await assert.rejects(open('https://localhost:1/o/r/x:1.0'), {
      code: 'SAME1209',
      message: /cannot be read: .*connect/i,
    });
  });

  test('a server that this machine does not trust is refused', async () => {
    const stranger = await startGitHttps();
    try {
      await assert.rejects(open(`${stranger.url}/o/r`), { code: 'SAME1209', message: /certificate/i });
    } finally {
      await stranger.dispose();
    }
  });
});

test(
  'a server that wants a login gets none from a prompt, and one from a credential helper',
  https,
  async () => {
    const server = await startGitHttps({ login: { user: 'ada', password: 'secret' } });
    try {
      git(server.repositories, 'clone', '--quiet', '--bare', `file://${source}`, 'o/r.git');
      workplace.configure(`[http "${server.url}"]\n\tsslCAInfo = ${server.caFile}\n`);
      await assert.rejects(open(`${server.url}/o/r/arXiv.5778v1:1.0`), (error: SameError) => {
        assert.equal(error.code, 'SAME1209');
        assert.match(error.message, /wants a login/);
        return true;
      });
      const store = join(workplace.directory, 'credentials');
      writeFileSync(store, `${server.url.replace('://', '://ada:secret@')}\n`);
      workplace.configure(`[credential "${server.url}"]\n\thelper = store --file=${store}\n`);
      const tree = await open(`${server.url}/o/r/arXiv.5778v1:1.0`);
      assert.equal(JSON.stringify([tree.origin, tree.label]).includes('secret'), false);
      writeFileSync(store, `${server.url.replace('://', '://ada:wrong-one@')}\n`);
      await assert.rejects(open(`${server.url}/o/r/arXiv.5778v1:1.0`), (error: SameError) => {
        assert.equal(error.code, 'SAME1209');
        assert.equal(error.message.includes('wrong-one'), false);
        return true;
      });
    } finally {
      await server.dispose();
    }
  },
);
