import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type GitHttps, startGitHttps, unavailable } from '../components/git-https.ts';
import { refused, study, table } from './bad-words.ts';
import { assertRefused } from './refusal.ts';
import { openRig, type Rig } from './rig.ts';

describe('a source that is not there is named, with what was tried', () => {
  let rig: Rig;
  let repository: string;
  const git = (...words: string[]) =>
    execFileSync(
      'git',
      ['-C', rig.path('repository'), '-c', 'user.name=A', '-c', 'user.email=a@b.c', ...words],
      {
        stdio: 'ignore',
      },
    );
  before(() => {
    rig = openRig();
    rig.write({
      'empty/readme.txt': 'nothing here\n',
      'study/same.yaml': study,
      'notes.txt': 'no archive\n',
      'repository/papers/one/same.yaml': study,
    });
    git('init', '-q', '-b', 'main');
    git('add', '.');
    git('commit', '-q', '-m', 'one');
    git('tag', 'v1.0');
    repository = `git+${pathToFileURL(rig.path('repository'))}`;
  });
  after(() => rig[Symbol.dispose]());

  const create = (source: string) => ['create', '-f', source];
  table(
    () => rig,
    [
      [
        'a folder',
        create('./nowhere'),
        { code: 'SAME1205', exit: 3, message: './nowhere', hint: '-f takes a directory' },
      ],
      [
        'a forge without its scheme',
        create('github.com/org/repo'),
        { code: 'SAME1205', exit: 3, hint: 'https://github.com/org/repo' },
      ],
      ['a folder without same.yaml', create('empty'), { code: 'SAME1205', exit: 3, message: 'same.yaml' }],
      ['a file that is no archive', create('notes.txt'), { code: 'SAME1306', message: 'notes.txt' }],
      [
        'a manifest instead of its folder',
        create('study/same.yaml'),
        { code: 'SAME1306', hint: 'directory' },
      ],
      [
        'a registry that does not answer',
        create('oci://localhost:1/study:1.0'),
        { code: 'SAME1801', exit: 6, message: 'localhost:1' },
      ],
      ['a transport that is none', create('ftp://example.org/a.tgz'), { code: 'SAME1208' }],
      ['an address with a password', create('https://me:secret@example.org/a/b'), { code: 'SAME1208' }],
    ],
  );
  test('a repository', () =>
    refused(rig, create(`git+${pathToFileURL(rig.path('no-repository'))}`), {
      code: 'SAME1205',
      exit: 3,
    }));
  test('a branch or tag of a repository, with those that are there', () =>
    refused(rig, create(`${repository}//papers/one@v9`), {
      code: 'SAME1211',
      exit: 3,
      message: 'v9',
      hint: 'v1.0',
    }));
  test('a folder of a repository, with those that hold programs', () =>
    refused(rig, create(`${repository}//papers/two@main`), {
      code: 'SAME1205',
      exit: 3,
      message: 'papers/two',
      hint: 'papers/one',
    }));
  test('an address with a password is refused without repeating it', async () => {
    const ended = await rig.same(create('https://me:hunter2@example.org/a/b'));
    assert.ok(!ended.stderr.includes('hunter2'), ended.stderr);
  });

  const why = unavailable();
  describe('over HTTPS', why === undefined ? {} : { skip: why }, () => {
    let server: GitHttps;
    let env: Record<string, string>;
    before(async () => {
      server = await startGitHttps();
      env = {
        SSL_CERT_FILE: server.caFile,
        NODE_EXTRA_CA_CERTS: server.caFile,
        GIT_SSL_CAINFO: server.caFile,
      };
      execFileSync('git', [
        'clone',
        '-q',
        '--bare',
        rig.path('repository'),
        `${server.repositories}/org/papers.git`,
      ]);
    });
    after(() => server.dispose());

    test('a version of a repository lists the refs that were tried and the versions that exist', async () => {
      await assertRefused(rig, create(`${server.url}/org/papers/papers/one:2.0`), {
        code: 'SAME1211',
        exit: 3,
        message:
          /papers\/one\/2\.0, papers\/one-2\.0, papers\/one@2\.0, v2\.0, 2\.0.*default branch main says version 1\.0/,
        hint: '1.0',
        env,
      });
    });
    test('a repository of a server', async () => {
      await assertRefused(rig, create(`${server.url}/org/none`), {
        code: 'SAME1205',
        exit: 3,
        hint: 'none.git',
        env,
      });
    });
    test('an archive of a server', async () => {
      await assertRefused(rig, create(`${server.url}/files/none.tgz`), {
        code: 'SAME1205',
        exit: 3,
        message: /none\.tgz/,
        env,
      });
    });
    test('a server', async () => {
      const gone = new URL(server.url);
      gone.port = '1';
      await assertRefused(rig, create(`${gone.origin}/org/none.tgz`), { code: 'SAME1209', exit: 6, env });
    });
  });
});
